"""The connection pool: FIFO, bounded, with a fast path to connections whose last use went well."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg

from tickets.adapters.postgres.connection.driver import open_connection
from tickets.background import background_task
from tickets.domain.errors import Overloaded

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

RELEASE_INTERVAL = 60.0
"""Seconds after which idle connections go back to asyncpg's pool, which closes old ones."""

_CLOSED_BY_ASYNCPG = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresError,
)
"""Errors that asyncpg raises where it could not take a connection back, and has closed it."""


@dataclass(frozen=True, slots=True)
class PoolUsage:
    """Open connections, those that nobody uses, and requests that wait for one."""

    size: int
    idle: int
    waiting: int


class Pool:
    """Puts a stack of idle connections in front of asyncpg's pool, which opens and closes them.

    asyncpg's pool resets each connection that it takes back, in a task of its own. Here a statement
    that went well leaves no state behind: no transaction, cursor or setting. So its connection is
    not released but reused by the next request; see docs/decisions/0011.
    """

    def __init__(self, *, size: int, queue: int, timeout: float) -> None:
        """Describe a pool of `size` connections, for which `queue` more requests may wait.

        `timeout` bounds the wait of each, in seconds.
        """
        self._size = self._free_slots = size
        self._max_requests = size + queue
        self._timeout = timeout
        self._time_outs = {"timeout": timeout, "command_timeout": timeout}
        self._requests = 0
        # asyncpg's own queue lets a newcomer overtake those who wait
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_open = False
        self._was_open = False
        self._pool: asyncpg.Pool[asyncpg.Record]
        self._idle: list[Connection] = []

    def usage(self) -> PoolUsage:
        """Return how busy the pool is at this moment; all zero while it is not open."""
        if not self._is_open:
            return PoolUsage(0, 0, 0)
        size = self._pool.get_size()
        idle = self._pool.get_idle_size() + sum(map(_is_alive, self._idle))
        return PoolUsage(size, idle, max(0, self._requests - (size - idle)))

    @asynccontextmanager
    async def open(self, url: str, **options: Any) -> AsyncIterator[None]:  # noqa: ANN401 - asyncpg
        """Open the pool for the block. It connects on first use, so the server may start later."""
        async with asyncpg.create_pool(
            url,
            connect=open_connection,
            min_size=0,
            max_size=self._size,
            reset=_no_reset,
            **self._time_outs,
            **options,
        ) as self._pool:
            self._is_open = self._was_open = True
            try:
                async with background_task(self._release_idle_regularly()):
                    yield
            finally:
                self._is_open = False
                await self._release_idle()

    async def acquire(self, *, urgent: bool = False) -> Connection:
        """Return a connection, which must be given back by `release` or `discard`.

        Raises `Overloaded` where too many requests wait already, `TimeoutError` where waiting or
        connecting takes too long, and what asyncpg raises where it cannot connect. One that is
        `urgent` gets the next free slot, however many wait.
        """
        if not self._is_open:
            message = "the connection pool is used while it is not open"
            # after the block it is a request that still runs during the shutdown, so a 503
            raise asyncpg.InterfaceError(message) if self._was_open else RuntimeError(message)
        if self._requests >= self._max_requests and not urgent:
            raise Overloaded
        self._requests += 1
        deadline = None
        try:
            if self._free_slots:
                self._free_slots -= 1
            else:
                deadline = asyncio.get_running_loop().time() + self._timeout
                await self._wait_for_slot(deadline, urgent=urgent)
            if self._idle and _is_alive(self._idle[-1]):
                return self._idle.pop()
            async with asyncio.timeout_at(deadline):
                return await self._connection()
        except BaseException:
            self._requests -= 1
            raise

    def release(self, connection: Connection) -> None:
        """Take back a connection whose statement went well."""
        if self._is_open:
            self._idle.append(connection)
        else:
            _close(connection)
        self._free_slot()
        self._requests -= 1

    async def discard(self, connection: Connection, *, broken: bool) -> None:
        """Give a connection whose statement failed or was cancelled to asyncpg, which resets it.

        One that is `broken` is closed.
        """
        try:
            if broken:
                _close(connection)
            # the caller's own error is what counts
            with suppress(*_CLOSED_BY_ASYNCPG):
                await self._pool.release(connection, timeout=self._timeout)
        finally:
            self._free_slot()
            self._requests -= 1

    def connect_with(self, url: str, **options: Any) -> None:  # noqa: ANN401 - as in `open`
        """Use these arguments of `asyncpg.connect` for connections that are opened from now on."""
        self._pool.set_connect_args(url, **self._time_outs, **options)

    async def renew(self) -> None:
        """Close the idle connections, so that the next statements connect anew."""
        if self._is_open:
            await self._pool.expire_connections()
            await self._release_idle()

    async def _wait_for_slot(self, deadline: float, *, urgent: bool) -> None:
        """Wait in FIFO order, or `urgent` ahead of it, until the loop's clock reaches `deadline`.

        Raises `TimeoutError` then. asyncio's semaphore and time-out take twice as long.
        """
        loop = asyncio.get_running_loop()
        slot = loop.create_future()
        (self._waiting.appendleft if urgent else self._waiting.append)(slot)
        timer = loop.call_at(deadline, _time_out, slot)
        try:
            await slot
        except asyncio.CancelledError:
            # the slot was given at the same moment, and must not be lost
            if not slot.cancelled() and slot.exception() is None:
                self._free_slot()
            raise
        finally:
            timer.cancel()

    def _free_slot(self) -> None:
        """Give the slot to the request that has waited longest."""
        while self._waiting:
            slot = self._waiting.popleft()
            if not slot.done():
                slot.set_result(None)
                return
        self._free_slots += 1

    async def _connection(self) -> Connection:
        try:
            while self._idle:
                connection = self._idle.pop()
                if _is_alive(connection):
                    return connection
                await self._pool.release(connection)
            # never waits for others, as there are as many slots as connections; connecting has its
            # own time-out
            return await self._pool.acquire()
        except BaseException:
            self._free_slot()
            raise

    async def _release_idle_regularly(self) -> None:
        while True:
            await asyncio.sleep(RELEASE_INTERVAL)
            await self._release_idle()

    async def _release_idle(self) -> None:
        while self._idle:
            # asyncpg's pool waits for every connection when it closes, so one that fails must not
            # stop the rest
            with suppress(*_CLOSED_BY_ASYNCPG):
                await self._pool.release(self._idle.pop(), timeout=self._timeout)


def _time_out(slot: asyncio.Future[None]) -> None:
    if not slot.done():
        slot.set_exception(TimeoutError())


def _is_alive(connection: Connection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        # closed, and taken back by asyncpg
        return False


def _close(connection: Connection) -> None:
    # a connection that the server ended was taken back by asyncpg as well
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _no_reset(_connection: object) -> None:
    """Do nothing between two uses of a connection."""
