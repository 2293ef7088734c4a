"""Rehearses the service's writes in a transaction that is rolled back.

`explain` does not run triggers, checks and sequences. So a ticket is opened, answered and closed
here by the statements of the service itself, and nobody sees it. Its ids are used up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import asyncpg

from tickets.adapters.postgres.caching.ticket_cache import PostgresTicketCache
from tickets.adapters.postgres.caching.unread_counts import UnreadCounts
from tickets.adapters.postgres.repositories.rate_limits import PostgresRateLimiter
from tickets.adapters.postgres.repositories.tickets import PostgresTickets
from tickets.adapters.postgres.schema.migration_transactions import LOCK_CONFLICTS, Transactions
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.adapters.postgres.verification.findings import Finding
from tickets.domain.errors import TicketsError
from tickets.domain.people import Actor
from tickets.domain.ticket import Status, Ticket

if TYPE_CHECKING:
    from tickets.adapters.postgres.connection.database import Database

TEXT = "This ticket exists only while the database is verified."


class _RolledBackError(Exception):
    """Ends the transaction of a rehearsal that went well."""


async def refused_writes(transactions: Transactions) -> Sequence[Finding]:
    """Return a finding for the first write that the database refuses, or does not count.

    Without a user there is nobody whose ticket it could be, and nothing is rehearsed.
    """
    connection = transactions.connection
    sql = load_queries("verification")
    findings: list[Finding] = []
    doing = "nothing"
    try:
        async with transactions.open():
            await connection.execute(sql["limit_repair_waits"].sql)
            someone = await connection.fetchrow(sql["any_user"].sql)
            if someone is None:
                return []
            at = someone["now"]
            tickets = _tickets_over(cast("Database", connection))
            doing = "opening a ticket"
            opened = await tickets.add(
                Ticket.open(
                    by=Actor.user(someone["id"]),
                    category="support",
                    other_category=None,
                    subject=TEXT,
                    message=TEXT,
                    at=at,
                )
            )
            if not await connection.fetchval(sql["has_counted"].sql):
                findings.append(Finding("writes", "a new ticket is not in the ticket counts"))
            doing = "replying"
            ticket = await tickets.get(opened.id)
            ticket.reply(TEXT, by=Actor.team(), at=at)
            await tickets.save(ticket)
            for status in (Status.IN_PROGRESS, Status.RESOLVED, Status.CLOSED):
                doing = f"the status {status}"
                ticket = await tickets.get(opened.id)
                ticket.change_status(status, by=Actor.team(), at=at)
                await tickets.save(ticket)
            raise _RolledBackError  # noqa: TRY301 - nothing else rolls back
    except (_RolledBackError, *LOCK_CONFLICTS):
        # a user's row that others hold is no finding
        pass
    except (asyncpg.PostgresError, TicketsError) as error:
        findings.append(Finding("writes", f"{doing} is refused: {error.__cause__ or error}"))
    return findings


def _tickets_over(database: Database) -> PostgresTickets:
    return PostgresTickets(
        database,
        PostgresRateLimiter(database),
        UnreadCounts(database, None),
        PostgresTicketCache(None),
    )
