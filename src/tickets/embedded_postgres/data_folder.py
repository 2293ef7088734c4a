"""The folder of the embedded cluster, and the files beside it."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tickets.embedded_postgres.errors import EmbeddedPostgresError
from tickets.embedded_postgres.os_account import OsAccount

if TYPE_CHECKING:
    from collections.abc import Iterator

POSTGRES_MAJOR = 18

_MAX_SOCKET_PATH = 103
"""Bytes: the limit on macOS; Linux allows four more."""

_MAX_LOG_SIZE = 1 << 20
"""Bytes, checked at each start."""


_MAX_TAIL = 1 << 16
"""Bytes at the end of the log that are searched."""


class PidFile(NamedTuple):
    """The lines of postmaster.pid, as PostgreSQL writes them."""

    pid: str
    data_folder: str
    start_time: str
    port: str
    socket_folder: str


@dataclass(frozen=True)
class DataFolder:
    """The cluster's folder. What else belongs to it lies beside it: `FOLDER.log` and so on.

    `layout.py` says where it is in the folder of the setting TICKETS_DATA_FOLDER.
    """

    path: Path
    account: OsAccount

    @property
    def log(self) -> Path:
        """The log of PostgreSQL and of the programs that create and start it."""
        return self.beside("log")

    @property
    def pid_file(self) -> Path:
        """PostgreSQL's own pid file."""
        return self.path / "postmaster.pid"

    def beside(self, suffix: str) -> Path:
        """Return the path beside the cluster with this suffix."""
        return self.path.with_name(f"{self.path.name}.{suffix}")

    def siblings(self, pattern: str) -> Iterator[Path]:
        """Return the paths beside the cluster whose suffix matches the pattern."""
        return self.path.parent.glob(f"{glob.escape(self.path.name)}.{pattern}")

    def read_pid_file(self) -> PidFile | None:
        """Return what the pid file says, None if there is none or it is not written in full yet."""
        try:
            lines = os.fsdecode(self.pid_file.read_bytes()).split("\n")[:5]
        except FileNotFoundError:
            return None
        return PidFile(*lines) if len(lines) == len(PidFile._fields) else None

    def read_version(self) -> str | None:
        """Return the major version that created the cluster, None if there is no cluster."""
        try:
            return (self.path / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return None

    def make_parents(self) -> None:
        """Create the folders above the cluster; PostgreSQL's account can enter them."""
        self.account.check_access(self.path)
        parents = self.path.parents
        missing = [parent for parent in parents if not parent.exists()]
        parents[0].mkdir(parents=True, exist_ok=True)
        for parent in missing:
            parent.chmod(0o711 if self.account.entry else 0o700)

    @contextlib.contextmanager
    def new_folder(self) -> Iterator[Path]:
        """Create a folder to be filled and then renamed; remove it at the end if it was not."""
        prefix = f"{self.path.name}.unfinished-"
        new = Path(tempfile.mkdtemp(prefix=prefix, dir=self.path.parent))
        try:
            yield new
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def rotate_log(self) -> None:
        """Rename the log to `FOLDER.log.old` if it is large."""
        if self.log.exists() and self.log.stat().st_size > _MAX_LOG_SIZE:
            self.log.replace(self.beside("log.old"))

    def log_size(self) -> int:
        """Return the size of the log in bytes; 0 if there is none."""
        try:
            return self.log.stat().st_size
        except FileNotFoundError:
            return 0

    def read_log(self, begin: int) -> str:
        """Return the last 64 KiB of the log, of what was written after the first `begin` bytes."""
        descriptor = open_private(self.log, os.O_RDONLY)
        with os.fdopen(descriptor, "rb") as log:
            size = log.seek(0, os.SEEK_END)
            # a shorter one is a new one
            log.seek(max(begin if begin <= size else 0, size - _MAX_TAIL))
            return log.read().decode(errors="replace")

    def make_socket_folder(self, earlier: Path | None = None) -> Path:
        """Return the socket folder: the cluster or, if its path is unfit, a private one.

        The private one is `earlier`, if given, even if TMPDIR of this process is another.
        """
        path = str(self.path / ".s.PGSQL.5432")
        # asyncpg splits hosts at commas; other unusual characters are not worth the risk
        if len(path) <= _MAX_SOCKET_PATH and re.fullmatch(r"[\w/.+-]+", path, re.ASCII):
            return self.path
        owner = self.account.uid
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        folder = earlier or Path(tempfile.gettempdir()).resolve() / f"tickets-{owner}-{digest}"
        self.account.check_access(folder)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            self.account.take_ownership(folder)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
            raise EmbeddedPostgresError(
                f"{folder}, for PostgreSQL's socket, is not a private folder of this service's"
                " account: remove it."
            )
        return folder


def open_private(path: Path, flags: int) -> int:
    """Open or create a file that only its owner can read; never through a symbolic link."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
