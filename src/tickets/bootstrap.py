"""The composition root: builds the service out of its parts, by constructor calls.

Nothing is opened, read or created at import.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from litestar import Litestar
from litestar.types import Middleware

from tickets.adapters.http.access.failed_sign_ins import FailedSignIns
from tickets.adapters.http.app import Lifespan, create_app
from tickets.adapters.postgres.caching.ticket_cache import PostgresTicketCache
from tickets.adapters.postgres.caching.unread_counts import UnreadCounts
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.connection.database import Database, QueryLogger
from tickets.adapters.postgres.connection.listener import Listener
from tickets.adapters.postgres.identity.admins import PostgresAdmins
from tickets.adapters.postgres.identity.token_admin import TokenAdmin
from tickets.adapters.postgres.repositories.customer_lookup import PostgresCustomerLookup
from tickets.adapters.postgres.repositories.deliveries import PostgresDeliveries
from tickets.adapters.postgres.repositories.idempotency import PostgresIdempotencyStore
from tickets.adapters.postgres.repositories.mailbook import PostgresMailbook
from tickets.adapters.postgres.repositories.notes import PostgresNotes
from tickets.adapters.postgres.repositories.queues import PostgresQueues
from tickets.adapters.postgres.repositories.rate_limits import PostgresRateLimiter
from tickets.adapters.postgres.repositories.reports import PostgresReports
from tickets.adapters.postgres.repositories.saved_replies import PostgresSavedReplies
from tickets.adapters.postgres.repositories.ticket_counts import PostgresTicketCounts
from tickets.adapters.postgres.repositories.ticket_search import PostgresTicketSearch
from tickets.adapters.postgres.repositories.ticket_views import PostgresTicketViews
from tickets.adapters.postgres.repositories.tickets import PostgresTickets
from tickets.adapters.postgres.schema.store_health import PostgresHealth
from tickets.adapters.postgres.sql_loader import query_names
from tickets.adapters.postgres.verification.daily_round import DailyRound
from tickets.application.auto_close import AutoClose
from tickets.application.delivery_expiry import DeliveryExpiry
from tickets.application.key_expiry import KeyExpiry
from tickets.application.notes import NoteService
from tickets.application.reporting import Reporting
from tickets.application.saved_replies import SavedReplyService
from tickets.application.tickets import TicketService
from tickets.application.user_rate_limits import UserRateLimits
from tickets.clock import SystemClock
from tickets.delivery_services import delivery_services, ignore_outcome
from tickets.domain.ports import Clock
from tickets.domain.rate_limits import RateLimit
from tickets.observability.metrics import Metrics
from tickets.observability.telemetry import flush_on_shutdown, tracer_provider
from tickets.periodic_jobs import Job, ignore_run, periodic_jobs
from tickets.settings.database_address import DatabaseAddress
from tickets.settings.settings import Settings
from tickets.sign_in import HostFunctions, sign_in_of

logger = logging.getLogger("tickets")


def address_of(settings: Settings) -> str:
    """Return the address of the database, with the schema; they must have its URL."""
    url = settings.database_url
    if url is None:
        # the command line starts the embedded PostgreSQL, and then sets the URL
        raise RuntimeError("the settings have no database_url")
    if settings.schema is None or isinstance(url, DatabaseAddress):
        return url
    return DatabaseAddress(url, schema=settings.schema)


MAIL_COUNTS_KEPT = timedelta(days=2)
"""How long the number of mails of a day is kept: no process is further behind."""


def database_of(settings: Settings, *, query_logger: QueryLogger | None = None) -> Database:
    """Return the database of these settings, not open yet; they must have its URL."""
    return Database(
        address_of(settings),
        pool_size=settings.database_pool_size,
        pool_queue=settings.database_pool_queue,
        timeout=settings.database_timeout,
        statement_cache_size=settings.database_statement_cache,
        query_logger=query_logger,
    )


def listener_of(settings: Settings, database: Database) -> Listener | None:
    """Return the LISTEN/NOTIFY listener of a process, None if the settings rule one out."""
    # statement cache 0 means PgBouncer, which does not forward notifications
    if not (settings.listen and settings.database_url and settings.database_statement_cache):
        return None
    return Listener(address_of(settings), database)


@dataclass(frozen=True, slots=True)
class Store:
    """The PostgreSQL adapters of the ports over one database, with the caches that they share."""

    database: Database
    rate_limiter: PostgresRateLimiter
    ticket_cache: PostgresTicketCache
    tickets: PostgresTickets
    idempotency_store: PostgresIdempotencyStore
    views: PostgresTicketViews
    queues: PostgresQueues
    search: PostgresTicketSearch

    @classmethod
    def on(cls, database: Database, listener: Listener | None) -> Store:
        """Build the adapters over this database; without a listener nothing is cached."""
        rate_limiter = PostgresRateLimiter(database)
        unread_counts = UnreadCounts(database, listener)
        ticket_cache = PostgresTicketCache(listener)
        return cls(
            database=database,
            rate_limiter=rate_limiter,
            ticket_cache=ticket_cache,
            tickets=PostgresTickets(database, rate_limiter, unread_counts, ticket_cache),
            idempotency_store=PostgresIdempotencyStore(database),
            views=PostgresTicketViews(database, unread_counts),
            queues=PostgresQueues(database),
            search=PostgresTicketSearch(database),
        )

    def ticket_service(
        self,
        *,
        creates: RateLimit | None,
        replies: RateLimit | None,
        changes: RateLimit | None = None,
        clock: Clock,
        close_resolved_after: timedelta | None,
    ) -> TicketService:
        """Build the use cases, with these rate limits per user; None is no limit."""
        return TicketService(
            self.tickets,
            self.ticket_cache,
            self.idempotency_store,
            admins=PostgresAdmins(self.database),
            customers=PostgresCustomerLookup(self.database),
            rate_limits=UserRateLimits(
                self.rate_limiter, creates=creates, replies=replies, changes=changes
            ),
            clock=clock,
            close_resolved_after=close_resolved_after,
        )


@dataclass(frozen=True, slots=True)
class Tracing:
    """OpenTelemetry for requests and statements, and the lifespan that sends the last spans."""

    middleware: Middleware
    query_logger: QueryLogger
    lifespan: Lifespan

    @classmethod
    def to_collector(cls) -> Tracing:
        """Return tracing to the collector that OpenTelemetry's variables name."""
        from tickets.adapters.http.edge.tracing import tracing_middleware  # noqa: PLC0415 - extra
        from tickets.observability.sql_spans import SqlSpans  # noqa: PLC0415 - the same

        provider = tracer_provider()
        return cls(
            middleware=tracing_middleware(provider),
            query_logger=SqlSpans(provider, query_names()),
            lifespan=flush_on_shutdown(provider),
        )


