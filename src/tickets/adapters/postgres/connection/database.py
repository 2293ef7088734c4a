"""The connection pool, and what its failures mean: either the store is away, or the code is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from tickets.adapters.postgres.connection.pool import Pool, PoolUsage
from tickets.domain.errors import StaleTicket, StoreUnavailable

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


_Run = Callable[..., Awaitable[Any]]
_PROXY = asyncpg.pool.PoolConnectionProxy

QueryLogger = Callable[[asyncpg.connection.LoggedQuery], None]
"""Is told of every statement that was run, with how long it took."""


class Database:
    """PostgreSQL as the adapters see it: three ways to run one statement.

    The service keeps nothing in a session: no temporary tables, settings, cursors or advisory locks
    across statements. So nothing is reset between two uses of a connection.
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
        self._timeout = timeout
        self._statement_cache_size = statement_cache_size
        self._query_logger = query_logger
        self._pool = Pool(size=pool_size, queue=pool_queue, timeout=timeout)

    def usage(self) -> PoolUsage:
        """Return how the pool is doing at this moment; nothing of it where it is not open."""
        return self._pool.usage()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Database]:
        """Open the pool for the block. It connects when first used, so the store may come later."""
        async with self._pool.open(
            self._url,
            statement_cache_size=self._statement_cache_size,
            init=None if self._query_logger is None else self._listen,
            server_settings=self._server_settings(),
        ):
            yield self

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

    def fetch(self, query: str, *args: object) -> Coroutine[Any, Any, Sequence[asyncpg.Record]]:
        """Run one statement; return its rows. Raises `StoreUnavailable`."""
        return self._run(_PROXY.fetch, query, args)

    def fetchrow(self, query: str, *args: object) -> Coroutine[Any, Any, asyncpg.Record | None]:
        """Run one statement; return its first row, or None. Raises `StoreUnavailable`."""
        return self._run(_PROXY.fetchrow, query, args)

    def fetchval(self, query: str, *args: object) -> Coroutine[Any, Any, Any]:
        """Run one statement; return the first column of its first row. Raises `StoreUnavailable`."""
        return self._run(_PROXY.fetchval, query, args)

    # no context managers: they took as long as all the rest that is done here
    async def _run(self, run: _Run, query: str, args: Sequence[object]) -> Any:  # noqa: ANN401
        try:
            connection = await self._pool.acquire()
            try:
                result = await run(connection, query, *args)
            except BaseException as error:
                # A server that stops says goodbye on idle connections; the driver has taken that for the beginning of an
                # answer and sent nothing. The connection is of no use any more.
                broken = isinstance(error, asyncpg.InternalClientError)
                await self._pool.give_up(connection, broken=broken)
                raise
            self._pool.put_back(connection)
        except asyncpg.TransactionRollbackError as error:
            # Somebody else was faster: where a database's default isolation is higher than usual, PostgreSQL says so
            # before the version in the `where` does. Decide again.
            raise StaleTicket from error
        except UNAVAILABLE as error:
            raise StoreUnavailable from error
        return result

    async def _listen(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        connection.add_query_logger(self._query_logger)
