"""The ports of one adapter with a clock that tests set, and builders with defaults."""

from __future__ import annotations

import copy
import itertools
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from tickets.adapters.memory.store import (
    MemoryRates,
    MemoryReceipts,
    MemoryStore,
    MemoryTickets,
    MemoryTicketViews,
    MemoryUsers,
)
from tickets.adapters.postgres.accounts import Accounts
from tickets.adapters.postgres.database import Database
from tickets.adapters.postgres.health import PostgresHealth
from tickets.adapters.postgres.rates import PostgresRates
from tickets.adapters.postgres.receipts import PostgresReceipts
from tickets.adapters.postgres.tickets import PostgresTickets
from tickets.adapters.postgres.users import Identity, PostgresUsers
from tickets.adapters.postgres.views import PostgresTicketViews
from tickets.application.desk import Desk
from tickets.application.limits import UserLimits
from tickets.clock import SystemClock
from tickets.domain.ports import Rates, Receipts, Tickets, TicketViews, Users
from tickets.domain.ticket import Actor, Message, Status, Ticket

START = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)

ADMIN = Actor.admin()


class FakeClock:
    """A clock that moves when it is told to, and by a second whenever it is asked."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        self.moment += timedelta(seconds=1)
        return self.moment

    def pass_time(self, **duration: float) -> None:
        self.moment += timedelta(**duration)


class FakeTime:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class World(ABC):
    """Everything that a test needs of one adapter."""

    tickets: Tickets
    receipts: Receipts
    rates: Rates
    views: TicketViews
    users: Users

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.limits = UserLimits()
        self.moment = 1000.0
        self._names = itertools.count(1)

    @property
    def desk(self) -> Desk:
        return Desk(self.tickets, self.receipts, self.clock, self.limits)

    async def later(self, duration: timedelta) -> None:
        """Let time pass for what counts how often somebody has done something."""
        self.moment += duration.total_seconds()

    @abstractmethod
    async def user(self, email: str | None = None) -> int:
        """Return the id of a new user."""

    @abstractmethod
    async def token(self, user_id: int) -> str:
        """Return a new bearer token of the user."""

    @abstractmethod
    async def revoke(self, token: str) -> None:
        """Make the token good for nothing from now on."""

    @abstractmethod
    async def ready(self) -> None:
        """Be the readiness check."""

    @abstractmethod
    async def kept(self) -> dict[str, Any]:
        """Return everything that is kept, table by table, to be compared with a later time."""

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
        """Open a ticket of this user, or of a new one, and bring it to this status."""
        opened = await self.desk.open(
            by=Actor.user(await self.user() if user_id is None else user_id),
            category=category,
            other_category=other_category,
            subject=subject,
            message=message,
        )
        if status is not None:
            await self.desk.move(opened.id, status, by=ADMIN)
        return await self.tickets.get(opened.id)

    async def reply(self, ticket_id: int, by: Actor, text: str = "And another thing.") -> Message:
        return await self.desk.reply(ticket_id, text, by=by)

    async def flags(self, ticket_id: int) -> tuple[bool, bool]:
        """Return what is kept: (unread by the user, unread by the admins)."""
        ticket = await self.tickets.get(ticket_id)
        return ticket.user_unread, ticket.admin_unread

    async def texts(self, ticket_id: int) -> list[str]:
        """Return the texts of the thread as it is kept."""
        return [m.message for m in (await self.tickets.get_with_thread(ticket_id)).messages]


class MemoryWorld(World):
    """The ports over dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore(moment=lambda: self.moment)
        self.rates = MemoryRates(self.store)
        self.tickets = MemoryTickets(self.store)
        self.receipts = MemoryReceipts(self.store)
        self.views = MemoryTicketViews(self.store)
        self.users = MemoryUsers(self.store)

    async def ready(self) -> None:
        pass

    async def user(self, email: str | None = None) -> int:
        return self.store.add_user(email or self.an_email())

    async def token(self, user_id: int) -> str:
        token = f"token-{next(self._names)}"
        self.store.tokens[token] = user_id
        return token

    async def revoke(self, token: str) -> None:
        del self.store.tokens[token]

    async def kept(self) -> dict[str, Any]:
        tables = vars(self.store)
        return copy.deepcopy({name: rows for name, rows in tables.items() if name != "ids"})


class PostgresWorld(World):
    """The ports on a PostgreSQL of this test's own."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.rates = PostgresRates(database, moment=lambda: self.moment)
        self.tickets = PostgresTickets(database, self.rates)
        self.receipts = PostgresReceipts(database)
        self.views = PostgresTicketViews(database)
        self.users = PostgresUsers(database, Identity.named("tokens"))
        self.accounts = Accounts(database, SystemClock())

    async def user(self, email: str | None = None) -> int:
        return await self.accounts.user(email or self.an_email())

    async def token(self, user_id: int) -> str:
        return await self.accounts.new_token(user_id, lifetime=timedelta(hours=1))

    async def revoke(self, token: str) -> None:
        await self.database.fetch(
            "delete from ticket_tokens where token_sha256 = $1", sha256(token.encode()).digest()
        )

    async def kept(self) -> dict[str, Any]:
        names = await self.database.fetch(
            """select quote_ident(relname)
                 from pg_class
                where relkind = 'r' and relnamespace = 'public'::regnamespace"""
        )
        return {
            name: sorted(map(repr, await self.database.fetch(f"table {name}"))) for (name,) in names
        }

    async def ready(self) -> None:
        await PostgresHealth(self.database).ready()

    async def later(self, duration: timedelta) -> None:
        """Set back what the database's own clock has written, which nobody can set forward."""
        await super().later(duration)
        await self.database.fetch(
            "update ticket_rates set arrival = arrival - $1::interval, seen_at = seen_at - $1::interval",
            duration,
        )
