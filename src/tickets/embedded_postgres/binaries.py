"""The programs of the embedded PostgreSQL, and the account as which they run where this is root."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import pwd

ACCOUNT = "pgserver"
"""Whom PostgreSQL runs as, where root starts it."""


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used; the message is one line that says why."""


@dataclass(frozen=True)
class Binaries:
    """The programs of PostgreSQL, run as the account that it accepts, on one cluster."""

    folder: Path
    account: Account
    cluster: Path

    def can_run(self) -> bool:
        """Return whether `pgserver` gets at the programs and their libraries."""
        try:
            return self.run("initdb", "--version").returncode == 0
        except OSError as error:
            if error.errno == errno.EACCES:
                return False
            # The account's, not the file's: a container without the right to change accounts.
            message = (
                f"PostgreSQL does not run as root, and this root may not become the account"
                f" {ACCOUNT} ({error.strerror}): run this as an ordinary user,"
                " or set TICKETS_DATABASE_URL."
            )
            raise EmbeddedPostgresError(message) from error

    def run(
        self,
        program: str,
        *arguments: str,
        statement: str = "",
        output: int = subprocess.DEVNULL,
        running: int | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, in a session of its own, out of reach of a Ctrl-C."""
        environment = {key: text for key, text in os.environ.items() if not key.startswith("PG")}
        # PGDATA instead of -D: pg_ctl hands -D to a shell, which would expand a `$` in the path.
        environment |= {"LC_ALL": "C", "PGDATA": str(self.cluster)}
        entry = self.account.entry
        return subprocess.run(
            [self.folder / program, *arguments],
            check=False,
            input=statement,
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
        )


@dataclass(frozen=True)
class Account:
    """Whom PostgreSQL runs as: whoever runs this process or, where that is root, `entry`."""

    entry: pwd.struct_passwd | None

    @classmethod
    def for_postgres(cls) -> Account:
        """Return the account; as root, make `pgserver` where it is missing."""
        if not is_root():
            return cls(None)
        with contextlib.suppress(KeyError):
            return cls(pwd.getpwnam(ACCOUNT))
        path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"  # `su` leaves sbin out
        useradd = shutil.which("useradd", path=path) or "useradd"
        options = ("--system", "--user-group", "--home-dir=/nonexistent", "--shell=/bin/false")
        try:
            reason = subprocess.run(
                [useradd, *options, ACCOUNT], check=False, capture_output=True, text=True
            ).stderr.strip()
        except OSError as error:
            reason = str(error)
        try:
            return cls(pwd.getpwnam(ACCOUNT))  # which somebody else may just have made
        except KeyError:
            message = (
                f"PostgreSQL does not run as root, and its account {ACCOUNT} could not be made"
                f" ({reason}): add that user, run this as an ordinary one,"
                " or set TICKETS_DATABASE_URL."
            )
            raise EmbeddedPostgresError(message) from None

    @property
    def uid(self) -> int:
        """The account's number, which owns the cluster."""
        return self.entry.pw_uid if self.entry else os.geteuid()

    def give(self, path: Path) -> None:
        """Make the account the owner of a file that this process made."""
        if self.entry:
            os.chown(path, self.entry.pw_uid, self.entry.pw_gid, follow_symlinks=False)

    def check_reaches(self, path: Path) -> None:
        """Raise, naming the folder, where one that exists above `path` keeps the account out."""
        parents = reversed(path.parents) if self.entry else ()
        for parent in (parent for parent in parents if parent.is_dir()):
            found = parent.stat()
            if found.st_uid == self.uid or found.st_mode & stat.S_IXOTH:
                continue
            message = (
                f"PostgreSQL does not run as root but as the account {ACCOUNT}, which cannot enter"
                f" {parent}: run `chmod o+x {shlex.quote(str(parent))}`, use another folder,"
                " or run this as an ordinary user."
            )
            raise EmbeddedPostgresError(message)


def is_root() -> bool:
    """Return whether this process is root's, as which PostgreSQL refuses to run."""
    return sys.platform != "win32" and os.geteuid() == 0
