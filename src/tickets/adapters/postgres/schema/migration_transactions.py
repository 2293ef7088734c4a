"""Transactions of migrations: no time-outs but a short lock time-out, and retries.

Others queue behind a statement that waits for a lock on a table. So a migration waits half a second
at most, gives up, and tries again until it gets its locks.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TypeVar

import asyncpg

from tickets.adapters.postgres.connection.connect import CommandConnection
from tickets.adapters.postgres.connection.errors import CLIENT_SIDE
from tickets.adapters.postgres.schema.migration_files import MigrationError
from tickets.adapters.postgres.sql_loader import load_queries

logger = logging.getLogger("tickets")

T = TypeVar("T")

REFUSED = "TK001"
"""The SQLSTATE with which a migration refuses a database, with a message for the operator."""

LOCK_RETRY_DELAY = 0.5
"""Seconds until a migration that did not get a lock tries again."""

LOCK_CONFLICTS = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)

FAILURES: tuple[type[Exception], ...] = (asyncpg.PostgresError, *CLIENT_SIDE)
"""Errors of the server and of the connection: whatever a statement of a migration can raise."""


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Raise errors of the server and of the connection as `MigrationError`.

    Lock conflicts are raised as they are, to be retried.
    """
    try:
        yield
    except LOCK_CONFLICTS:
        raise
    except FAILURES as error:
        if getattr(error, "sqlstate", None) == REFUSED:
            message = f"This database cannot be taken over: {error.args[0]}. Nothing was changed."
        else:
            message = f"{what}: {error}"
        raise MigrationError(message) from error


async def retried(attempt: Callable[[int], Awaitable[T]]) -> T:
    """Call `attempt` until it gets its locks, with the number of conflicts until now.

    The first conflict is logged.
    """
    conflicts = 0
    while True:
        try:
            return await attempt(conflicts)
        except LOCK_CONFLICTS as error:
            if not conflicts:
                logger.warning("migration is waiting for locks of other sessions: %s", error)
            conflicts += 1
            await asyncio.sleep(LOCK_RETRY_DELAY)


class Transactions:
    """Opens transactions on one connection with the settings that migrations need."""

    def __init__(self, connection: CommandConnection) -> None:
        """Use this connection."""
        self.connection = connection
        self._sql = load_queries("migrations")
        self._client_check: bool | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Begin a transaction without time-outs; commit it, or roll it back after an error.

        If this process is killed, the server ends the statement within a second.
        """
        await self.probe_client_check()
        # At a higher isolation, which may be the database's default, a process that waited for a
        # lock would still read the state from before it.
        transaction = self.connection.transaction(isolation="read_committed")
        await transaction.start()
        try:
            await self.connection.execute(self._sql["disable_timeouts"].sql)
            if self._client_check:
                await self.connection.execute(self._sql["check_client"].sql)
            yield
        except BaseException:
            # a server that is gone has rolled back; the first error must not be hidden
            if not self.connection.is_closed():
                with suppress(*CLIENT_SIDE, asyncpg.PostgresConnectionError):
                    await transaction.rollback()
            raise
        await transaction.commit()

    async def limit_lock_waits(self, sql: str) -> None:
        """Limit the waits for locks in this transaction, which is about to run `sql`.

        First autovacuum is made to give way. It yields only to a session that has waited for
        `deadlock_timeout` (1 s), which is longer than the limit. So wait for its tables that long
        in a mode that conflicts with vacuum, but with no read and no write, and that makes nobody
        queue. An index build, or a vacuum by hand, does not yield: it is waited for in the same
        way, and tried again.
        """
        words = sorted(set(re.findall(r"\w+", sql)))
        busy = await self.connection.fetch(*self._sql["tables_in_maintenance"].bind(words=words))
        if busy:
            await self.connection.execute(self._sql["outwait_autovacuum"].sql)
            for row in busy:
                await self.connection.execute(row["lock_table"])
        await self.connection.execute(self._sql["limit_lock_waits"].sql)

    @asynccontextmanager
    async def session_without_timeouts(self) -> AsyncIterator[None]:
        """Switch off time-outs for statements outside a transaction, and restore them afterwards.

        Behind a pooler such as PgBouncer, each statement may run in another session: there the
        settings are left alone.
        """
        if await self._behind_a_pooler():
            yield
            return
        await self.probe_client_check()
        before = await self.connection.fetch(self._sql["session_timeouts"].sql)
        await self.connection.execute(self._sql["disable_session_timeouts"].sql)
        if self._client_check:
            await self.connection.execute(self._sql["check_client_in_session"].sql)
        try:
            yield
        finally:
            if not self.connection.is_closed():
                for row in before:
                    query = self._sql["restore_setting"].bind(name=row["name"], value=row["value"])
                    await self.connection.execute(*query)

    async def probe_client_check(self) -> None:
        """Find out, once, whether the server can notice that its client is gone.

        It cannot on every operating system.
        """
        if self._client_check is None:
            try:
                # outside a transaction it has no effect
                await self.connection.execute(self._sql["check_client"].sql)
            except asyncpg.InvalidParameterValueError:
                self._client_check = False
            else:
                self._client_check = True

    async def _behind_a_pooler(self) -> bool:
        # a pooler invents the process id that it sends at the start of a connection
        pid: int = await self.connection.fetchval(self._sql["backend_pid"].sql)
        return bool(pid != self.connection.get_server_pid())
