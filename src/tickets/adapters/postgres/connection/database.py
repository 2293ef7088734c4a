"""Runs statements on the connection pool, and turns driver errors into errors of the domain."""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from tickets.adapters.postgres.connection.errors import domain_error, explained
from tickets.adapters.postgres.connection.pool import Pool, PoolUsage
from tickets.adapters.postgres.connection.pooled_connection import PooledConnection
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.errors import StaleTicket, StoreReadOnly, StoreUnavailable

logger = logging.getLogger("tickets")

LOCK_TIMEOUT = 2.0
"""Seconds that a statement waits for a row or a table that somebody else has locked."""

SERVER_TIMEOUT_MARGIN = 1.0
"""Seconds by which the server's statement time-out is longer than this process's own. It ends the
statements of a process that is gone."""

RENEW_INTERVAL = 1.0
"""Seconds between two renewals of the pool, which each statement that fails might ask for."""

ORDER_INDEX = "ticket_messages_in_order"
"""The unique index of a message's ordinal in its ticket."""

_BROKEN = (
    # A server that stops sends a message on idle connections. The driver has taken it for the start
    # of a response, and has sent nothing.
    asyncpg.InternalClientError,
    # The server is, or was when this connection began, a replica. A new connection finds the
    # primary, by the addresses and `target_session_attrs` of the URL.
    asyncpg.ReadOnlySQLTransactionError,
)
"""Errors after which a connection is closed instead of reused."""

_LOST_STATEMENTS = (
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
)
"""Errors for a prepared statement that is on another backend than the connection pooler gave."""

_Run = Callable[..., Awaitable[Any]]
_PROXY = asyncpg.pool.PoolConnectionProxy

QueryLogger = Callable[[asyncpg.connection.LoggedQuery], None]
"""Is called after every statement, with its SQL and how long it took."""


class StatementTimeout(Exception):
    """A statement took longer than it was given."""


