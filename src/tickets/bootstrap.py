"""The composition root: constructor calls, and nothing that decides."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from litestar import Litestar

from tickets.adapters.http.app import create_app
from tickets.adapters.postgres.accounts import Accounts
from tickets.adapters.postgres.database import Database
from tickets.adapters.postgres.queries import load_queries
from tickets.adapters.postgres.receipts import PostgresReceipts
from tickets.adapters.postgres.tickets import PostgresTickets
from tickets.adapters.postgres.users import Identity, PostgresUsers
from tickets.adapters.postgres.views import PostgresTicketViews
from tickets.application.desk import Desk
from tickets.clock import SystemClock
from tickets.domain.errors import StoreUnavailable
from tickets.housekeeping import Chore, housekeeping
from tickets.settings import Settings


def database_of(settings: Settings) -> Database:
    """Return the database of these settings, not open yet."""
    if settings.database_url is None:
        message = "the embedded PostgreSQL is started by the command line, which then sets its URL"
        raise RuntimeError(message)
    return Database(
        settings.database_url,
        pool_size=settings.database_pool_size,
        pool_queue=settings.database_pool_queue,
        timeout=settings.database_timeout,
        statement_cache_size=settings.database_statement_cache,
    )


def desk_on(database: Database) -> Desk:
    """Return the use cases over this database."""
    return Desk(PostgresTickets(database), PostgresReceipts(database), SystemClock())


def application(settings: Settings) -> Litestar:
    """Return the service over the database of these settings."""
    database = database_of(settings)
    desk = desk_on(database)
    ready = load_queries("health")["ready"]

    async def readiness() -> None:
        try:
            await database.fetchval(ready)
        except asyncpg.UndefinedTableError as error:
            raise StoreUnavailable from error

    @asynccontextmanager
    async def open_database(_app: Litestar) -> AsyncIterator[None]:
        async with database.open():
            yield

    fold_counts = load_queries("counts")["fold_counts"]

    async def fold() -> int:
        await database.fetchval(fold_counts)
        return 0  # nothing to tell of: the figures are the same

    accounts = Accounts(database, SystemClock())
    chores = [
        Chore("forgetting old idempotency keys", desk.forget_old_keys),
        Chore("forgetting tokens that expired long ago", accounts.forget_expired),
        Chore("folding the counts", fold),
    ]
    if after := settings.close_resolved_after:
        chores.append(Chore("closing settled tickets", lambda: desk.close_settled(after)))
    return create_app(
        desk=desk,
        views=PostgresTicketViews(database),
        users=PostgresUsers(database, Identity.named(settings.identity)),
        admin_tokens=settings.admin_token,
        readiness=readiness,
        lifespan=[open_database, housekeeping(chores)],
        frame_ancestors=settings.frame_ancestors,
        cors_origins=settings.cors_origins,
    )


def application_from_environment() -> Litestar:
    """Return the service as a server process makes it; the command line has checked the settings."""
    return application(Settings.read(os.environ))
