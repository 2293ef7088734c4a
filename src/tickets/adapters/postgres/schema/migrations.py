"""Schema migrations: numbered SQL files, each applied once under a lock, with its checksum."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources.abc import Traversable

import asyncpg

from tickets.adapters.postgres.sql_loader import load_queries, sql_folder

logger = logging.getLogger("tickets")

REFUSED = "TK001"
"""The SQLSTATE with which a migration refuses a database, with a message for the operator."""

LOCK_RETRY_DELAY = 0.5
"""Seconds until a migration that did not get a lock tries again."""

_LOCK_CONFLICTS = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)
_FILE = re.compile(r"(\d{4})_(\w+)\.sql")


class MigrationError(Exception):
    """The database cannot be migrated; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of `sql/migrations`."""

    number: int
    name: str
    script: str

    @property
    def title(self) -> str:
        """The file name without its ending."""
        return f"{self.number:04}_{self.name}"

    @property
    def checksum(self) -> str:
        """The SHA-256 of the script, with the line endings that git may have changed restored."""
        return sha256(self.script.replace("\r\n", "\n").encode()).hexdigest()


def load_migrations(folder: Traversable | None = None) -> list[Migration]:
    """Return the migrations in this folder, by default all that this version knows, in order.

    Backup copies of editors and hidden files are skipped. Raises `MigrationError` for an SQL file
    without a number, and where two have the same one, as after a merge.
    """
    found: dict[int, Migration] = {}
    for file in (folder or sql_folder() / "migrations").iterdir():
        if file.name.startswith(".") or not file.name.endswith(".sql"):
            continue
        if (named := _FILE.fullmatch(file.name)) is None:
            raise MigrationError(f"{file.name} must be named like 0001_what_it_does.sql.")
        migration = Migration(int(named[1]), named[2], file.read_text(encoding="utf-8"))
        if (duplicate := found.setdefault(migration.number, migration)) is not migration:
            both = " and ".join(sorted((duplicate.title, migration.title)))
            raise MigrationError(f"{both} have the same number; give the newer one the next.")
    return [found[number] for number in sorted(found)]


class Migrator:
    """Applies migrations over one connection; several processes may run it at once."""

    def __init__(
        self,
        connection: asyncpg.Connection[asyncpg.Record],
        migrations: Sequence[Migration] | None = None,
    ) -> None:
        """Work on this connection's database, by default with the migrations of this version."""
        self._connection = connection
        self._migrations = load_migrations() if migrations is None else migrations
        self._sql = load_queries("migrations")

    async def due(self) -> list[Migration]:
        """Return the migrations that are still to be applied; changes nothing.

        Raises `MigrationError` where the database is newer than this version, or where a file is
        no longer the one that was applied.
        """
        with _explained("The record of migrations cannot be read"):
            if not await self._connection.fetchval(self._sql["migrations_exist"].sql):
                return list(self._migrations)
            applied = await self._connection.fetch(self._sql["applied_migrations"].sql)
        known = {migration.number: migration for migration in self._migrations}
        for row in applied:
            migration = known.pop(row["number"], None)
            title = f"{row['number']:04}_{row['name']}"
            if migration is None:
                message = (
                    f"The database is newer than this version of the service: it has migration "
                    f"{title}. Start the version that made it, or a later one."
                )
                raise MigrationError(message)
            if migration.checksum != row["checksum"]:
                message = (
                    f"Migration {title} is not the file that was applied to this database: "
                    f"a migration is never changed once it is out. Restore it, and add a new one."
                )
                raise MigrationError(message)
        return list(known.values())

    async def would_take_over(self) -> bool:
        """Return whether the next `apply` takes over tickets that a platform has made."""
        with _explained("The database cannot be read"):
            found: bool = await self._connection.fetchval(self._sql["platform_has_tickets"].sql)
        return found

    async def apply(self) -> list[Migration]:
        """Apply what is due, each migration in its own transaction; return what was applied here.

        Where several processes start at once, one of them applies each migration while the others
        wait. Where other sessions hold a lock that a migration needs, it gives up after a short
        wait and tries again until they are done, so that nobody queues behind it for long. A
        database that is up to date is only read. Raises `MigrationError`; migrations that were
        applied before the error stay applied.
        """
        applied: list[Migration] = []
        waiting = False
        while True:
            try:
                migration = await self._apply_next()
            except _LOCK_CONFLICTS as error:
                if not waiting:
                    logger.warning("migration is waiting for locks of other sessions: %s", error)
                waiting = True
                await asyncio.sleep(LOCK_RETRY_DELAY)
                continue
            if migration is None:
                return applied
            applied.append(migration)

    async def _apply_next(self) -> Migration | None:
        # The lock ends with the transaction, so it works behind PgBouncer, and no crash leaves it.
        async with self._transaction():
            with _explained("Migrating failed"):
                await self._connection.execute(self._sql["disable_timeouts"].sql)
                await self._connection.execute(self._sql["lock_migrations"].sql)
            due = await self.due()
            if not due:
                return None
            migration = due[0]
            with _explained(f"Migration {migration.title} failed and changed nothing"):
                await self._connection.execute(self._sql["limit_lock_waits"].sql)
                if not await self._connection.fetchval(self._sql["migrations_exist"].sql):
                    await self._connection.execute(self._sql["create_migrations"].sql)
                await self._connection.execute(migration.script)
                await self._connection.execute(
                    *self._sql["record_migration"].bind(
                        number=migration.number,
                        name=migration.name,
                        checksum=migration.checksum,
                    )
                )
            return migration

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        # At a higher isolation, which may be the database's default, a process that waited for the
        # lock would still read the state from before it.
        transaction = self._connection.transaction(isolation="read_committed")
        await transaction.start()
        try:
            yield
        except BaseException:
            # a server that is gone has rolled back; a rollback would raise and hide the error
            if not self._connection.is_closed():
                await transaction.rollback()
            raise
        await transaction.commit()


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Raise errors of the server as `MigrationError`, except lock conflicts, which are retried."""
    try:
        yield
    except _LOCK_CONFLICTS:
        raise
    except asyncpg.PostgresError as error:
        if error.sqlstate == REFUSED:
            message = f"This database cannot be taken over: {error.args[0]}. Nothing was changed."
        else:
            message = f"{what}: {error}"
        raise MigrationError(message) from error
