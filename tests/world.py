"""The worlds of the tests: all ports of one adapter, a clock that tests set, and builders."""

from __future__ import annotations

import copy
import itertools
from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import ModuleType
from typing import Any, TypeAlias, TypeVar

import msgspec

from tickets.adapters.memory import ticket_search as memory_search
from tickets.adapters.memory.admins import MemoryAdminLookup, MemoryAdmins
from tickets.adapters.memory.customer_lookup import MemoryCustomerLookup
from tickets.adapters.memory.deliveries import MemoryDeliveries
from tickets.adapters.memory.idempotency import MemoryIdempotencyStore
from tickets.adapters.memory.mailbook import MemoryMailbook
from tickets.adapters.memory.notes import MemoryNotes
from tickets.adapters.memory.outbox import Channel, Delivery
from tickets.adapters.memory.people import MemoryPeople
from tickets.adapters.memory.queues import MemoryQueues
from tickets.adapters.memory.rate_limits import MemoryRateLimiter
from tickets.adapters.memory.reports import MemoryReports
from tickets.adapters.memory.saved_replies import MemorySavedReplies
from tickets.adapters.memory.store import MemoryAdmin, MemoryStore
from tickets.adapters.memory.store_health import MemoryStoreHealth
from tickets.adapters.memory.ticket_cache import MemoryTicketCache
from tickets.adapters.memory.ticket_search import MemoryTicketSearch
from tickets.adapters.memory.ticket_views import MemoryTicketViews
from tickets.adapters.memory.tickets import MemoryTickets
from tickets.adapters.memory.token_lookup import MemoryTokenLookup
from tickets.adapters.memory.webhooks import SECRET, MemoryWebhooks
from tickets.adapters.postgres.caching.ticket_cache import PostgresTicketCache
from tickets.adapters.postgres.caching.unread_counts import UnreadCounts
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.admin_accounts import AdminAccounts
from tickets.adapters.postgres.identity.admins import PostgresAdminLookup, PostgresAdmins
from tickets.adapters.postgres.identity.people import PostgresPeople
from tickets.adapters.postgres.identity.token_admin import TokenAdmin
from tickets.adapters.postgres.identity.token_lookup import Identity, PostgresTokenLookup
from tickets.adapters.postgres.repositories import ticket_search as postgres_search
from tickets.adapters.postgres.repositories.customer_lookup import PostgresCustomerLookup
from tickets.adapters.postgres.repositories.deliveries import PostgresDeliveries
from tickets.adapters.postgres.repositories.idempotency import PostgresIdempotencyStore
from tickets.adapters.postgres.repositories.mailbook import PostgresMailbook
from tickets.adapters.postgres.repositories.notes import PostgresNotes
from tickets.adapters.postgres.repositories.queues import PostgresQueues
from tickets.adapters.postgres.repositories.rate_limits import PostgresRateLimiter
from tickets.adapters.postgres.repositories.reports import PostgresReports
from tickets.adapters.postgres.repositories.saved_replies import PostgresSavedReplies
from tickets.adapters.postgres.repositories.ticket_search import PostgresTicketSearch
from tickets.adapters.postgres.repositories.ticket_views import PostgresTicketViews
from tickets.adapters.postgres.repositories.tickets import PostgresTickets
from tickets.adapters.postgres.repositories.webhooks import PostgresWebhooks
from tickets.adapters.postgres.schema.store_health import PostgresHealth
from tickets.application.auto_close import AutoClose
from tickets.application.notes import NoteService
from tickets.application.reporting import Reporting
from tickets.application.saved_replies import SavedReplyService
from tickets.application.tickets import TicketService
from tickets.application.user_rate_limits import UserRateLimits
from tickets.clock import SystemClock
from tickets.domain.message import Message
from tickets.domain.note import Note
from tickets.domain.people import Actor, NamedAdmin, Side
from tickets.domain.ports import (
    AdminLookup,
    Admins,
    CustomerLookup,
    Deliveries,
    IdempotencyStore,
    Mailbook,
    Notes,
    People,
    Queues,
    RateLimiter,
    Reports,
    SavedReplies,
    StoreHealth,
    TicketCache,
    Tickets,
    TicketSearch,
    TicketViews,
    TokenLookup,
    Webhooks,
)
from tickets.domain.read_models import AdminRow, DetailRequest, Page, TicketDetail, UserRow
from tickets.domain.ticket import Status, Ticket

START = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)

ADMIN = Actor.team()

CLOSE_RESOLVED_AFTER = timedelta(hours=168)


def messages_of(detail: TicketDetail) -> list[Message]:
    """Return the messages of the page."""
    return msgspec.json.decode(detail.thread.messages, type=list[Message])


def texts_of(detail: TicketDetail) -> list[str]:
    """Return the texts of the page's messages."""
    return [message.message for message in messages_of(detail)]


RowT = TypeVar("RowT", UserRow, AdminRow)


def rows_of(page: Page[Any], kind: type[RowT]) -> list[RowT]:
    """Return the rows of a page of a list."""
    return msgspec.json.decode(page.rows, type=list[kind])  # type: ignore[valid-type]


TicketsT = TypeVar("TicketsT", bound=PostgresTickets)


StoredEvent: TypeAlias = tuple[str, str, str | None, str | None, str | None, int | None]


class FakeClock:
    """A clock that tests set. Each reading moves it by one second."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        self.moment += timedelta(seconds=1)
        return self.moment

    def pass_time(self, **duration: float) -> None:
        self.moment += timedelta(**duration)


class FakeTime:
    """A monotonic clock that tests set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class World(ABC):
    """The ports of one adapter, the use cases over them, and builders with defaults."""

    tickets: Tickets
    ticket_cache: TicketCache
    idempotency_store: IdempotencyStore
    rate_limiter: RateLimiter
    views: TicketViews
    queues: Queues
    search: TicketSearch
    reports: Reports
    token_lookup: TokenLookup
    admin_lookup: AdminLookup
    admins: Admins
    notes: Notes
    saved_replies: SavedReplies
    customers: CustomerLookup
    outbox: Deliveries
    mailbook: Mailbook
    webhooks: Webhooks
    people: People
    store_health: StoreHealth

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.limits: UserRateLimits | None = None
        self.moment = 1000.0
        self._names = itertools.count(1)

    @property
    def service(self) -> TicketService:
        return self.service_over(self.tickets, self.ticket_cache)

    @property
    def note_service(self) -> NoteService:
        return NoteService(self.notes, self.idempotency_store, self.clock)

    @property
    def saved_reply_service(self) -> SavedReplyService:
        return SavedReplyService(self.saved_replies, self.idempotency_store, self.clock)

    @property
    def reporting(self) -> Reporting:
        return Reporting(self.reports, self.clock)

    @property
    def auto_close(self) -> AutoClose:
        return AutoClose(self.tickets, self.clock)

    def service_over(self, tickets: Tickets, ticket_cache: TicketCache) -> TicketService:
        """Return the use cases over other tickets or another cache than this world's."""
        limits = self.limits or UserRateLimits(self.rate_limiter, creates=None, replies=None)
        return TicketService(
            tickets,
            ticket_cache,
            self.idempotency_store,
            admins=self.admins,
            customers=self.customers,
            rate_limits=limits,
            clock=self.clock,
            close_resolved_after=CLOSE_RESOLVED_AFTER,
        )

    async def later(self, duration: timedelta) -> None:
        """Let time pass for the rate limiter."""
        self.moment += duration.total_seconds()

    @abstractmethod
    async def user(self, email: str | None = None) -> int:
        """Return the id of a new user."""

    @abstractmethod
    async def platform_user(self, email: str) -> int:
        """Return the id of a user whom the platform has added, whoever else has this address."""

    @abstractmethod
    async def token(self, user_id: int) -> str:
        """Return a new bearer token of the user."""

    @abstractmethod
    async def admin_with_token(self, name: str, email: str | None = None) -> tuple[NamedAdmin, str]:
        """Return a new named admin, and the admin's token."""

    async def admin(self, name: str = "Nadia Berg", email: str | None = None) -> NamedAdmin:
        """Return a new named admin."""
        return (await self.admin_with_token(name, email))[0]

    @abstractmethod
    async def disable(self, admin: NamedAdmin) -> None:
        """Disable the admin, as the command does."""

    @abstractmethod
    async def events(self, ticket_id: int) -> list[StoredEvent]:
        """Return all stored events: (kind, by, admin's name, before, after, message's id)."""

    @abstractmethod
    async def channel(
        self, channel: str, target: str, *events: str, disabled: bool = False
    ) -> None:
        """Switch a channel on that wants these events."""

    @abstractmethod
    async def disable_channels(self) -> None:
        """Switch all channels off."""

    @abstractmethod
    async def deliveries(self) -> list[Delivery]:
        """Return the outbox, oldest first."""

    @abstractmethod
    async def outcomes(self) -> list[tuple[str | None, int, str | None]]:
        """Return outcome, attempts and error of what the outbox holds, oldest first."""

    @abstractmethod
    async def stop(self, target: str) -> None:
        """Stop the channels to this target."""

    @abstractmethod
    async def events_recorded_since(self, moment: datetime) -> None:
        """Pretend that events have been recorded since this moment."""

    @abstractmethod
    async def revoke(self, token: str) -> None:
        """Revoke the token."""

    @abstractmethod
    async def erase_responses(self) -> None:
        """Erase all stored responses; their keys stay."""

    @abstractmethod
    async def erase_message(self, message: Message) -> None:
        """Delete a message, as an operator does."""

    @property
    @abstractmethod
    def search_modules(self) -> list[ModuleType]:
        """The modules of this world's search, whose limits a test may lower."""

    @abstractmethod
    async def note(self, ticket_id: int, text: str) -> None:
        """Store an internal note at a ticket."""

    @abstractmethod
    async def snapshot(self) -> dict[str, Any]:
        """Return all stored data, table by table, to compare it with a later snapshot."""

    def an_email(self) -> str:
        return f"user{next(self._names)}@example.com"

    async def ticket(
        self,
        user_id: int | None = None,
        *,
        category: str = "support",
        other_category: str | None = None,
        subject: str = "The export stops half-way",
        message: str = "It stops after the first hundred rows.",
        status: Status | None = None,
    ) -> Ticket:
        """Open a ticket of this user, or of a new one, and set this status."""
        opened = await self.service.open(
            by=Actor.user(await self.user() if user_id is None else user_id),
            category=category,
            other_category=other_category,
            subject=subject,
            message=message,
        )
        if status is not None:
            await self.service.change_status(opened.id, status, by=ADMIN)
        return await self.tickets.get(opened.id)

    async def reply(self, ticket_id: int, by: Actor, text: str = "And another thing.") -> Message:
        return await self.service.reply(ticket_id, text, by=by)

    async def flags(self, ticket_id: int) -> tuple[bool, bool]:
        """Return the stored flags: (unread by the user, unread by the admins)."""
        ticket = await self.tickets.get(ticket_id)
        return ticket.user_unread, ticket.admin_unread

    async def texts(self, ticket_id: int) -> list[str]:
        """Return the texts of the stored thread."""
        return texts_of(await self.detail(ticket_id))

    async def detail(
        self, ticket_id: int, viewer: Side = Side.ADMIN, **request: int | None
    ) -> TicketDetail:
        """Return the ticket and its pages, by default the newest as admins are shown them."""
        return await self.tickets.get_with_thread(ticket_id, DetailRequest(viewer, **request))  # type: ignore[arg-type] # numbers all


