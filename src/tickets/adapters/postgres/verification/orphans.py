"""Finds rows that belong to no ticket: history, outbox and notes have no foreign key to theirs."""

from __future__ import annotations

import asyncpg

from tickets.adapters.postgres.schema.migration_transactions import LOCK_CONFLICTS, Transactions
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.adapters.postgres.verification.findings import WrongThreads


async def find_orphans(
    transactions: Transactions, after: int, last: int, wrong: WrongThreads, *, repair: bool
) -> None:
    """Add the orphans of tickets with ids above `after`, up to `last`, to what is wrong.

    A repair deletes events and deliveries, as the trigger would have done that did not fire. Notes
    are somebody's words and kept nowhere else, so they are named. So is everything in a database
    without tickets: somebody may be about to restore them.
    """
    sql, connection = load_queries("verification"), transactions.connection
    values = {"after": after, "last": last}
    try:
        async with transactions.open():
            found = await connection.fetch(*sql["find_orphans"].bind(**values))
        remaining = found
        if found and repair:
            async with transactions.open():
                await connection.execute(sql["limit_repair_waits"].sql)
                for name in ("delete_orphaned_events", "delete_orphaned_deliveries"):
                    await connection.execute(*sql[name].bind(**values))
                remaining = await connection.fetch(*sql["find_orphans"].bind(**values))
    except (*LOCK_CONFLICTS, asyncpg.InsufficientPrivilegeError):
        # a serving process need not have the right to read the outbox
        return
    left = {row["table_name"] for row in remaining}
    for row in found:
        table = row["table_name"]
        wrong.add_orphans(
            table,
            row["orphans"],
            row["ticket_ids"],
            is_repaired=table not in left,
            is_repairable=table != "ticket_notes",
        )
