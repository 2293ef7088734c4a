"""Connections to the database, first come, first served; one that was used well is at hand for the next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg

from tickets.domain.errors import Overloaded

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

AT_HAND_SECONDS = 60.0
"""How often everything at hand goes back to asyncpg's pool, which closes what is idle or worn out."""

_ENDED = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresError)
"""What asyncpg raises where it could not take a connection back in good order, and has ended it."""


@dataclass(frozen=True, slots=True)
class PoolUsage:
    """How the pool is doing: open connections, those that nobody uses, and requests that wait for one."""

    size: int
    idle: int
    waiting: int


class Pool:
    """asyncpg's pool, which opens and closes connections, and a short way to those that are open.

    At each release asyncpg's sees to a connection that may be in any state, in a task of its own. A
    statement that went well leaves nothing behind here, no transaction, no cursor, no setting: so its
    connection is not released, but kept at hand for whoever comes next.
    """

    def __init__(self, *, size: int, queue: int, timeout: float) -> None:
        """Describe a pool of `size` connections, for which `queue` more may wait, `timeout` seconds each."""
        self._size = self._turns = size
        self._most = size + queue
        self._timeout = timeout
        self._inside = 0
        # asyncpg's own queue would let whoever comes at the right moment go before those who wait
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_open = False
        self._was_open = False
        self._pool: asyncpg.Pool[asyncpg.Record]
        self._at_hand: list[Connection] = []

    def usage(self) -> PoolUsage:
        """Return how the pool is doing at this moment; nothing of it where it is not open."""
        if not self._is_open:
            return PoolUsage(0, 0, 0)
        at_hand = sum(map(_is_alive, self._at_hand))
        size, idle = self._pool.get_size(), self._pool.get_idle_size() + at_hand
        return PoolUsage(size, idle, max(0, self._inside - (size - idle)))

    @asynccontextmanager
    async def open(self, url: str, **options: Any) -> AsyncIterator[None]:  # noqa: ANN401 - asyncpg's own
        """Open the pool for the block. It connects when first used, so the store may come later."""
        async with asyncpg.create_pool(
            url,
            min_size=0,
            max_size=self._size,
            timeout=self._timeout,
            command_timeout=self._timeout,
            reset=_keep_session,
            **options,
        ) as self._pool:
            self._is_open = self._was_open = True
            returning = asyncio.create_task(self._return_now_and_then())
            try:
                yield
            finally:
                self._is_open = False
                returning.cancel()
                await self._return()

    async def acquire(self) -> Connection:
        """Return a connection, which must come back by `put_back` or `give_up`.

        Raises `Overloaded` where too many wait already, `TimeoutError` where the turn or the
        connection takes too long, and what asyncpg raises where none can be opened.
        """
        if not self._is_open:
            message = "the database is used while it is not open"
            # behind the end of the block it is somebody who is still at work while the service stops
            raise asyncpg.InterfaceError(message) if self._was_open else RuntimeError(message)
        if self._inside >= self._most:
            raise Overloaded
        self._inside += 1
        end = None
        try:
            if self._turns:
                self._turns -= 1
            else:
                end = asyncio.get_running_loop().time() + self._timeout
                await self._wait(end)
            if self._at_hand and _is_alive(self._at_hand[-1]):
                return self._at_hand.pop()
            async with asyncio.timeout_at(end):
                return await self._next()
        except BaseException:
            self._inside -= 1
            raise

    def put_back(self, connection: Connection) -> None:
        """Take back a connection whose statement went well."""
        if self._is_open:
            self._at_hand.append(connection)
        else:
            _end(connection)
        self._pass_on()
        self._inside -= 1

    async def give_up(self, connection: Connection, *, broken: bool) -> None:
        """Take back a connection whose statement failed or was broken off, for asyncpg to see to."""
        try:
            if broken:
                _end(connection)
            # the caller's own error is what counts
            with suppress(*_ENDED):
                await self._pool.release(connection, timeout=self._timeout)
        finally:
            self._pass_on()
            self._inside -= 1

    async def _wait(self, end: float) -> None:
        """Wait for a turn, which somebody passes on, until `end` by the loop's clock; raise `TimeoutError` then.

        The standard library's semaphore and time-out take twice as long.
        """
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append(turn)
        alarm = loop.call_at(end, _is_late, turn)
        try:
            await turn
        except asyncio.CancelledError:
            # it came at the last moment
            if not turn.cancelled() and turn.exception() is None:
                self._pass_on()
            raise
        finally:
            alarm.cancel()

    def _pass_on(self) -> None:
        """Let who has waited longest have the turn."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._turns += 1

    async def _next(self) -> Connection:
        try:
            while self._at_hand:
                connection = self._at_hand.pop()
                if _is_alive(connection):
                    return connection
                await self._pool.release(connection)
            # never waits for others, as there are as many turns as connections; opening one has its own time-out
            return await self._pool.acquire()
        except BaseException:
            self._pass_on()
            raise

    async def _return_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(AT_HAND_SECONDS)
            await self._return()

    async def _return(self) -> None:
        while self._at_hand:
            # one that does not close must not keep the others here, for which asyncpg's pool waits when it closes
            with suppress(*_ENDED):
                await self._pool.release(self._at_hand.pop(), timeout=self._timeout)


def _is_late(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_exception(TimeoutError())


def _is_alive(connection: Connection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        # closed, and taken back already
        return False


def _end(connection: Connection) -> None:
    # where it has ended by itself it was taken back as well
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _keep_session(_connection: object) -> None:
    """Do nothing between two uses of a connection."""