class MemoryWorld(World):
    """The ports in memory."""

    ticket_cache: MemoryTicketCache

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore(monotonic=lambda: self.moment)
        self.rate_limiter = MemoryRateLimiter(self.store)
        self.ticket_cache = MemoryTicketCache()
        self.tickets = MemoryTickets(self.store, self.ticket_cache)
        self.idempotency_store = MemoryIdempotencyStore(self.store)
        self.views = MemoryTicketViews(self.store)
        self.queues = MemoryQueues(self.store)
        self.search = MemoryTicketSearch(self.store)
        self.reports = MemoryReports(self.store)
        self.token_lookup = MemoryTokenLookup(self.store)
        self.admin_lookup = MemoryAdminLookup(self.store)
        self.admins = MemoryAdmins(self.store)
        self.notes = MemoryNotes(self.store)
        self.saved_replies = MemorySavedReplies(self.store)
        self.customers = MemoryCustomerLookup(self.store)
        self.outbox = MemoryDeliveries(self.store)
        self.mailbook = MemoryMailbook(self.store)
        self.webhooks = MemoryWebhooks(self.store)
        self.people = MemoryPeople(self.store)
        self.store_health = MemoryStoreHealth(self.store)

    async def user(self, email: str | None = None) -> int:
        return self.store.add_user(email or self.an_email())

    async def platform_user(self, email: str) -> int:
        return self.store.add_user(email)

    async def token(self, user_id: int) -> str:
        token = f"token-{next(self._names)}"
        self.store.tokens[token] = user_id
        return token

    async def admin_with_token(self, name: str, email: str | None = None) -> tuple[NamedAdmin, str]:
        admin_id, token = next(self.store.ids), f"admin-token-{next(self._names)}"
        self.store.admins[admin_id] = MemoryAdmin(name, email or self.an_email(), token)
        return NamedAdmin(admin_id, name), token

    async def events(self, ticket_id: int) -> list[StoredEvent]:
        return [
            (
                stored.event.kind.value,
                "system" if (by := stored.event.by) is None else by.side.value,
                None if by is None or by.admin is None else by.admin.name,
                stored.event.before,
                stored.event.after,
                stored.message_id,
            )
            for stored in self.store.events.get(ticket_id, ())
        ]

    async def channel(
        self, channel: str, target: str, *events: str, disabled: bool = False
    ) -> None:
        if not disabled:
            self.store.channels.append(Channel(channel, target, events))

    async def disable_channels(self) -> None:
        self.store.channels.clear()

    async def deliveries(self) -> list[Delivery]:
        return list(self.store.deliveries)

    async def outcomes(self) -> list[tuple[str | None, int, str | None]]:
        return [
            (state.outcome, state.attempts, state.last_error)
            for state in self.store.delivery_states.values()
        ]

    async def stop(self, target: str) -> None:
        self.store.channels = [
            replace(each, is_stopped=each.is_stopped or each.target == target)
            for each in self.store.channels
        ]

    async def disable(self, admin: NamedAdmin) -> None:
        stored = self.store.admins[admin.id]
        stored.active, stored.token = False, None

    async def events_recorded_since(self, moment: datetime) -> None:
        self.store.recorded_since = moment

    async def revoke(self, token: str) -> None:
        del self.store.tokens[token]

    async def erase_responses(self) -> None:
        responses = self.store.stored_responses
        for key, response in responses.items():
            responses[key] = replace(response, result=None)

    async def erase_message(self, message: Message) -> None:
        self.store.threads[message.ticket_id].remove(message)

    @property
    def search_modules(self) -> list[ModuleType]:
        return [memory_search]

    async def note(self, ticket_id: int, text: str) -> None:
        note = Note(next(self.store.ids), None, text, self.clock.now())
        self.store.notes.setdefault(ticket_id, []).append(note)

    async def snapshot(self) -> dict[str, Any]:
        tables = vars(self.store)
        return copy.deepcopy({name: rows for name, rows in tables.items() if name != "ids"})


