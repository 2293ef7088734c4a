"""A table sweep: deletes expired rows of a whole table in short statements, a few blocks at a time.

For tables without an index on the time of expiry, which every write would have to maintain. One
statement over all of them would hold its locks, and keep other rows from being vacuumed, for as
long as there is something to delete.
"""

from __future__ import annotations

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import Query

BLOCKS_PER_STATEMENT = 32
"""Blocks of 8 KiB that one statement reads: some thousand rows at most."""


async def sweep(database: Database, query: Query, **values: object) -> int:
    """Run a deletion over all blocks of its table; return how many rows were deleted.

    The query takes `from_row` and `to_row`, of type tid, and returns the count `deleted` and the
    table's size in `blocks`. Rows that are added meanwhile are not expired yet.
    """
    deleted, block, blocks = 0, 0, 1
    while block < blocks:
        row = await database.fetchrow(
            *query.bind(from_row=(block, 0), to_row=(block + BLOCKS_PER_STATEMENT, 0), **values)
        )
        assert row is not None  # noqa: S101 - an aggregate
        deleted += row["deleted"]
        blocks = row["blocks"]
        block += BLOCKS_PER_STATEMENT
    return deleted
