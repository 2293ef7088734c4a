"""The readiness check, and the figures that only the database has."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.schema.migrations import load_migrations
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.errors import StoreUnavailable


@dataclass(frozen=True, slots=True)
class Figures:
    """The port `StoreFigures`: figures of all processes together."""

    unread_by_users: int
    unread_by_admins: int
    migrations_applied: int
    migrations_due: int


class PostgresHealth:
    """The port `StoreHealth` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Check this database against the migrations of this version, which are read once."""
        self._database = database
        self._sql = load_queries("store_health")
        numbers = [migration.number for migration in load_migrations()]
        self._wanted, self._highest = len(numbers), max(numbers)

    async def ready(self) -> None:
        """Return if the database responds and has every migration of this version.

        Raises `StoreUnavailable` otherwise. A newer database is fine: while a new version is rolled
        out, the old one goes on beside it. One that lacks a migration, as after the restore of an
        older backup, is not.
        """
        if await self._applied() < self._wanted:
            raise StoreUnavailable

    async def figures(self) -> Figures:
        """Return the figures. Raises `StoreUnavailable`."""
        applied = await self._applied()
        unread = await self._database.fetchrow(*self._sql["unread_totals"].bind())
        assert unread is not None  # noqa: S101 - it has no `from`, so it returns one row
        return Figures(unread["by_users"], unread["by_admins"], applied, self._wanted - applied)

    async def _applied(self) -> int:
        query = self._sql["count_known_migrations"].bind(highest=self._highest)
        try:
            applied: int = await self._database.fetchval(*query)
        except asyncpg.UndefinedTableError as error:
            raise StoreUnavailable from error
        return applied
