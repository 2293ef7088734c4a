"""Creates a cluster and its database `tickets`."""

from __future__ import annotations

from collections.abc import Sequence

from tickets.embedded_postgres.data_folder import POSTGRES_MAJOR, DataFolder
from tickets.embedded_postgres.errors import EmbeddedPostgresError
from tickets.embedded_postgres.logged_runner import LoggedRunner


def create_if_missing(
    folder: DataFolder, runner: LoggedRunner, running: int, options: Sequence[str]
) -> None:
    """Create the cluster and its database in a temporary folder, then rename it.

    So a crash leaves no half-made cluster. `running` is the descriptor of that lock.
    """
    path = folder.path
    version = folder.read_version()
    if version == str(POSTGRES_MAJOR):
        return
    if version is not None:
        raise EmbeddedPostgresError(
            f"{path} was created by PostgreSQL {version}, but this is PostgreSQL"
            f" {POSTGRES_MAJOR}: dump it with PostgreSQL {version} and restore it here, or set"
            " TICKETS_DATA_FOLDER to another folder."
        )
    if path.exists() and any(path.iterdir()):
        raise EmbeddedPostgresError(
            f"{path} is not empty and is not a PostgreSQL cluster:"
            " set TICKETS_DATA_FOLDER to another folder."
        )
    with folder.new_folder() as new:
        folder.account.take_ownership(new)
        runner.run(
            ("initdb", f"--pgdata={new}", "--username=postgres", "--encoding=UTF8")
            # PostgreSQL's own locale: the C library's C.UTF-8 is missing on some systems.
            + ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
            # Local connections need no password: only the folder's owner can reach the socket.
            + ("--auth-local=trust", "--auth-host=reject")
            + ("--set=timezone=UTC", "--set=log_timezone=UTC", "--no-instructions")
            + (("--no-sync",) if "fsync=off" in options else ()),
            failure="could not create its cluster",
            running=running,
        )
        runner.run(
            ("postgres", "--single", "-D", f"{new}", "-c", "exit_on_error=on", "postgres"),
            failure="could not create its database",
            running=running,
            statement="create database tickets",
        )
        new.rename(path)
