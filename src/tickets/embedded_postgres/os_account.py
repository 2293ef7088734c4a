"""The operating system account that PostgreSQL runs as: PostgreSQL refuses to run as root."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tickets.embedded_postgres.errors import EmbeddedPostgresError

if sys.platform != "win32":
    import pwd

ACCOUNT_NAME = "pgserver"
"""The account that PostgreSQL runs as when root starts it."""


@dataclass(frozen=True)
class OsAccount:
    """The account that PostgreSQL runs as: this process's own or, for root, the one in `entry`."""

    entry: pwd.struct_passwd | None

    @classmethod
    def for_postgres(cls) -> OsAccount:
        """Return the account; for root, create `pgserver` if it is missing."""
        if not is_root():
            return cls(None)
        with contextlib.suppress(KeyError):
            return cls(pwd.getpwnam(ACCOUNT_NAME))
        path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"  # `su` leaves sbin out
        useradd = shutil.which("useradd", path=path) or "useradd"
        options = ("--system", "--user-group", "--home-dir=/nonexistent", "--shell=/bin/false")
        try:
            reason = subprocess.run(
                [useradd, *options, ACCOUNT_NAME], check=False, capture_output=True, text=True
            ).stderr.strip()
        except OSError as error:
            reason = str(error)
        try:
            # even if useradd failed: another process may have created it at the same time
            return cls(pwd.getpwnam(ACCOUNT_NAME))
        except KeyError:
            raise EmbeddedPostgresError(
                f"PostgreSQL does not run as root, and its account {ACCOUNT_NAME} could not be"
                f" created ({reason}): create that user, run this as an ordinary user,"
                " or set TICKETS_DATABASE_URL."
            ) from None

    @property
    def uid(self) -> int:
        """The account's user id; it owns the cluster."""
        return self.entry.pw_uid if self.entry else os.geteuid()

    def take_ownership(self, path: Path) -> None:
        """Make the account the owner of a file that this process created."""
        if self.entry:
            os.chown(path, self.entry.pw_uid, self.entry.pw_gid, follow_symlinks=False)

    def check_access(self, path: Path) -> None:
        """Raise if the account cannot enter one of the existing folders above `path`."""
        parents = reversed(path.parents) if self.entry else ()
        for parent in (parent for parent in parents if parent.is_dir()):
            found = parent.stat()
            if found.st_uid == self.uid or found.st_mode & stat.S_IXOTH:
                continue
            raise EmbeddedPostgresError(
                f"PostgreSQL does not run as root but as the account {ACCOUNT_NAME}, which cannot"
                f" enter {parent}: run `chmod o+x {shlex.quote(str(parent))}`, use another folder,"
                " or run this as an ordinary user."
            )


def is_root() -> bool:
    """Return whether this process runs as root."""
    return sys.platform != "win32" and os.geteuid() == 0
