"""The LISTEN/NOTIFY listener: receives changes of other sessions and invalidates caches."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import asyncpg

from tickets.adapters.postgres.connection.errors import CLIENT_SIDE
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.background import background_task

logger = logging.getLogger("tickets")

CHANNEL = "tickets_changes"

APPLICATION_NAME = "tickets-listener"
"""What `pg_stat_activity` calls the connection."""

HEARTBEAT_INTERVAL = 0.5
"""Seconds between two heartbeats, while cached values are requested."""

CAUGHT_UP_SECONDS = 0.95
"""How long a heartbeat counts, in seconds from when it was sent. Cached values are documented to be
at most a second old."""

RESPONSE_TIMEOUT = 5.0
"""Seconds that the server may take to respond before the connection counts as lost."""

RETRY_DELAY = 1.0
"""Seconds until the next attempt to connect."""

RECONNECT_AFTER = 600.0
"""Seconds for which one connection is used. Caches are cleared when it ends, which bounds the
effect of a change that no trigger reports, such as a restore with triggers switched off."""

KeyT_contra = TypeVar("KeyT_contra", bound=Hashable, contravariant=True)
Key = TypeVar("Key", bound=Hashable)


class Invalidatable(Protocol[KeyT_contra]):
    """A cache that the listener invalidates."""

    def invalidate(self, key: KeyT_contra) -> None:
        """Remove the entry of a key."""

    def clear(self) -> None:
        """Remove all entries."""


class Listener:
    """Invalidates the registered caches, and detects that it may have missed a notification.

    A notification can be late, and a connection can be dead without an error. So the listener sends
    itself a heartbeat, twice a second. PostgreSQL delivers notifications in commit order: once the
    heartbeat is back, everything that was committed before it was sent has been received. Without
    one for a second no cached value may be used. When the connection is lost, every cache is
    cleared, and again when the next one listens. While no cached value is requested, no heartbeat
    is sent.
    """

    def __init__(self, url: str, *, now: Callable[[], float] = time.monotonic) -> None:
        """Listen at this database; `now` returns seconds from any starting point."""
        self._url = url
        self._now = now
        self._heartbeat_query = load_queries("listener")["heartbeat"]
        self._caches: dict[str, tuple[Invalidatable[Any], Callable[[str], Any]]] = {}
        self._caught_up_at = -math.inf
        self._wanted = asyncio.Event()
        self._heartbeat_channel = f"tickets_heartbeat_{secrets.token_hex(8)}"
        self._heartbeats = 0
        self._returned: asyncio.Future[None] | None = None
        self._is_logged_as_listening = True

    def invalidate_on(
        self, cache: Invalidatable[Key], kind: str, parse_key: Callable[[str], Key]
    ) -> None:
        """Register a cache: changes of this kind invalidate their key.

        The kinds are those of the schema's triggers; an unread count is a `badge` there.
        The whole cache is cleared when a notification may have been missed. `parse_key` makes a key
        of the notification's text; where it raises `ValueError`, the whole cache is cleared.
        """
        self._caches[kind] = cache, parse_key

    def is_caught_up(self) -> bool:
        """Return whether everything that was committed until a second ago has been received."""
        self._wanted.set()
        return self._now() - self._caught_up_at < CAUGHT_UP_SECONDS

    def is_connected(self) -> bool:
        """Return whether there is a connection that has returned a heartbeat."""
        return self._caught_up_at > -math.inf

    @asynccontextmanager
    async def listening(self, _app: object = None) -> AsyncIterator[Listener]:
        """Listen while the block runs, from when the database can be reached."""
        async with background_task(self._listen_and_reconnect()):
            yield self

    async def _listen_and_reconnect(self) -> None:
        while True:
            try:
                await self._listen()
            except (*CLIENT_SIDE, asyncpg.PostgresError) as error:
                self._log_state(error)
                await asyncio.sleep(RETRY_DELAY)
            except Exception:
                # an unexpected error must not end listening for the life of the process
                logger.exception("unhandled exception in the listener; it will reconnect")
                await asyncio.sleep(RETRY_DELAY)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            self._url,
            timeout=RESPONSE_TIMEOUT,
            command_timeout=RESPONSE_TIMEOUT,
            # heartbeats change nothing that would have to survive a crash
            server_settings={"application_name": APPLICATION_NAME, "synchronous_commit": "off"},
        )
        try:
            await connection.add_listener(CHANNEL, self._on_change)
            await connection.add_listener(self._heartbeat_channel, self._on_heartbeat)
            # so that a lost connection is noticed while no cached value is requested, too
            connection.add_termination_listener(lambda _connection: self._wanted.set())
            # what was cached between two connections may have changed since
            self._clear_caches()
            end = self._now() + RECONNECT_AFTER
            while self._now() < end:
                self._wanted.clear()
                await self._heartbeat(connection)
                self._log_state(None)
                await asyncio.sleep(HEARTBEAT_INTERVAL)
                await self._wanted.wait()
        finally:
            self._caught_up_at = -math.inf
            self._clear_caches()
            connection.terminate()

    def _clear_caches(self) -> None:
        for cache, _parse_key in self._caches.values():
            cache.clear()

    async def _heartbeat(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        sent_at = self._now()
        self._heartbeats += 1
        self._returned = asyncio.get_running_loop().create_future()
        query = self._heartbeat_query.bind(
            channel=self._heartbeat_channel, number=str(self._heartbeats)
        )
        async with asyncio.timeout(RESPONSE_TIMEOUT):
            await connection.fetchval(*query)
            await self._returned
        self._caught_up_at = sent_at

    def _on_heartbeat(self, _connection: object, _pid: int, _channel: str, number: object) -> None:
        if (
            number == str(self._heartbeats)
            and self._returned is not None
            and not self._returned.done()
        ):
            self._returned.set_result(None)

    def _on_change(self, _connection: object, _pid: int, _channel: str, change: object) -> None:
        kind, _, text = str(change).partition(":")
        if kind not in self._caches:
            return
        cache, parse_key = self._caches[kind]
        try:
            key = parse_key(text)
        except ValueError:
            key = None
        # a change without a key may concern every entry
        if text and key is not None:
            cache.invalidate(key)
        else:
            cache.clear()

    def _log_state(self, error: Exception | None) -> None:
        if error is not None and self._is_logged_as_listening:
            logger.warning(
                "not listening for changes, so caches are off and every request queries "
                "the database: %s",
                str(error) or type(error).__name__,
            )
        elif error is None and not self._is_logged_as_listening:
            logger.info("listening for changes again")
        self._is_logged_as_listening = error is None
