"""Brings the schema up to date: numbered files, each once, recorded with a checksum, under one lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import asyncpg

from tickets.adapters.postgres.queries import load_queries, sql_folder

REFUSED = "TK001"
"""The SQLSTATE with which a migration declines a database, with a message for the operator."""


class MigrationError(Exception):
    """The database cannot be brought up to date, with a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of `sql/migrations`."""

    number: int
    name: str
    script: str

    @property
    def title(self) -> str:
        """What the file is called, without its ending."""
        return f"{self.number:04}_{self.name}"

    @property
    def checksum(self) -> str:
        """The SHA-256 of the script, with line endings as git may have changed them put back."""
        return sha256(self.script.replace("\r\n", "\n").encode()).hexdigest()


def load_migrations() -> list[Migration]:
    """Return all migrations that this version of the service knows, in order."""
    found = []
    for file in (sql_folder() / "migrations").iterdir():
        number, _, name = file.name.removesuffix(".sql").partition("_")
        found.append(Migration(int(number), name, file.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.number)


class Migrator:
    """Applies migrations over one connection; several processes may do so at once."""

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
        """Return what is still to be applied, and change nothing.

        Raises `MigrationError` where the database is newer than this version, or where a file is
        no longer the one that was applied.
        """
        if not await self._connection.fetchval(self._sql["migrations_exist"]):
            return list(self._migrations)
        known = {migration.number: migration for migration in self._migrations}
        applied = await self._connection.fetch(self._sql["applied_migrations"])
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

    async def apply(self) -> list[Migration]:
        """Apply what is due, each in a transaction of its own, and return what was applied here.

        Where several processes start at once, each file is applied by one of them while the
        others wait. Raises `MigrationError`; what was applied before it stays applied.
        """
        applied = []
        while (migration := await self._apply_next()) is not None:
            applied.append(migration)
        return applied

    async def _apply_next(self) -> Migration | None:
        # The lock ends with the transaction, so it also holds behind PgBouncer, and no crash can leave it behind.
        async with self._connection.transaction():
            await self._connection.execute(self._sql["lock_migrations"])
            await self._connection.execute(self._sql["create_migrations"])
            due = await self.due()
            if not due:
                return None
            migration = due[0]
            try:
                await self._connection.execute(migration.script)
            except asyncpg.PostgresError as error:
                if error.sqlstate != REFUSED:
                    raise
                message = (
                    f"This database cannot be taken over: {error.args[0]}. Nothing was changed."
                )
                raise MigrationError(message) from error
            await self._connection.execute(
                self._sql["record_migration"], migration.number, migration.name, migration.checksum
            )
            return migration
