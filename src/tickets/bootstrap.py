"""The composition root: constructor calls, and nothing that decides."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar

from tickets.adapters.http.app import Lifespan, create_app
from tickets.adapters.http.metrics import Metrics
from tickets.adapters.http.rates import SignIns
from tickets.adapters.postgres.accounts import Accounts
from tickets.adapters.postgres.badges import Badges
from tickets.adapters.postgres.database import Database, QueryLogger
from tickets.adapters.postgres.health import PostgresHealth
from tickets.adapters.postgres.listener import Listener
from tickets.adapters.postgres.queries import load_queries
from tickets.adapters.postgres.rates import PostgresRates
from tickets.adapters.postgres.receipts import PostgresReceipts
from tickets.adapters.postgres.remembered_tickets import RememberedTickets
from tickets.adapters.postgres.remembered_users import RememberedUsers
from tickets.adapters.postgres.tickets import PostgresTickets
from tickets.adapters.postgres.users import Identity, PostgresUsers
from tickets.adapters.postgres.views import PostgresTicketViews
from tickets.application.desk import Desk
from tickets.application.limits import UserLimits
from tickets.clock import SystemClock
from tickets.domain.ports import Users
from tickets.domain.rates import Rate
from tickets.housekeeping import Chore, housekeeping, nobody_counts
from tickets.settings import Settings
from tickets.telemetry import tracing

YOUNG_OBJECTS = 20_000
"""How many objects more there may be before those are looked for that hold only each other; some megabytes."""


def database_of(settings: Settings, *, query_logger: QueryLogger | None = None) -> Database:
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
        query_logger=query_logger,
    )


def listener_of(settings: Settings) -> Listener | None:
    """Return what listens for changes at the database of these settings; None where nothing does."""
    # PgBouncer, which the other setting is for, does not pass notifications on
    if not (settings.listen and settings.database_url and settings.database_statement_cache):
        return None
    return Listener(settings.database_url)


def desk_on(
    database: Database,
    rates: PostgresRates | None = None,
    limits: UserLimits | None = None,
    badges: Badges | None = None,
    remembered: RememberedTickets | None = None,
) -> Desk:
    """Return the use cases over this database."""
    tickets = PostgresTickets(database, rates, badges, remembered)
    return Desk(tickets, PostgresReceipts(database), SystemClock(), limits)


def users_of(settings: Settings, database: Database, listener: Listener | None = None) -> Users:
    """Return who holds which token, remembered for as long as the settings allow."""
    users = PostgresUsers(database, Identity.named(settings.identity))
    if not settings.token_cache:
        return users
    # nobody tells of what changes in a platform's own table
    told = listener if settings.identity == "tokens" else None
    return RememberedUsers(users, seconds=settings.token_cache, listener=told)


def application(settings: Settings) -> Litestar:
    """Return the service over the database of these settings."""
    traced = tracing() if settings.opentelemetry else None
    database = database_of(settings, query_logger=traced.statements if traced else None)
    rates = PostgresRates(database)
    limits = UserLimits(
        rates, creates=_limit(settings.rate_creates), replies=_limit(settings.rate_replies)
    )
    listener = listener_of(settings)
    badges = Badges(database, listener)
    desk = desk_on(database, rates, limits, badges, RememberedTickets(listener))
    health = PostgresHealth(database)
    metrics = (
        Metrics(
            pool=database.usage,
            listening=listener.is_connected if listener else None,
            store=health.figures,
        )
        if settings.metrics
        else None
    )

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
        Chore("forgetting unused rate limits", rates.forget_unused),
        Chore("folding the counts", fold),
    ]
    if after := settings.close_resolved_after:
        chores.append(Chore("closing settled tickets", lambda: desk.close_settled(after)))
    lifespan: list[Lifespan] = [
        open_database,
        housekeeping(chores, done=metrics.chore_done if metrics else nobody_counts),
    ]
    if listener:
        lifespan.append(listener.listening)
    if metrics:
        lifespan.append(metrics.published)
    if traced:
        lifespan.append(traced.lifespan)
    return create_app(
        desk=desk,
        views=PostgresTicketViews(database, badges),
        users=users_of(settings, database, listener),
        admin_tokens=settings.admin_token,
        readiness=health.ready,
        lifespan=lifespan,
        frame_ancestors=settings.frame_ancestors,
        cors_origins=settings.cors_origins,
        metrics=metrics,
        metrics_token=settings.metrics_token,
        access_log=settings.access_log,
        middleware=[traced.middleware] if traced else [],
        sign_ins=SignIns(rates, _limit(settings.rate_failed_sign_ins)),
    )


def _limit(rate: Rate) -> Rate | None:
    return rate if rate.limit else None


def application_from_environment() -> Litestar:
    """Return the service as a server process makes it; the command line has checked the settings."""
    service = application(Settings.read(os.environ))
    # What is there by now stays, and need not be looked through again and again. What requests leave behind is nearly always
    # gone with them, so that what is not can be collected more rarely than a general program would.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    return service
