"""Reports on PostgreSQL: one statement, one at a time per process."""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.reports import CategoryFigures, DayFigures, Durations, Period, Report
from tickets.domain.ticket import Category


class PostgresReports:
    """The port `Reports` on PostgreSQL.

    A report reads a year of tickets and events. One at a time leaves the other connections of the
    pool to everybody else.
    """

    def __init__(self, database: Database) -> None:
        """Count in this database."""
        self._database = database
        self._one_at_a_time = asyncio.Semaphore(1)
        self._sql = load_queries("reports")

    async def report(self, period: Period, *, at: datetime) -> Report:
        """Count in the database, which returns each group of figures as JSON."""
        query = self._sql["report"].bind(
            first_day=period.first,
            last_day=period.last,
            starts=period.start,
            ends=period.end,
            at=at,
            categories=list(Category),
        )
        async with self._one_at_a_time:
            row = await self._database.fetchrow(*query)
        assert row is not None  # noqa: S101 - a select without a table has its row
        categories = msgspec.json.decode(
            row["categories"], type=dict[Category, tuple[int, int, int | None]]
        )
        return Report(
            period,
            msgspec.json.decode(row["days"], type=list[DayFigures]),
            msgspec.json.decode(row["first_reply"], type=Durations),
            msgspec.json.decode(row["resolution"], type=Durations),
            [CategoryFigures(category, *categories[category]) for category in Category],
        )
