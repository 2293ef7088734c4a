"""What one process of the service has of PostgreSQL: a pool, a listener, caches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from tests.postgres.waiting import until
from tests.world import FakeTime, PostgresWorld
from tickets.adapters.postgres.caching.ticket_cache import PostgresTicketCache
from tickets.adapters.postgres.caching.unread_counts import UnreadCounts
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.listener import CAUGHT_UP_SECONDS, Listener
from tickets.adapters.postgres.identity.admins import PostgresAdminLookup
from tickets.adapters.postgres.identity.cached_token_lookup import CachedTokenLookup
from tickets.adapters.postgres.identity.token_lookup import Identity, PostgresTokenLookup
from tickets.adapters.postgres.repositories.ticket_views import PostgresTicketViews
from tickets.adapters.postgres.repositories.tickets import PostgresTickets
from tickets.adapters.postgres.sql_loader import load_queries

HEARTBEAT = load_queries("listener")["heartbeat"]

LISTENERS = """
    from pg_stat_activity
   where datname = current_database() and application_name = 'tickets-listener'
"""
"""The connections of the listeners in this test's own database."""


@dataclass
class Process(PostgresWorld):
    """The ports of one process, with a listener, caches, and logs of what it sends."""

    database: Database
    listener: Listener
    time: FakeTime
    statements: list[str] = field(default_factory=list)
    heartbeats: list[str] = field(default_factory=list)
    token_cache: float = 0.001

    def __post_init__(self) -> None:
        super().__init__(self.database)
        self.unread_counts = UnreadCounts(self.database, self.listener)
        self.ticket_cache = PostgresTicketCache(self.listener)
        self.tickets = self.tickets_on(PostgresTickets)
        self.views = PostgresTicketViews(self.database, self.unread_counts)
        self.token_lookup = CachedTokenLookup(
            PostgresTokenLookup(self.database, Identity.named("tokens")),
            seconds=self.token_cache,
            listener=self.listener,
            now=self.time,
        )
        self.admin_lookup = CachedTokenLookup(
            PostgresAdminLookup(self.database),
            seconds=self.token_cache,
            listener=self.listener,
            kind="admin",
            now=self.time,
        )

    async def unread_count(self, user_id: int) -> int:
        return await self.views.user_unread(user_id)

    async def statements_of(self, work: Awaitable[object]) -> int:
        """Return how many statements this work sends; 0 means that a cache was used."""
        # the driver calls its query loggers in the next iteration of the event loop
        await asyncio.sleep(0)
        before = len(self.statements)
        await work
        await asyncio.sleep(0)
        return len(self.statements) - before

    async def until_caught_up(self) -> None:
        await until(self.listener.is_caught_up)

    async def catch_up(self) -> None:
        """Wait for a new heartbeat, after which only later changes can invalidate an entry."""
        self.time.seconds += CAUGHT_UP_SECONDS
        await self.until_caught_up()


@asynccontextmanager
async def a_process(
    url: str,
    *,
    listener_url: str | None = None,
    token_cache: float = 0.001,
    pool_size: int = 10,
    is_caught_up: bool = True,
) -> AsyncIterator[Process]:
    """Start a process; its listener may connect to another URL than its pool does."""
    time = FakeTime()
    statements: list[str] = []
    heartbeats: list[str] = []

    def log(record: asyncpg.connection.LoggedQuery) -> None:
        (heartbeats if record.query == HEARTBEAT.sql else statements).append(record.query)

    database = Database(url, query_logger=log, pool_size=pool_size)
    listener = Listener(listener_url or url, database, now=time)
    async with database.open(), listener.listening():
        process = Process(database, listener, time, statements, heartbeats, token_cache)
        if is_caught_up:
            await process.until_caught_up()
        yield process


async def kill_listeners(process: Process) -> int:
    """Terminate the listeners' connections in the server, not the pools'; return how many."""
    killed: int = await process.database.fetchval(
        f"select count(pg_terminate_backend(pid)) {LISTENERS}"
    )
    return killed
