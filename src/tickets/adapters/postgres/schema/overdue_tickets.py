"""Counts the tickets that natural close will close, for an operator who is about to migrate."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from tickets.adapters.postgres.connection.connect import CommandConnection
from tickets.adapters.postgres.sql_loader import load_queries


async def count_overdue(connection: CommandConnection, quiet_since: datetime) -> int:
    """Return how many resolved tickets have been quiet since a moment, and nobody waits in them.

    Works on a database that has not been taken over, too. Without tickets, or with tables that
    cannot be read, there are none: the migrations say what is wrong.
    """
    query, *arguments = load_queries("auto_close")["overdue_tickets"].bind(moment=quiet_since)
    try:
        count: int = await connection.fetchval(query, *arguments)
    except asyncpg.PostgresError:
        return 0
    return count