class Database:
    """A PostgreSQL database: three ways to run one statement, given as SQL and its arguments.

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

        At most `pool_size` connections, for which `pool_queue` more requests wait in FIFO order.
        `timeout`, in seconds, bounds both the wait for a connection and each statement.
        `statement_cache_size` is the number of prepared statements per connection; 0 is for
        PgBouncer in transaction mode.
        """
        self._url = url
        self._timeout = timeout
        self._prepares = statement_cache_size > 0
        self._connect_options: dict[str, Any] = {
            "statement_cache_size": statement_cache_size,
            # a statement that is too long for the cache would not be safe behind PgBouncer
            "max_cacheable_statement_size": 0,
            "server_settings": self._server_settings(),
        }
        self._pool_size = pool_size
        self._query_logger = query_logger
        self._pool = Pool(size=pool_size, queue=pool_queue, timeout=timeout)
        self._renewed_at = -math.inf
        self._sql = load_queries("sequences")
        self._listener_sql = load_queries("listener")

    def usage(self) -> PoolUsage:
        """Return how busy the pool is at this moment; all zero while it is not open."""
        return self._pool.usage()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Database]:
        """Open the pool for the block. It connects on first use, so the server may start later."""
        async with self._pool.open(
            self._url,
            connection_class=PooledConnection,
            init=None if self._query_logger is None else self._add_query_logger,
            **self._connect_options,
        ):
            yield self

    def _server_settings(self) -> dict[str, str]:
        settings = {
            "application_name": "tickets",
            "timezone": "UTC",  # for times in JSON, whatever the role's own zone
        }
        # PgBouncer refuses these at the start of a connection; behind it they are set on the role.
        if self._prepares:
            statement_timeout = f"{(self._timeout + SERVER_TIMEOUT_MARGIN) * 1000:.0f}"
            settings["statement_timeout"] = statement_timeout
            # Plan each statement once per connection. By default the server plans the admins' lists
            # again for each page, since it takes the unknown limit for a large one.
            # tests/postgres/test_plans.py checks these plans.
            settings["plan_cache_mode"] = "force_generic_plan"
            settings["idle_in_transaction_session_timeout"] = statement_timeout
            settings["lock_timeout"] = f"{min(LOCK_TIMEOUT, self._timeout) * 1000:.0f}"
        return settings

    def fetch(self, query: str, *args: object) -> Coroutine[Any, Any, Sequence[asyncpg.Record]]:
        """Run one statement; return its rows. Raises `StoreUnavailable`."""
        return self._run(_PROXY.fetch, query, args)

    def fetchrow(self, query: str, *args: object) -> Coroutine[Any, Any, asyncpg.Record | None]:
        """Run one statement; return its first row, or None. Raises `StoreUnavailable`."""
        return self._run(_PROXY.fetchrow, query, args)

    def fetchrow_within(
        self, seconds: float, query: str, *args: object
    ) -> Coroutine[Any, Any, asyncpg.Record | None]:
        """Run one statement as `fetchrow` does, but end it after so many seconds.

        Raises `StatementTimeout` then, as where the server ends it by a time-out of its own. The
        wait for a connection does not count.
        """

        async def run(connection: Any, query: str, *args: object) -> Any:  # noqa: ANN401 - asyncpg
            try:
                return await _PROXY.fetchrow(connection, query, *args, timeout=seconds)
            except (TimeoutError, asyncpg.QueryCanceledError) as error:
                raise StatementTimeout from error

        return self._run(run, query, args)

    def fetchval(self, query: str, *args: object) -> Coroutine[Any, Any, Any]:
        """Run one statement; return the first value of its first row. Raises `StoreUnavailable`."""
        return self._run(_PROXY.fetchval, query, args)

    def fetchval_urgently(self, query: str, *args: object) -> Coroutine[Any, Any, Any]:
        """Run one statement as `fetchval` does, ahead of all that wait for a connection."""
        return self._run(_PROXY.fetchval, query, args, urgent=True)

    # No context managers: they take as long as everything else in this function.
    async def _run(
        self,
        run: _Run,
        query: str,
        args: Sequence[object],
        *,
        urgent: bool = False,
        earlier_runs: int = 0,
    ) -> Any:  # noqa: ANN401
        try:
            connection = await self._pool.acquire(urgent=urgent)
            try:
                result = await run(connection, query, *args)
            except BaseException as error:
                await self._pool.discard(connection, broken=isinstance(error, _BROKEN))
                raise
            self._pool.release(connection)
        except Exception as error:
            if not await self._may_run_again(error, earlier_runs):
                raise
        else:
            return result
        return await self._run(run, query, args, urgent=urgent, earlier_runs=earlier_runs + 1)

    async def _may_run_again(self, error: Exception, earlier_runs: int) -> bool:
        """Return whether what made a statement fail is repaired; raise errors of the domain."""
        if isinstance(error, asyncpg.TransactionRollbackError):
            # A conflict with another transaction, where the database's default isolation is higher
            # than read committed: PostgreSQL reports it before the version in the `where` does.
            raise StaleTicket from error
        if isinstance(error, asyncpg.UniqueViolationError):
            return await self._repair_duplicate(error, earlier_runs)
        # Nothing was run. Each failure gives back one connection that prepares statements, and
        # there are no more than the pool has.
        if isinstance(error, _LOST_STATEMENTS) and earlier_runs < self._pool_size:
            await self._stop_preparing(error)
            return True
        if isinstance(error, asyncpg.ProgramLimitExceededError) and earlier_runs == 0:
            # The NOTIFY queue may be full of what nobody needs any more. PostgreSQL removes that
            # when it can send the next notification, or when it is asked how full the queue is.
            await self.fetchval(*self._listener_sql["notification_queue_usage"].bind())
            return True
        if isinstance(error, asyncpg.IntegrityConstraintViolationError):
            return False  # the repositories know the constraints that they expect
        if (reason := domain_error(error)) is not None:
            if isinstance(reason, StoreReadOnly):
                await self.renew()
            raise reason from explained(error)
        return False

    async def renew(self) -> None:
        """Close the idle connections, at most once a second.

        A connection to a read-only database stays read-only, so a new one has to be made.
        """
        now = time.monotonic()
        if now - self._renewed_at >= RENEW_INTERVAL:
            self._renewed_at = now
            await self._pool.renew()

    async def _repair_duplicate(
        self, error: asyncpg.UniqueViolationError, earlier_runs: int
    ) -> bool:
        """Return whether the duplicate is an id that a sequence gave; repair what gave it."""
        if error.constraint_name == ORDER_INDEX:
            await self._repair_last_ordinal(error)
            # the decision rests on the wrong ordinal, so it is made again on a fresh load
            raise StaleTicket from error
        if not await self._is_generated_id(error):
            return False
        if earlier_runs > 0:
            # repaired, and the next id was taken too: somebody else chooses ids at this moment
            raise StoreUnavailable from error
        await self._repair_sequences()
        return True

    async def _repair_last_ordinal(self, error: asyncpg.UniqueViolationError) -> None:
        """Let the ordinals of the ticket go on after the highest that is there."""
        # the sentence varies with the server's language, the values do not
        values = re.search(r"=\((\d+), \d+\)", error.detail or "")
        if values is None:
            raise error
        ticket_id = int(values[1])
        query = self._sql["repair_last_ordinal"].bind(ticket_id=ticket_id)
        if await self.fetchval(*query):
            logger.warning("the last ordinal of ticket %d was wrong, and is repaired", ticket_id)

    async def _stop_preparing(self, error: asyncpg.PostgresError) -> None:
        """Go on without prepared statements, on new connections."""
        if self._prepares:
            self._prepares = False
            logger.warning(
                "prepared statements get lost on the way to the database, as behind PgBouncer in "
                "transaction mode; going on without them: set TICKETS_DATABASE_STATEMENT_CACHE=0 "
                "(%s)",
                # without the driver's hints
                error.args[0].partition("\n")[0],
            )
            self._connect_options["statement_cache_size"] = 0
            self._pool.connect_with(self._url, **self._connect_options)
        await self._pool.renew()

    async def _is_generated_id(self, error: asyncpg.UniqueViolationError) -> bool:
        """Return whether the duplicate is an id that a sequence gave."""
        query = self._sql["is_generated_id"].bind(
            schema=error.schema_name, table=error.table_name, constraint=error.constraint_name
        )
        is_generated: bool = await self.fetchval(*query)
        return is_generated

    async def _repair_sequences(self) -> None:
        """Move the sequences that are behind their ids, unless somebody else has just done so.

        The sequences of a restore of rows alone, or of a replica that became a primary, give ids
        that are taken.
        """
        try:
            moved = await self.fetch(*self._sql["repair_sequences"].bind())
        except StoreUnavailable as refusal:
            reason = refusal.__cause__ or refusal
            logger.warning("a sequence is behind its ids, and cannot be repaired: %s", reason)
            raise
        for row in moved:
            logger.warning(
                "sequence %s was behind the ids of %s, and continues at %d now",
                *(row["sequence"], row["table_name"], row["continues_at"]),
            )

    async def _add_query_logger(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        connection.add_query_logger(self._query_logger)
