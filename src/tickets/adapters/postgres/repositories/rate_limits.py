"""How often somebody has done something lately, on PostgreSQL, and what this process remembers of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import asyncpg

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.errors import TooManyRequests
from tickets.domain.rate_limits import MICROSECOND, Allowance, Hit

CONSTRAINT = "ticket_rates_limit"
"""What a row of `ticket_rates` breaks with one use too many."""

MAX_ENTRIES = 10_000
"""Subjects that a process remembers."""


class PostgresRateLimiter:
    """The port `RateLimiter` on PostgreSQL.

    Who has been refused is refused again without a statement until the time has come, in this
    process; others find out by themselves. Nothing that is counted is ever only remembered.
    """

    def __init__(self, database: Database, *, moment: Callable[[], float] = time.monotonic) -> None:
        """Count in this database; `moment` tells seconds that have passed since some time or other."""
        self._database = database
        self._sql = load_queries("rates")
        self._moment = moment
        # by subject, moments: when all will have come back, and until when it is refused
        self._arrivals: dict[str, float] = {}
        self._refused: dict[str, float] = {}

    def check(self, hit: Hit) -> None:
        """Look at the refusals that are remembered."""
        refused_until = self._refused.get(hit.subject)
        if refused_until is None:
            return
        wait = int((refused_until - self._moment()) * 1_000_000)
        if wait > 0:
            raise TooManyRequests(hit, Allowance(0, wait))

    def allowance(self, hit: Hit) -> Allowance | None:
        """Work it out from what is remembered of the last count."""
        arrival = self._arrivals.get(hit.subject)
        if arrival is None:
            return None
        ahead = int((arrival - self._moment()) * 1_000_000)
        return Allowance.at(ahead, hit.rate_limit) if ahead > 0 else None

    async def record(self, hit: Hit) -> Allowance:
        """Move the arrival of the subject's row, which the constraint limits."""
        try:
            ahead: timedelta = await self._database.fetchval(
                self._sql["count_use"], *hit_parameters(hit)
            )
        except asyncpg.CheckViolationError as error:
            raise await self.refusal(hit, error) from error
        self.recorded(hit, ahead)
        return Allowance.at(ahead // MICROSECOND, hit.rate_limit)

    def recorded(self, hit: Hit, ahead: timedelta) -> None:
        """Remember what a statement has counted: how far ahead the arrival lies now."""
        self._remember(self._arrivals, hit.subject, ahead)

    async def refusal(self, hit: Hit | None, error: asyncpg.CheckViolationError) -> Exception:
        """Return what it means that a statement which counts this use breaks a constraint."""
        if hit is None or error.constraint_name != CONSTRAINT:
            other: Exception = error
            return other
        row = await self._database.fetchrow(self._sql["time_until_use"], *hit_parameters(hit))
        # a use may have come back since
        wait: timedelta = max(row["wait"] if row else MICROSECOND, MICROSECOND)
        self._remember(self._refused, hit.subject, wait)
        self.recorded(hit, wait + hit.rate_limit.period - hit.rate_limit.interval)
        return TooManyRequests(hit, Allowance(0, wait // MICROSECOND))

    async def delete_expired(self) -> int:
        """Delete the rows whose arrival has passed."""
        removed: int = await self._database.fetchval(self._sql["forget_unused"])
        return removed

    def _remember(self, memory: dict[str, float], subject: str, ahead: timedelta) -> None:
        memory[subject] = self._moment() + ahead.total_seconds()
        if len(memory) > MAX_ENTRIES:
            # the one that was first counted longest ago
            del memory[next(iter(memory))]


def hit_parameters(hit: Hit | None) -> tuple[object, ...]:
    """Return what every statement takes that counts: the subject, what one use moves, and the period."""
    return (
        (None,) * 3
        if hit is None
        else (hit.subject, hit.rate_limit.interval, hit.rate_limit.period)
    )
