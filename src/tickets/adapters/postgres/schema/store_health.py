"""The readiness check, and the figures that only the database has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.errors import is_missing_table
from tickets.adapters.postgres.schema.migrations import load_migrations
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.clock import SystemClock
from tickets.domain.deliveries import ChannelFigures
from tickets.domain.errors import HealthProblem, NotReady, Overloaded, StoreUnavailable

logger = logging.getLogger("tickets")

NO_SCHEMA = HealthProblem("migrations-due", "The database has no tables of this service.")


@dataclass(frozen=True, slots=True)
class Figures:
    """The port `StoreFigures`: figures of all processes together."""

    unread_by_users: int
    unread_by_admins: int
    migrations_applied: int
    migrations_due: int
    verified_at: float | None
    findings_remaining: int
    deliveries: Sequence[ChannelFigures] = ()


class PostgresHealth:
    """The port `StoreHealth` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Check this database against the migrations of this version, which are read once."""
        self._database = database
        self._sql = load_queries("store_health")
        numbers = [migration.number for migration in load_migrations()]
        self._wanted, self._highest = len(numbers), max(numbers)
        self._outbox = load_queries("deliveries")["delivery_figures"]
        self._check: asyncio.Task[Sequence[HealthProblem]] | None = None

    async def ready(self) -> None:
        """Return if the database has every migration of this version, and can be written.

        Raises `NotReady` otherwise. A newer database is fine: while a new version is rolled out,
        the old one goes on beside it. One that lacks a migration, as after the restore of an older
        backup, is not. Probes that come during a check share its outcome, so that a process sends
        one statement at a time, however many there are.
        """
        if self._check is None:
            self._check = asyncio.create_task(self._find_problems())
            self._check.add_done_callback(self._forget_check)
        # a probe that gives up leaves the check to the others
        problems = await asyncio.shield(self._check)
        if problems:
            raise NotReady(problems)

    async def figures(self) -> Figures:
        """Return the figures. Raises `StoreUnavailable`."""
        applied = await self._applied()
        unread = await self._database.fetchrow(*self._sql["unread_totals"].bind())
        assert unread is not None  # noqa: S101 - it has no `from`, so it returns one row
        try:
            verification = await self._database.fetchrow(*self._sql["last_verification"].bind())
        except StoreUnavailable as error:
            if not is_missing_table(error):
                raise
            # an older backup: the figures say that migrations are due
            verification = None
        deliveries = await self._deliveries() if applied == self._wanted else ()
        return Figures(
            unread_by_users=unread["by_users"],
            unread_by_admins=unread["by_admins"],
            migrations_applied=applied,
            migrations_due=self._wanted - applied,
            # the row of a round may be missing after a restore, until the next start
            verified_at=verification and verification["finished_at"],
            findings_remaining=verification["remaining"] if verification else 0,
            deliveries=deliveries,
        )

    async def _deliveries(self) -> Sequence[ChannelFigures]:
        rows = await self._database.fetch(*self._outbox.bind(at=SystemClock().now()))
        return [ChannelFigures(**row) for row in rows]

    def _forget_check(self, _check: object) -> None:
        self._check = None

    async def _find_problems(self) -> Sequence[HealthProblem]:
        query = self._sql["readiness"].bind(highest=self._highest)
        try:
            row = await self._database.fetchrow(*query)
        except StoreUnavailable as error:
            if is_missing_table(error):
                return [NO_SCHEMA]
            if isinstance(error.__cause__, asyncpg.InsufficientPrivilegeError):
                return [
                    HealthProblem("missing-privilege", f"The database says: {error.__cause__}.")
                ]
            logger.warning("the database cannot be checked: %r", error.__cause__ or error)
            name = "overloaded" if isinstance(error, Overloaded) else "unreachable"
            return [HealthProblem(name, str(error))]
        assert row is not None  # noqa: S101 - it has no `from`, so it returns one row
        problems = []
        if due := self._wanted - row["applied"]:
            detail = f"{due} migration{'s are' if due > 1 else ' is'} due: run tickets migrate."
            problems.append(HealthProblem("migrations-due", detail))
        if row["in_recovery"]:
            problems.append(HealthProblem("read-only", "The database is a standby, so read-only."))
        elif row["read_only"]:
            problems.append(HealthProblem("read-only", "The database is read-only."))
        if row["read_only"]:
            # the primary may be at another address, or this one may be writable again
            await self._database.renew()
        for right in row["missing"]:
            detail = f"The role {row['role']} lacks {right}."
            problems.append(HealthProblem("missing-privilege", detail))
        return problems

    async def _applied(self) -> int:
        query = self._sql["count_known_migrations"].bind(highest=self._highest)
        applied: int = await self._database.fetchval(*query)
        return applied
