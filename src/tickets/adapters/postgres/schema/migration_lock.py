"""Advisory lock of the migration runner: one process migrates, the others poll.

The lock outlives the transactions of the steps, and must not belong to a session, which behind
PgBouncer is shared. So a second connection holds it in an open transaction. Other processes poll: a
statement that waits for a lock keeps a snapshot, and a concurrent index build waits for every older
snapshot, so both would wait for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import asyncpg

from tickets.adapters.postgres.connection.connect import CommandConnection
from tickets.adapters.postgres.connection.errors import CLIENT_SIDE
from tickets.adapters.postgres.schema.migration_files import MigrationError
from tickets.adapters.postgres.schema.migration_transactions import (
    FAILURES,
    LOCK_RETRY_DELAY,
    Transactions,
    explained,
)
from tickets.adapters.postgres.sql_loader import load_queries

logger = logging.getLogger("tickets")


class MigrationLock:
    """The lock, while it is held."""

    def __init__(self, connection: CommandConnection) -> None:
        """Describe the lock that this connection's transaction holds."""
        self._connection = connection
        self._sql = load_queries("migrations")

    async def check(self) -> None:
        """Raise `MigrationError` if the lock's connection is lost: another process may migrate."""
        try:
            await self._connection.execute(self._sql["check_migration_lock"].sql)
        except FAILURES as error:
            raise MigrationError(
                f"The connection that holds the migration lock is lost: {error}. Steps that are "
                f"finished stay finished; run the migration again."
            ) from error


@asynccontextmanager
async def migration_lock(connection: CommandConnection) -> AsyncIterator[MigrationLock]:
    """Hold the lock of this connection's database in the block, on a connection of its own.

    Raises `MigrationError` if that connection is lost while this waits for the lock.
    """
    async with connection.another() as holder:
        transaction = await _lock(Transactions(holder))
        try:
            yield MigrationLock(holder)
        finally:
            # a connection that is lost has released the lock already
            with suppress(asyncpg.PostgresConnectionError, *CLIENT_SIDE):
                await transaction.aclose()


async def _lock(transactions: Transactions) -> AsyncExitStack:
    """Poll the lock; return the open transaction that holds it."""
    waiting = False
    while True:
        async with AsyncExitStack() as transaction:
            with explained("Migrating failed"):
                await transaction.enter_async_context(transactions.open())
                query = load_queries("migrations")["try_lock"]
                if await transactions.connection.fetchval(query.sql):
                    # The server keeps the portal of the driver's last query, and with it a
                    # snapshot, until the next statement; `execute` leaves none.
                    await transactions.connection.execute(
                        load_queries("migrations")["check_migration_lock"].sql
                    )
                    return transaction.pop_all()
        if not waiting:
            logger.info("another process is migrating the database; waiting until it is done")
        waiting = True
        await asyncio.sleep(LOCK_RETRY_DELAY)
