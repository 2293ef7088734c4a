"""What other sessions have changed, as PostgreSQL tells it: a connection of its own that listens."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from tickets.adapters.postgres.caching.cache import Cache
from tickets.adapters.postgres.connection.database import UNAVAILABLE
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.bounded_dict import Key

logger = logging.getLogger("tickets")

CHANNEL = "tickets_changes"

HEARTBEAT_INTERVAL = 0.5
"""How often it is proved that everything has been heard, as long as somebody wants to know."""

CAUGHT_UP_SECONDS = 0.95
"""How long such a proof holds. Behind it an answer from memory may be older than the second that is promised."""

RESPONSE_TIMEOUT = 5.0
"""How long the server may take to answer before the connection counts as broken."""

RETRY_DELAY = 1.0
"""How long until the next try where the server cannot be listened to."""

RECONNECT_AFTER = 600.0
"""How long one connection is used, and so how long anything is remembered: a change of which no trigger tells, such as a
restore with the triggers off, is noticed after that."""


class Listener:
    """Hears changes and tells them to those who remember; knows whether it can have missed one.

    A notification may come late, and a connection may be dead without anybody noticing. So the
    listener sends itself one, twice a second: PostgreSQL delivers them in the order of the commits, so
    once it is back, everything that was committed before it was sent has been heard. Where that is
    more than a second ago nobody may answer from memory, and where the connection is lost everything
    is forgotten, as is what was remembered before the next one listened. While nobody asks, nothing is sent.
    """

    def __init__(self, url: str, *, now: Callable[[], float] = time.monotonic) -> None:
        """Listen at this database; `now` tells seconds that have passed since some time or other."""
        self._url = url
        self._now = now
        self._sql = load_queries("changes")
        self._kept: dict[str, tuple[Cache[Any, Any], Callable[[str], Any]]] = {}
        self._heard_until = -math.inf
        self._wanted = asyncio.Event()
        self._own_channel = f"tickets_beat_{secrets.token_hex(8)}"
        self._heartbeats = 0
        self._returned: asyncio.Future[None] | None = None
        self._is_heard_of = True

    def invalidate_on(self, cache: Cache[Key, Any], kind: str, read: Callable[[str], Key]) -> None:
        """Take out of the cache what changes of this kind, such as `badge`, and all of it when something may be missed.

        `read` makes a key of what was sent; it raises `ValueError` where that is none, which counts as all.
        """
        self._kept[kind] = cache, read

    def is_caught_up(self) -> bool:
        """Return whether everything that was committed until a second ago has been heard."""
        self._wanted.set()
        return self._now() - self._heard_until < CAUGHT_UP_SECONDS

    def is_connected(self) -> bool:
        """Return whether there is a connection that has listened up to now, as far as anybody knows."""
        return self._heard_until > -math.inf

    @asynccontextmanager
    async def listening(self, _app: object = None) -> AsyncIterator[Listener]:
        """Listen for the block, from when the database can be reached."""
        task = asyncio.create_task(self._listen_again_and_again())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _listen_again_and_again(self) -> None:
        while True:
            try:
                await self._listen()
            except (*UNAVAILABLE, asyncpg.PostgresError) as error:
                self._tell_state(error)
                await asyncio.sleep(RETRY_DELAY)
            except Exception:
                # a defect here must not end it for the life of the process
                logger.exception("listening for changes failed; it will be tried again")
                await asyncio.sleep(RETRY_DELAY)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            self._url,
            timeout=RESPONSE_TIMEOUT,
            command_timeout=RESPONSE_TIMEOUT,
            # what is sent changes nothing that would have to survive
            server_settings={"application_name": "tickets", "synchronous_commit": "off"},
        )
        try:
            await connection.add_listener(CHANNEL, self._on_change)
            await connection.add_listener(self._own_channel, self._on_heartbeat)
            # a connection that ends is noticed also while nobody asks
            connection.add_termination_listener(lambda _connection: self._wanted.set())
            # what was remembered while nobody listened may have changed since
            self._forget()
            end = self._now() + RECONNECT_AFTER
            while self._now() < end:
                self._wanted.clear()
                await self._heartbeat(connection)
                self._tell_state(None)
                await asyncio.sleep(HEARTBEAT_INTERVAL)
                await self._wanted.wait()
        finally:
            self._heard_until = -math.inf
            self._forget()
            connection.terminate()

    def _forget(self) -> None:
        for cache, _read in self._kept.values():
            cache.clear()

    async def _heartbeat(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        sent_at = self._now()
        self._heartbeats += 1
        self._returned = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(RESPONSE_TIMEOUT):
            await connection.fetchval(self._sql["beat"], self._own_channel, str(self._heartbeats))
            await self._returned
        self._heard_until = sent_at

    def _on_heartbeat(self, _connection: object, _pid: int, _channel: str, beat: object) -> None:
        if (
            beat == str(self._heartbeats)
            and self._returned is not None
            and not self._returned.done()
        ):
            self._returned.set_result(None)

    def _on_change(self, _connection: object, _pid: int, _channel: str, change: object) -> None:
        kind, _, key = str(change).partition(":")
        if kind not in self._kept:
            return
        cache, read = self._kept[kind]
        try:
            found = read(key)
        except ValueError:
            found = None
        # nothing behind the kind is everything
        if key and found is not None:
            cache.invalidate(found)
        else:
            cache.clear()

    def _tell_state(self, error: Exception | None) -> None:
        if error is not None and self._is_heard_of:
            logger.warning(
                "not listening for changes, so the database is asked each time: %s",
                str(error) or type(error).__name__,
            )
        elif error is None and not self._is_heard_of:
            logger.info("listening for changes again")
        self._is_heard_of = error is None
