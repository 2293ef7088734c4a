"""The connection pool, and what its failures mean: either the store is away, or the code is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from tickets.domain.errors import Overloaded, StaleTicket, StoreUnavailable

# The store is away, starting, stopping, full, or not answering in time. All other errors are defects and stay visible.
UNAVAILABLE: tuple[type[Exception], ...] = (
    OSError,  # nobody listens, the name does not resolve, the connection broke; TimeoutError is one too
    asyncpg.InterfaceError,  # the connection or the pool is closed, or being closed
    asyncpg.InternalClientError,  # see `_connection`
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, cancelled by a timeout
    asyncpg.InsufficientResourcesError,  # out of connections, memory or disk
    asyncpg.LockNotAvailableError,  # somebody holds a row or a table for longer than `LOCK_SECONDS`
    asyncpg.PostgresSystemError,
    asyncpg.PostgresIOError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,  # a replica, in the middle of a fail-over
)

LOCK_SECONDS = 2.0
"""How long a statement waits for a row or a table that somebody else holds."""

GRACE_SECONDS = 1.0
"""How much later than this process the server itself gives a statement up, for when this process is gone."""


@dataclass(frozen=True, slots=True)
class PoolUsage:
    """How the pool is doing: open connections, those that nobody uses, and requests that wait for one."""

    size: int
    idle: int
    waiting: int


QueryLogger = Callable[[asyncpg.connection.LoggedQuery], None]
"""Is told of every statement that was run, with how long it took."""


class Database:
    """PostgreSQL as the adapters see it: three ways to run one statement.

    The service keeps nothing in a session (no temporary tables, settings, cursors or advisory
    locks across statements), so the pool's reset between uses would be a round trip for nothing,
    and is off.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        pool_queue: int = 500,
        timeout: float = 10,
        statement_cache_size: int = 100,
        query_logger: QueryLogger | None = None,
    ) -> None:
        """Describe the pool; nothing is opened before `open`.

        `pool_size` connections at most, for which `pool_queue` more may wait, first come, first
        served; `timeout` in seconds bounds both the wait for a connection and each statement;
        `statement_cache_size` 0 is for PgBouncer in transaction mode; `query_logger` is told of
        every statement.
        """
        self._url = url
        self._pool_size = pool_size
        self._most = pool_size + pool_queue
        self._inside = 0
        self._timeout = timeout
        self._statement_cache_size = statement_cache_size
        self._query_logger = query_logger
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    def usage(self) -> PoolUsage:
        """Return how the pool is doing at this moment; nothing of it where it is not open."""
        if self._pool is None:
            return PoolUsage(0, 0, 0)
        size, idle = self._pool.get_size(), self._pool.get_idle_size()
        return PoolUsage(size, idle, max(0, self._inside - (size - idle)))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Database]:
        """Open the pool for the block. It connects when first used, so the store may come later."""
        # The pool's own queue would let whoever comes at the right moment go before those who wait.
        self._turns = asyncio.Semaphore(self._pool_size)
        async with asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self._pool_size,
            timeout=self._timeout,
            command_timeout=self._timeout,
            statement_cache_size=self._statement_cache_size,
            init=None if self._query_logger is None else self._listen,
            reset=_keep_session,
            server_settings=self._server_settings(),
        ) as self._pool:
            yield self
        self._pool = None

    def _server_settings(self) -> dict[str, str]:
        settings = {
            "application_name": "tickets",
            "timezone": "UTC",  # which times in JSON are written in, whatever the role's own zone
        }
        # PgBouncer refuses these at the start of a connection; there they are the role's.
        if self._statement_cache_size:
            longest = f"{(self._timeout + GRACE_SECONDS) * 1000:.0f}"
            settings["statement_timeout"] = longest
            # Planned once per connection. Left to itself the server plans the admins' lists anew for each page, taking
            # the limit that it does not know yet for a long one; tests/postgres/test_plans.py holds these plans to it.
            settings["plan_cache_mode"] = "force_generic_plan"
            settings["idle_in_transaction_session_timeout"] = longest
            settings["lock_timeout"] = f"{min(LOCK_SECONDS, self._timeout) * 1000:.0f}"
        return settings

    async def fetch(self, query: str, *args: object) -> Sequence[asyncpg.Record]:
        """Run one statement; return its rows. Raises `StoreUnavailable`."""
        async with self._connection() as connection:
            rows: Sequence[asyncpg.Record] = await connection.fetch(query, *args)
            return rows

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """Run one statement; return its first row, or None. Raises `StoreUnavailable`."""
        async with self._connection() as connection:
            return await connection.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: object) -> Any:  # noqa: ANN401 - the query decides
        """Run one statement; return the first column of its first row. Raises `StoreUnavailable`."""
        async with self._connection() as connection:
            return await connection.fetchval(query, *args)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy[asyncpg.Record]]:
        if self._pool is None:
            message = "the database is used before it was opened"
            raise RuntimeError(message)
        if self._inside >= self._most:
            raise Overloaded
        self._inside += 1
        try:
            async with self._turn(self._pool) as connection:
                try:
                    yield connection
                except asyncpg.InternalClientError:
                    # A server that stops says goodbye on idle connections; the driver has taken that for the beginning
                    # of an answer and sent nothing. The connection is of no use any more.
                    connection.terminate()
                    raise
        except asyncpg.TransactionRollbackError as error:
            # Somebody else was faster: where a database's default isolation is higher than usual, PostgreSQL says so
            # before the version in the `where` does. Decide again.
            raise StaleTicket from error
        except UNAVAILABLE as error:
            raise StoreUnavailable from error
        finally:
            self._inside -= 1

    @asynccontextmanager
    async def _turn(
        self, pool: asyncpg.Pool[asyncpg.Record]
    ) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy[asyncpg.Record]]:
        # one bound around both waits, for the turn and for the connection to be made
        async with asyncio.timeout(self._timeout) as waiting:
            async with self._turns:
                connection = await pool.acquire()
                waiting.reschedule(None)
                try:
                    yield connection
                finally:
                    await pool.release(connection, timeout=self._timeout)

    async def _listen(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        connection.add_query_logger(self._query_logger)


async def _keep_session(_connection: object) -> None:
    """Do nothing between two uses of a connection."""
