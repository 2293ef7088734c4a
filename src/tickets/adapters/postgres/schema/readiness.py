"""What a running service asks its database about itself: can it work, and how is it doing."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.schema.migrations import load_migrations
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.errors import StoreUnavailable


@dataclass(frozen=True, slots=True)
class Figures:
    """How the service is doing, all its processes together."""

    unread_by_users: int
    unread_by_admins: int
    migrations_applied: int
    migrations_due: int


class PostgresHealth:
    """Asks about the schema and about what waits to be read."""

    def __init__(self, database: Database) -> None:
        """Ask this database; what it should have is read from the migrations of this version, once."""
        self._database = database
        self._sql = load_queries("health")
        numbers = [migration.number for migration in load_migrations()]
        self._wanted, self._highest = len(numbers), max(numbers)

    async def ready(self) -> None:
        """Return where the database answers and has all that this version needs; else raise `StoreUnavailable`.

        A database that is newer is fine: while a new version is rolled out, the old one goes on beside it, and a
        migration runs before the code that needs it. One that lacks something, as out of an older backup, is not.
        """
        if await self._applied() < self._wanted:
            raise StoreUnavailable

    async def figures(self) -> Figures:
        """Return how the service is doing. Raises `StoreUnavailable`."""
        applied = await self._applied()
        unread = await self._database.fetchrow(self._sql["unread_totals"])
        assert unread is not None  # noqa: S101 - it has no from, and so always one row
        return Figures(unread["by_users"], unread["by_admins"], applied, self._wanted - applied)

    async def _applied(self) -> int:
        try:
            applied: int = await self._database.fetchval(
                self._sql["migrations_known"], self._highest
            )
        except asyncpg.UndefinedTableError as error:
            raise StoreUnavailable from error
        return applied
