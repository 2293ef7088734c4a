"""How often somebody has done something lately, on PostgreSQL, and what this process remembers of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import asyncpg

from tickets.adapters.postgres.database import Database
from tickets.adapters.postgres.queries import load_queries
from tickets.domain.errors import TooManyRequests
from tickets.domain.rates import Standing, Use

CONSTRAINT = "ticket_rates_limit"
"""What a row of `ticket_rates` breaks with one use too many."""

REMEMBERED = 10_000
"""Subjects that a process remembers, the last that it counted."""


class PostgresRates:
    """The port `Rates` on PostgreSQL.

    Who has been refused is refused again without a statement until the time has come, in this
    process; others find out by themselves. Nothing that is counted is ever only remembered.
    """

    def __init__(self, database: Database, *, moment: Callable[[], float] = time.monotonic) -> None:
        """Count in this database; `moment` tells seconds that have passed since some time or other."""
        self._database = database
        self._sql = load_queries("rates")
        self._moment = moment
        self._known: dict[str, tuple[Standing, float]] = {}
        self._refused: dict[str, tuple[Standing, float]] = {}

    def check(self, use: Use) -> None:
        """Look at the refusals that are remembered."""
        standing = self._since_then(self._refused.get(use.subject))
        if standing is not None:
            raise TooManyRequests(use, standing)

    def standing(self, use: Use) -> Standing | None:
        """Look at what is remembered of the last count."""
        return self._since_then(self._known.get(use.subject))

    async def count(self, use: Use) -> Standing:
        """Move the arrival of the subject's row, which the constraint limits."""
        try:
            ahead: timedelta = await self._database.fetchval(
                self._sql["count_use"], *counted_as(use)
            )
        except asyncpg.CheckViolationError as error:
            raise await self.refusal(use, error) from error
        return self.counted(use, ahead)

    def counted(self, use: Use, ahead: timedelta) -> Standing:
        """Remember what a statement has counted: how far ahead the arrival lies now."""
        standing = Standing.ahead_by(ahead, use.rate)
        _remember(self._known, use, (standing, self._moment()))
        return standing

    async def refusal(self, use: Use | None, error: asyncpg.CheckViolationError) -> Exception:
        """Return what it means that a statement which counts this use breaks a constraint."""
        if use is None or error.constraint_name != CONSTRAINT:
            other: Exception = error
            return other
        row = await self._database.fetchrow(self._sql["time_until_use"], *counted_as(use))
        # a use may have come back since
        wait = max(row["wait"] if row else timedelta(), timedelta(microseconds=1))
        refused = Standing(0, wait)
        for memory in (self._refused, self._known):
            _remember(memory, use, (refused, self._moment()))
        return TooManyRequests(use, refused)

    async def forget_unused(self) -> int:
        """Delete the rows whose arrival has passed."""
        removed: int = await self._database.fetchval(self._sql["forget_unused"])
        return removed

    def _since_then(self, remembered: tuple[Standing, float] | None) -> Standing | None:
        if remembered is None:
            return None
        standing, moment = remembered
        wait = standing.wait - timedelta(seconds=self._moment() - moment)
        return Standing(standing.remaining, wait) if wait > timedelta() else None


def counted_as(use: Use | None) -> tuple[object, ...]:
    """Return what every statement takes that counts: the subject, what one use moves, and the period."""
    return (None,) * 3 if use is None else (use.subject, use.rate.interval, use.rate.period)


def _remember(
    memory: dict[str, tuple[Standing, float]], use: Use, what: tuple[Standing, float]
) -> None:
    memory.pop(use.subject, None)
    if len(memory) >= REMEMBERED:
        # the one that was counted longest ago
        del memory[next(iter(memory))]
    memory[use.subject] = what
