"""The composition root: constructor calls, and nothing that decides."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import asyncpg
from litestar import Litestar

from tickets.adapters.http.app import Lifespan, create_app
from tickets.adapters.postgres.database import Database
from tickets.adapters.postgres.queries import load_queries
from tickets.adapters.postgres.tickets import PostgresTickets
from tickets.adapters.postgres.users import Identity, PostgresUsers
from tickets.adapters.postgres.views import PostgresTicketViews
from tickets.application.desk import Desk
from tickets.clock import SystemClock
from tickets.domain.errors import StoreUnavailable, TicketsError
from tickets.settings import Settings

logger = logging.getLogger("tickets")

CLOSING_INTERVAL_SECONDS = 300.0
"""How often a running service looks for resolved tickets that have been quiet long enough."""


def database_of(settings: Settings) -> Database:
    """Return the database of these settings, not open yet."""
    if settings.database_url is None:
        message = "the embedded PostgreSQL is started by the command line, which then sets its URL"
        raise RuntimeError(message)
    return Database(
        settings.database_url,
        pool_size=settings.database_pool_size,
        timeout=settings.database_timeout,
        statement_cache_size=settings.database_statement_cache,
    )


def desk_on(database: Database) -> Desk:
    """Return the use cases over this database."""
    return Desk(PostgresTickets(database), SystemClock())


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

    lifespan: list[Lifespan] = [open_database]
    if settings.close_resolved_after:
        lifespan.append(closing_rounds(desk, settings.close_resolved_after))
    return create_app(
        desk=desk,
        views=PostgresTicketViews(database),
        users=PostgresUsers(database, Identity.named(settings.identity)),
        admin_tokens=settings.admin_token,
        readiness=readiness,
        lifespan=lifespan,
        frame_ancestors=settings.frame_ancestors,
        cors_origins=settings.cors_origins,
    )


def application_from_environment() -> Litestar:
    """Return the service as a server process makes it; the command line has checked the settings."""
    return application(Settings.read(os.environ))


def closing_rounds(
    desk: Desk, after: timedelta, *, interval: float = CLOSING_INTERVAL_SECONDS
) -> Lifespan:
    """Return what applies natural close (section 4) every `interval` seconds while the app runs."""

    async def rounds() -> None:
        while True:
            try:
                if closed := await desk.close_settled(after):
                    logger.info(
                        "closed %d resolved tickets that had been quiet for %s", closed, after
                    )
            except TicketsError as error:
                logger.warning("natural close will be tried again: %s", error)
            except Exception:
                # a defect here must not end the rounds for the life of the process
                logger.exception("natural close failed; it will be tried again")
            await asyncio.sleep(interval)

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        task = asyncio.create_task(rounds())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return lifespan
