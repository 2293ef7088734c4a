"""The embedded PostgreSQL: creates, starts, shares and stops a cluster."""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from tickets.embedded_postgres.binaries import find_binaries
from tickets.embedded_postgres.creation import create_if_missing
from tickets.embedded_postgres.data_folder import DataFolder
from tickets.embedded_postgres.errors import EmbeddedPostgresError, failed
from tickets.embedded_postgres.leftovers import is_alive, kill_leftovers
from tickets.embedded_postgres.locks import (
    deciding,
    is_locked_exclusively,
    lock_file,
    lock_shared,
    try_lock_exclusive,
)
from tickets.embedded_postgres.logged_runner import LoggedRunner
from tickets.embedded_postgres.os_account import OsAccount
from tickets.embedded_postgres.watchdog import watching

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TIMEOUT = 60
"""Seconds: recovery of a busy server after a kill -9 can take most of a minute."""

_LEFTOVER_SECONDS = 5
"""Seconds after which what is left of a killed server is killed, too."""

_POLL_INTERVAL = 0.05
"""Seconds, where no binary of PostgreSQL can wait instead."""

_ACCEPTING, _NO_RESPONSE = 0, 2
"""Exit codes of pg_isready; 1 is a server that starts or stops."""


class EmbeddedPostgres:
    """A PostgreSQL cluster in a folder of its own, shared by every process that has it open.

    Entering creates the cluster and its database `tickets` at the first use, and starts the server
    or joins the running one; the last process to leave stops it. Locks, log and temporary folders
    begin with the name of that folder and lie beside it, inside of TICKETS_DATA_FOLDER (`layout.py`
    has the exception). As root the server runs as the account `pgserver`, which owns the cluster's
    folder and must be able to enter every folder above it.

    Entering takes up to a minute if the server recovers from a crash. It raises
    `EmbeddedPostgresError` for everything that prevents it, and so does leaving if the server does
    not stop.
    """

    def __init__(self, folder: Path, *, options: Sequence[str] = ()) -> None:
        """Take the cluster's folder and, for throwaway clusters, server settings (`name=value`).

        A server that already runs keeps the settings that it was started with.
        """
        self._path = folder.expanduser().resolve()
        self._options = tuple(options)
        self._socket_folder: Path | None = None

    @property
    def url(self) -> str:
        """The URL of the database `tickets` for asyncpg and libpq, while this is open."""
        return self._url

    def __enter__(self) -> Self:
        """Start the server or join the running one, and keep it open until the exit."""
        if sys.platform == "win32":
            raise EmbeddedPostgresError(
                "There is no embedded PostgreSQL on Windows: set TICKETS_DATABASE_URL to a"
                " PostgreSQL server."
            )
        try:
            self._folder = DataFolder(self._path, OsAccount.for_postgres())
            self._folder.make_parents()
            with deciding(self._folder), contextlib.ExitStack() as held:
                self._binaries = find_binaries(self._folder)
                self._runner = LoggedRunner(self._folder, self._binaries)
                self._open = held.enter_context(lock_file(self._folder, "open"))
                lock_shared(self._open)
                try:
                    self._ensure_running()
                except (KeyboardInterrupt, SystemExit):
                    # Not for errors: a server whose recovery takes longer than the timeout goes on,
                    # and the next start finds it ready. Stopping it would restart every recovery.
                    self._stop_if_last()
                    raise
                self._held = held.pop_all()
        except OSError as error:
            raise self._failed("cannot be used", str(error)) from error
        return self

    def __exit__(self, *_: object) -> None:
        """Release the server; stop it if no other process has it open."""
        try:
            with deciding(self._folder), self._held:
                self._stop_if_last()
        except OSError as error:
            raise self._failed("cannot be stopped", str(error)) from error

    @contextlib.contextmanager
    def kept_running(self) -> Iterator[None]:
        """Restart the server whenever it dies, while the block runs. The URL stays the same."""
        with watching(self):
            yield

    @property
    def folder(self) -> Path:
        """The folder of the cluster."""
        return self._path

    def is_dead(self) -> bool:
        """Return whether the server has ended, although this process has it open."""
        with lock_file(self._folder, "running") as running:
            if not is_locked_exclusively(running):
                return True
        return self._is_postmaster_gone()

    def last_words(self) -> str:
        """Return the PANIC that the server logged since its start; empty if there is none."""
        found: list[str] = []
        with contextlib.suppress(OSError):
            found = re.findall(r"\bPANIC: +.+", self._folder.read_log(self._log_size))
        return found[-1] if found else ""

    def restart(self, cancelled: threading.Event) -> bool:
        """Start the server unless it runs again; return whether this process has started it."""
        with deciding(self._folder):
            if self._server_status() == _ACCEPTING:
                return False
            self._ensure_running(cancelled)
            return True

    def _ensure_running(self, cancelled: threading.Event | None = None) -> None:
        begin = time.monotonic()
        with lock_file(self._folder, "running") as running:
            while (status := self._server_status()) != _ACCEPTING:
                if status == _NO_RESPONSE and try_lock_exclusive(running):
                    self._remove_leftovers()
                    if cancelled is None:
                        create_if_missing(self._folder, self._runner, running, self._options)
                    elif self._folder.read_version() is None:
                        # unmounted, or moved away: a new one would be empty
                        raise self._failed(f"has lost its folder {self._path}")
                    self._start(running, cancelled)
                    break
                # A killed supervisor left a server that starts, recovers or stops.
                self._wait_for_server(begin, "neither responded nor ended")
                if cancelled is not None and cancelled.is_set():
                    raise self._failed("is not needed any more")
        server = self._folder.read_pid_file()
        if server is None:
            raise self._failed("stopped during the start")
        # The port is named because asyncpg would take one from PGPORT.
        self._url = (
            f"postgresql://postgres@/tickets?host={quote(server.socket_folder)}&port={server.port}"
        )
        self._socket_folder = Path(server.socket_folder)
        self._log_size = self._folder.log_size()

    def _wait_for_server(self, begin: float, failure: str) -> None:
        """Wait a moment for a server to respond or to end; raise when it takes too long.

        What is left of a killed server ends by itself or, after some seconds, is killed: nobody can
        be starting another, as the caller holds the lock "deciding".
        """
        seconds = time.monotonic() - begin
        if seconds > _TIMEOUT:
            raise self._failed(f"{failure} within {_TIMEOUT} seconds")
        if seconds > _LEFTOVER_SECONDS and self._is_postmaster_gone():
            kill_leftovers(self._folder.beside("running.lock"))
        time.sleep(_POLL_INTERVAL)

    def _is_postmaster_gone(self) -> bool:
        """Return whether the process in the pid file is gone; False if there is no such file."""
        server = self._folder.read_pid_file()
        return server is not None and not is_alive(int(server.pid))

    def _stop_if_last(self) -> None:
        if not try_lock_exclusive(self._open):
            return
        begin = time.monotonic()
        with lock_file(self._folder, "running") as running:
            while not try_lock_exclusive(running):
                # pg_ctl trusts the pid file, so it may only stop a server that responds. One that
                # does not respond is about to, or is ending.
                if self._server_status() != _NO_RESPONSE:
                    self._binaries.run("pg_ctl", "stop", "-w", "-t", f"{_TIMEOUT}", "-m", "fast")
                self._wait_for_server(begin, "did not stop")

    def _server_status(self) -> int:
        """Return pg_isready's exit code for the address in the server's own pid file.

        The address cannot be computed: the server may have been started with another TMPDIR.
        """
        server = self._folder.read_pid_file()
        # the pid file in a copied cluster still names the server of the original
        if server is None or server.data_folder != str(self._path):
            return _NO_RESPONSE
        address = ("-h", server.socket_folder, "-p", server.port)
        return self._binaries.run("pg_isready", "-q", *address).returncode

    def _remove_leftovers(self) -> None:
        folder = self._folder
        for path in (*folder.siblings("unfinished-*"), *folder.siblings("programs-[0-9]*")):
            if path not in self._binaries.folder.parents:
                shutil.rmtree(path)
        # postgres would trust it if it named any living process of the same account, or its own
        # zombie, which nobody reaps where the service is a container's first process.
        folder.pid_file.unlink(missing_ok=True)

    def _start(self, running: int, cancelled: threading.Event | None) -> None:
        self._folder.rotate_log()
        # again the same folder at a restart, whoever chose it
        socket_folder = self._folder.make_socket_folder(self._socket_folder)
        # it names a pid too, which PostgreSQL would trust
        (socket_folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        settings = (
            *self._options,
            "listen_addresses=",
            "port=5432",
            f'unix_socket_directories="{socket_folder}"',
            "unix_socket_permissions=0700",
        )
        options = shlex.join(part for setting in settings for part in ("-c", setting))
        self._runner.run(
            ("pg_ctl", "start", "-s", "-w", "-t", f"{_TIMEOUT}", "-o", options),
            failure="did not start",
            running=running,
            cancelled=cancelled,
        )

    def _failed(self, what: str, output: str = "") -> EmbeddedPostgresError:
        return failed(self._path.with_name(f"{self._path.name}.log"), what, output)
