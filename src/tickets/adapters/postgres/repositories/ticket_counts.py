"""Ticket counts by status and category, which triggers maintain; see sql/migrations."""

from __future__ import annotations

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries

BATCH_SIZE = 500
"""Rows that one statement folds, as it says."""


class PostgresTicketCounts:
    """Keeps the table of ticket counts small: each PostgreSQL process adds rows of its own."""

    def __init__(self, database: Database) -> None:
        """Work on this database, whose schema is up to date."""
        self._database = database
        self._sql = load_queries("ticket_counts")

    async def fold(self) -> int:
        """Add up the rows of each status and category; return 0, as the counts stay the same."""
        while await self._database.fetchval(*self._sql["fold_counts"].bind()) == BATCH_SIZE:
            pass
        return 0
