"""The rate limiter on PostgreSQL (GCRA), shared by all processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import asyncpg

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.table_sweep import sweep
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.bounded_dict import BoundedDict
from tickets.domain.errors import TooManyRequests, WriteRefused
from tickets.domain.rate_limits import MICROSECOND, Allowance, Hit

CONSTRAINT = "ticket_rates_limit"
"""The check constraint that refuses a hit over the limit."""

MAX_ENTRIES = 10_000
"""Maximum number of subjects that a process caches; eviction is FIFO."""


class PostgresRateLimiter:
    """The port `RateLimiter` on PostgreSQL.

    A subject that was refused is refused again by this process, without a statement, until its wait
    is over. Every hit is recorded in the database; memory only saves statements.
    """

    def __init__(
        self, database: Database, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Count in this database; `monotonic` returns seconds from any starting point."""
        self._database = database
        self._sql = load_queries("rate_limits")
        self._monotonic = monotonic
        # by subject, moments of the clock: the theoretical arrival time, and the end of a refusal
        self._arrivals = BoundedDict[str, float](MAX_ENTRIES)
        self._refused_until = BoundedDict[str, float](MAX_ENTRIES)

    def check(self, hit: Hit) -> None:
        """Look at the refusals in memory."""
        refused_until = self._refused_until.get(hit.subject)
        if refused_until is None:
            return
        wait = int((refused_until - self._monotonic()) * 1_000_000)
        if wait > 0:
            raise TooManyRequests(hit, Allowance(0, wait))

    def allowance(self, hit: Hit) -> Allowance | None:
        """Compute it from the arrival time in memory."""
        arrival = self._arrivals.get(hit.subject)
        if arrival is None:
            return None
        arrival_in = int((arrival - self._monotonic()) * 1_000_000)
        return Allowance.at(arrival_in, hit.rate_limit) if arrival_in > 0 else None

    async def record(self, hit: Hit) -> Allowance:
        """Move the arrival time of the subject's row, which the constraint bounds."""
        query = self._sql["record_hit"].bind(**hit_values(hit))
        try:
            arrival_in: timedelta = await self._database.fetchval(*query)
        except asyncpg.CheckViolationError as error:
            raise await self.refusal(hit, error) or WriteRefused from error
        self.recorded(hit, arrival_in)
        return Allowance.at(arrival_in // MICROSECOND, hit.rate_limit)

    def recorded(self, hit: Hit, arrival_in: timedelta) -> None:
        """Cache what a statement recorded: the time until the subject's arrival time."""
        self._put(self._arrivals, hit.subject, arrival_in)

    async def refusal(
        self, hit: Hit | None, error: asyncpg.CheckViolationError
    ) -> TooManyRequests | None:
        """Return the error to raise where a hit broke the rate limit's constraint, else None."""
        if hit is None or error.constraint_name != CONSTRAINT:
            return None
        row = await self._database.fetchrow(*self._sql["time_until_hit"].bind(**hit_values(hit)))
        # a hit may have been refilled since
        wait: timedelta = max(row["wait"] if row else MICROSECOND, MICROSECOND)
        self._put(self._refused_until, hit.subject, wait)
        self.recorded(hit, wait + hit.rate_limit.period - hit.rate_limit.interval)
        return TooManyRequests(hit, Allowance(0, wait // MICROSECOND))

    async def delete_expired(self) -> int:
        """Delete the rows whose arrival time has passed."""
        return await sweep(self._database, self._sql["delete_expired_rate_limits"])

    def _put(self, moments: BoundedDict[str, float], subject: str, in_: timedelta) -> None:
        moments.put(subject, self._monotonic() + in_.total_seconds())


def hit_values(hit: Hit | None) -> dict[str, object]:
    """Return the parameters of every statement that records a hit, all None without one."""
    if hit is None:
        return dict.fromkeys(("subject_of_hit", "interval", "period"))
    return {
        "subject_of_hit": hit.subject,
        "interval": hit.rate_limit.interval,
        "period": hit.rate_limit.period,
    }
