"""The LISTEN/NOTIFY listener: receives changes of other sessions and invalidates caches."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import asyncpg

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.driver import open_connection
from tickets.adapters.postgres.connection.errors import CLIENT_SIDE
from tickets.adapters.postgres.connection.heartbeat import RESPONSE_TIMEOUT, Heartbeat
from tickets.background import background_task
from tickets.domain.errors import TicketsError

logger = logging.getLogger("tickets")

CHANNEL = "tickets_changes"

APPLICATION_NAME = "tickets-listener"
"""What `pg_stat_activity` calls the connection."""

HEARTBEAT_INTERVAL = 0.5
"""Seconds between two heartbeats, while cached values are requested."""

CAUGHT_UP_SECONDS = 0.95
"""How long a heartbeat counts, in seconds from when it was sent. Cached values are documented to be
at most a second old."""

RETRY_DELAY = 1.0
"""Seconds until the next attempt to connect."""

POOLER_RETRY_DELAY = 60.0
"""The same behind a connection pooler that drops notifications: it may be configured anew."""

RECONNECT_AFTER = 600.0
"""Seconds for which one connection is used. Caches are cleared when it ends, which bounds the
effect of a change that no trigger reports, such as a restore with triggers switched off."""

KeyT_contra = TypeVar("KeyT_contra", bound=Hashable, contravariant=True)
Key = TypeVar("Key", bound=Hashable)


CONNECTION_CLOSED = "the server closed the listener's connection"
HEARTBEAT_LOST = "a heartbeat that was sent through the pool did not come back"


class NotificationsDropped(Exception):
    """A connection pooler drops notifications, as PgBouncer does in transaction mode.

    Set TICKETS_LISTEN=off, or use a URL that bypasses it.
    """

    def __str__(self) -> str:
        """Return the docstring in one line."""
        return " ".join((type(self).__doc__ or "").split())


class Invalidatable(Protocol[KeyT_contra]):
    """A cache that the listener invalidates."""

    def invalidate(self, key: KeyT_contra) -> None:
        """Remove the entry of a key."""

    def clear(self) -> None:
        """Remove all entries."""


class Listener:
    """Invalidates the registered caches, and detects that it may have missed a notification.

    A notification can be late, a connection can be dead without an error, and a connection pooler
    can drop notifications. So twice a second a heartbeat is sent the way that changes travel: as a
    statement on a connection of the pool. PostgreSQL delivers notifications in commit order: once
    the heartbeat is back, everything that was committed before it was sent has been received.
    Without one for a second no cached value may be used. When the listener's connection is lost,
    every cache is cleared, and again when the next one listens. While no cached value is
    requested, no heartbeat is sent.
    """

    def __init__(
        self, url: str, database: Database, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Listen at `url` for what is committed through the pool of `database`, among others.

        `now` returns seconds from any starting point.
        """
        self._url = url
        self._now = now
        self._heartbeat = Heartbeat(database)
        self._caches: dict[str, tuple[Invalidatable[Any], Callable[[str], Any]]] = {}
        self._caught_up_at = -math.inf
        self._wanted = asyncio.Event()
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
        """Return whether the last heartbeat could be sent, and has come back or may do so."""
        return self._caught_up_at > -math.inf

    @asynccontextmanager
    async def listening(self, _app: object = None) -> AsyncIterator[Listener]:
        """Listen while the block runs, from when the database can be reached."""
        async with background_task(self._listen_and_reconnect()):
            yield self

    async def _listen_and_reconnect(self) -> None:
        while True:
            delay = RETRY_DELAY
            try:
                await self._listen()
            except NotificationsDropped as error:
                self._log_state(error)
                delay = POOLER_RETRY_DELAY
            except (*CLIENT_SIDE, asyncpg.PostgresError) as error:
                self._log_state(error)
            except Exception:
                # an unexpected error must not end listening for the life of the process
                logger.exception("unhandled exception in the listener; it will reconnect")
            else:
                continue
            await asyncio.sleep(delay)

    async def _listen(self) -> None:
        # without parameters that PgBouncer refuses
        connection = await open_connection(
            self._url,
            timeout=RESPONSE_TIMEOUT,
            command_timeout=RESPONSE_TIMEOUT,
            statement_cache_size=0,
            server_settings={"application_name": APPLICATION_NAME},
        )
        heartbeat = self._heartbeat
        try:
            await connection.add_listener(CHANNEL, self._on_change)
            await connection.add_listener(heartbeat.channel, heartbeat.on_notification)
            # so that a lost connection is noticed at once: while waiting for a heartbeat, and while
            # no cached value is requested
            connection.add_termination_listener(lambda _connection: heartbeat.returned.set())
            connection.add_termination_listener(lambda _connection: self._wanted.set())
            # what was cached between two connections may have changed since
            self._clear_caches()
            end = self._now() + RECONNECT_AFTER
            while self._now() < end:
                self._wanted.clear()
                if connection.is_closed():
                    raise ConnectionResetError(CONNECTION_CLOSED)
                await self._catch_up(connection)
                await asyncio.sleep(HEARTBEAT_INTERVAL)
                await self._wanted.wait()
        finally:
            self._caught_up_at = -math.inf
            self._clear_caches()
            connection.terminate()

    def _clear_caches(self) -> None:
        for cache, _parse_key in self._caches.values():
            cache.clear()

    async def _catch_up(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """Send a heartbeat, and wait until it is back.

        Where it cannot be sent, the caches stay off. That says nothing about the listener's own
        connection, which is kept.
        """
        sent_at = self._now()
        try:
            await self._heartbeat.send()
        except (TicketsError, TimeoutError, asyncpg.PostgresError) as error:
            self._caught_up_at = -math.inf
            self._log_state(error.__cause__ or error)
            return
        try:
            async with asyncio.timeout(RESPONSE_TIMEOUT):
                await self._heartbeat.returned.wait()
        except TimeoutError as error:
            if await connection.fetchval("select pg_backend_pid()") == connection.get_server_pid():
                raise TimeoutError(HEARTBEAT_LOST) from error
            # a connection pooler, which announces a process id of its own
            await connection.execute("unlisten *")
            raise NotificationsDropped from error
        if connection.is_closed():
            raise ConnectionResetError(CONNECTION_CLOSED)
        self._caught_up_at = sent_at
        self._log_state(None)

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

    def _log_state(self, error: BaseException | None) -> None:
        if error is not None and self._is_logged_as_listening:
            logger.warning(
                "not listening for changes, so caches are off and every request queries "
                "the database: %s",
                str(error) or type(error).__name__,
            )
        elif error is None and not self._is_logged_as_listening:
            logger.info("listening for changes again")
        self._is_logged_as_listening = error is None