class PostgresWorld(World):
    """The ports on a PostgreSQL database."""

    ticket_cache: PostgresTicketCache

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self._limiter = PostgresRateLimiter(database, monotonic=lambda: self.moment)
        self.rate_limiter = self._limiter
        self.unread_counts = UnreadCounts(database, None)
        self.ticket_cache = PostgresTicketCache(None)
        self.tickets = self.tickets_on(PostgresTickets)
        self.idempotency_store = PostgresIdempotencyStore(database)
        self.views = PostgresTicketViews(database, self.unread_counts)
        self.queues = PostgresQueues(database)
        self.search = PostgresTicketSearch(database)
        self.reports = PostgresReports(database)
        self.token_lookup = PostgresTokenLookup(database, Identity.named("tokens"))
        self.token_admin = TokenAdmin(database, SystemClock())
        self.admin_lookup = PostgresAdminLookup(database)
        self.admins = PostgresAdmins(database)
        self.notes = PostgresNotes(database)
        self.saved_replies = PostgresSavedReplies(database)
        self.people = PostgresPeople(database, seconds=0)
        self.customers = PostgresCustomerLookup(database)
        self.admin_accounts = AdminAccounts(database)
        self.outbox = PostgresDeliveries(database)
        self.mailbook = PostgresMailbook(database)
        self.webhooks = PostgresWebhooks(database)
        self.store_health = PostgresHealth(database)

    def tickets_on(self, kind: type[TicketsT]) -> TicketsT:
        """Return this class of repository with the collaborators of this world."""
        return kind(self.database, self._limiter, self.unread_counts, self.ticket_cache)

    async def user(self, email: str | None = None) -> int:
        return await self.token_admin.user(email or self.an_email())

    async def platform_user(self, email: str) -> int:
        # of the table that we create; a platform's own may have none
        await self.database.fetch("drop index if exists users_email_of_own")
        user_id: int = await self.database.fetchval(
            "insert into users (email) values ($1) returning id", email
        )
        return user_id

    async def token(self, user_id: int) -> str:
        return await self.token_admin.new_token(user_id, lifetime=timedelta(hours=1))

    async def admin_with_token(self, name: str, email: str | None = None) -> tuple[NamedAdmin, str]:
        token = await self.admin_accounts.add(name, email or self.an_email())
        assert token is not None
        admin = await self.admin_lookup.by_token(token)
        assert admin is not None
        return admin, token

    async def events(self, ticket_id: int) -> list[StoredEvent]:
        rows = await self.database.fetch(
            """select kind, by, admin_name, before, after, message_id
                 from ticket_events where ticket_id = $1 order by id""",
            ticket_id,
        )
        return [tuple(row) for row in rows]

    async def channel(
        self, channel: str, target: str, *events: str, disabled: bool = False
    ) -> None:
        await self.database.fetch(
            """insert into ticket_channels (channel, target, events, disabled_at, secret)
               values ($1, $2, string_to_array($3, ' '), case when $4 then now() end, $5)""",
            channel,
            target,
            " ".join(events),
            disabled,
            SECRET,
        )

    async def disable_channels(self) -> None:
        await self.database.fetch("update ticket_channels set disabled_at = now()")

    async def deliveries(self) -> list[Delivery]:
        rows = await self.database.fetch(
            """select channel, event, event_id, ticket_id, target, body, due_at
                 from ticket_deliveries order by id"""
        )
        return [Delivery(**dict(row) | {"body": msgspec.json.decode(row["body"])}) for row in rows]

    async def outcomes(self) -> list[tuple[str | None, int, str | None]]:
        rows = await self.database.fetch(
            "select outcome, attempts, last_error from ticket_deliveries order by id"
        )
        return [tuple(row) for row in rows]

    async def stop(self, target: str) -> None:
        await self.database.fetch(
            """update ticket_channels set stopped_at = now(), stopped_because = 'a test'
                where target = $1""",
            target,
        )

    async def disable(self, admin: NamedAdmin) -> None:
        assert await self.admin_accounts.disable(admin.id)

    async def events_recorded_since(self, moment: datetime) -> None:
        await self.database.fetch(
            "update ticket_migrations set applied_at = $1 where number = 11", moment
        )

    async def revoke(self, token: str) -> None:
        await self.database.fetch(
            "delete from ticket_tokens where token_sha256 = $1", sha256(token.encode()).digest()
        )

    async def erase_responses(self) -> None:
        await self.database.fetch("update ticket_idempotency_keys set answer = 'null'")

    async def erase_message(self, message: Message) -> None:
        await self.database.fetch("delete from ticket_messages where id = $1", message.id)

    @property
    def search_modules(self) -> list[ModuleType]:
        return [postgres_search]

    async def note(self, ticket_id: int, text: str) -> None:
        await self.database.fetch(
            "insert into ticket_notes (ticket_id, note, created_at) values ($1, $2, now())",
            ticket_id,
            text,
        )

    async def snapshot(self) -> dict[str, Any]:
        names = await self.database.fetch(
            """select quote_ident(relname)
                 from pg_class
                where relkind = 'r' and relnamespace = 'public'::regnamespace"""
        )
        return {
            name: sorted(map(repr, await self.database.fetch(f"table {name}"))) for (name,) in names
        }

    async def later(self, duration: timedelta) -> None:
        """Move the stored times back: the clock of the database can't be moved forward."""
        await super().later(duration)
        await self.database.fetch(
            "update ticket_rates"
            " set arrival = arrival - $1::interval, seen_at = seen_at - $1::interval",
            duration,
        )