def application(settings: Settings, functions: HostFunctions | None = None) -> Litestar:
    """Return the service; its lifespan opens the database and starts the periodic jobs.

    `functions` are those of a host that say who is calling; without them the settings do.
    """
    tracing = Tracing.to_collector() if settings.opentelemetry else None
    database = database_of(settings, query_logger=tracing.query_logger if tracing else None)
    listener = listener_of(settings, database)
    store, clock = Store.on(database, listener), SystemClock()
    health = PostgresHealth(database)
    metrics = None
    if settings.metrics:
        is_listening = listener.is_connected if listener else None
        metrics = Metrics(pool_usage=database.usage, is_listening=is_listening, store_health=health)
    on_run = metrics.record_job_run if metrics else ignore_run
    lifespan: list[Lifespan] = [
        lambda _app: database.open(),
        periodic_jobs(_jobs(settings, store), on_run=on_run),
        # on its own, as it takes longer than the other jobs may wait
        periodic_jobs([_verification(settings, database)], on_run=on_run),
    ]
    lifespan += delivery_services(
        settings, database, clock, metrics.record_delivery if metrics else ignore_outcome
    )
    if listener:
        lifespan.append(listener.listening)
    if metrics:
        lifespan.append(metrics.publishing)
    if tracing:
        lifespan.append(tracing.lifespan)
    failed_sign_ins = FailedSignIns(store.rate_limiter, _enforced(settings.rate_failed_sign_ins))
    sign_in = sign_in_of(settings, database, listener, failed_sign_ins, functions)
    logger.info("signs in by %s", sign_in.accepts)
    return create_app(
        database=database,
        uses_cookies=functions is not None,
        user_authentication=sign_in.users,
        admin_authentication=sign_in.admins,
        ticket_service=store.ticket_service(
            creates=_enforced(settings.rate_creates),
            replies=_enforced(settings.rate_replies),
            changes=_enforced(settings.rate_changes),
            clock=clock,
            close_resolved_after=settings.close_resolved_after or None,
        ),
        note_service=NoteService(PostgresNotes(database), store.idempotency_store, clock),
        saved_reply_service=SavedReplyService(
            PostgresSavedReplies(database), store.idempotency_store, clock
        ),
        ticket_views=store.views,
        queues=store.queues,
        ticket_search=store.search,
        reporting=Reporting(PostgresReports(database), clock),
        admins=PostgresAdmins(database),
        store_health=health,
        mailbook=PostgresMailbook(database),
        clock=clock,
        lifespan=lifespan,
        frame_ancestors=settings.frame_ancestors,
        cors_origins=settings.cors_origins,
        metrics=metrics,
        metrics_token=settings.metrics_token,
        access_log=settings.access_log,
        customer_url=settings.customer_url,
        middleware=[tracing.middleware] if tracing else [],
    )


def _jobs(settings: Settings, store: Store) -> list[Job]:
    clock = SystemClock()
    key_expiry = KeyExpiry(store.idempotency_store, clock)
    delivery_expiry = DeliveryExpiry(PostgresDeliveries(store.database), clock)
    mailbook = PostgresMailbook(store.database)
    jobs = [
        Job("deleting expired idempotency keys", key_expiry.delete_expired),
        Job("deleting expired tokens", TokenAdmin(store.database, clock).delete_expired),
        Job("deleting expired rate limits", store.rate_limiter.delete_expired),
        Job("deleting old deliveries", delivery_expiry.delete_expired),
        Job(
            "deleting old counts of mails",
            lambda: mailbook.delete_counts(clock.now().date() - MAIL_COUNTS_KEPT),
        ),
        Job("folding ticket counts", PostgresTicketCounts(store.database).fold),
    ]
    if quiet_for := settings.close_resolved_after:
        auto_close = AutoClose(store.tickets, clock)
        jobs.append(Job("closing resolved tickets", lambda: auto_close.close_due(quiet_for)))
    return jobs


def _verification(settings: Settings, database: Database) -> Job:
    url = address_of(settings)
    return Job("verifying derived data", DailyRound(database, lambda: connected(url)).run_if_due)


def _enforced(rate_limit: RateLimit) -> RateLimit | None:
    """Return the rate limit, None if it is 0, which means no limit."""
    return rate_limit if rate_limit.limit else None
