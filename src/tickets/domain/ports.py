"""The ports: what the core needs from a database, a clock and the sign-in of its users.

Each port has one contract suite in `tests/contracts`, run over every adapter. Every asynchronous
method may raise `StoreUnavailable` where the store cannot be reached; a write that raises it may
or may not have happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tickets.domain.idempotency import IdempotencyKey, ResultT, StoredResponse
from tickets.domain.message import Message
from tickets.domain.rate_limits import Allowance, Hit
from tickets.domain.read_models import (
    MAX_PAGE_MESSAGES,
    AdminPosition,
    Page,
    Stats,
    TicketDetail,
    UserPosition,
)
from tickets.domain.ticket import Category, Status, Ticket
from tickets.domain.write_context import NO_CONTEXT, WriteContext


class Tickets(Protocol):
    """The repository of tickets: one at a time, under optimistic locking."""

    async def add(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Ticket:
        """Store a new ticket, its first message and the context; return it with id and version.

        Raises `NotAuthenticated` where its user does not exist, and what `save` raises for a
        duplicate idempotency key and for a rate limit.
        """

    async def get(self, ticket_id: int) -> Ticket:
        """Return the ticket; raise `TicketNotFound` where there is none, whatever the number."""

    async def get_with_thread(
        self, ticket_id: int, *, before: int | None = None, limit: int = MAX_PAGE_MESSAGES
    ) -> TicketDetail:
        """Return the ticket with a page of its thread, as of one moment.

        The page has the newest `limit` messages, or those with an ordinal below `before`. It ends
        earlier at `MAX_PAGE_BYTES`. Raises `TicketNotFound` where there is no such ticket, whatever
        the number.
        """

    async def save(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Message | None:
        """Store the ticket's state, its new message and the context together.

        Returns the message with its id, None where there is none. The ticket must not be used
        afterwards: load it again to decide again. Each error means that nothing was stored:

        - `StaleTicket`: the ticket is no longer at the version that was loaded, or the idempotency
          key has a stored response already, which `IdempotencyStore.find` returns.
        - `RequestInProgress`: the same request is running, and was waited for too long.
        - `TooManyRequests`: the hit is over its rate limit. A hit counts only with a stored change.
        """

    async def save_with_thread(
        self, ticket: Ticket, *, shown_after: int, limit: int
    ) -> TicketDetail:
        """Store the ticket's state; return it with the newest page of its thread, as of one moment.

        Raises `StaleTicket`, and stores nothing, as `save` does, and also where the page does not
        have every message with an ordinal above `shown_after`.
        """

    async def resolved_since(
        self, moment: datetime, *, after: UserPosition | None, limit: int
    ) -> Sequence[UserPosition]:
        """Return resolved tickets without a change since `moment`, longest unchanged first.

        Tickets whose customer waits for an answer are left out. The next page starts after a
        position.
        """

    async def taken_over_at(self) -> datetime | None:
        """Return when the service took this database over; None if that is not known."""


class TicketCache(Protocol):
    """Tickets as this process last loaded or saved them. They may be stale; the save detects it."""

    def get(self, ticket_id: int) -> Ticket | None:
        """Return a copy of the cached ticket, None on a miss.

        After a save that was stale the ticket is not cached until it is loaded again.
        """


class IdempotencyStore(Protocol):
    """Stored responses by idempotency key; `Tickets` stores them with the change itself."""

    async def find(
        self, key: IdempotencyKey, kind: type[ResultT], *, since: datetime
    ) -> ResultT | None:
        """Return the result of this request, stored at `since` or later; None where there is none.

        An older one is deleted. Raises `IdempotencyKeyReused` where the caller used the key for
        another request, `ResponseErased` where the result has been erased.
        """

    async def store(self, response: StoredResponse) -> None:
        """Store the response of a request that changed nothing; raise as `Tickets.save` does."""

    async def delete_before(self, moment: datetime, *, limit: int) -> int:
        """Delete up to `limit` responses stored before `moment`; return how many."""


class TicketViews(Protocol):
    """The read side: lists and counts, as they are shown. Pages use keyset pagination."""

    async def user_list(
        self, user_id: int, *, status: Status | None, after: UserPosition | None, limit: int
    ) -> Page[UserPosition]:
        """Return up to `limit` of a user's tickets after a position, newest `updated_at` first."""

    async def user_unread(self, user_id: int) -> int:
        """Count the user's tickets that are unread for the user."""

    async def admin_list(
        self,
        *,
        status: Status | None,
        category: Category | None,
        after: AdminPosition | None,
        limit: int,
    ) -> Page[AdminPosition]:
        """Return up to `limit` tickets of all users after a position: unread first, then newest."""

    async def admin_unread(self) -> int:
        """Count the tickets that are unread for the admins."""

    async def admin_stats(self) -> Stats:
        """Return the statistics of section 10, as of one moment."""


class TokenLookup(Protocol):
    """Looks up who holds a bearer token."""

    def cached(self, token: str) -> int | None:
        """Return what `by_token` would return without a query; None where it needs one."""

    async def by_token(self, token: str) -> int | None:
        """Return the id of the user who holds this token; None where it is unknown or expired."""


class RateLimiter(Protocol):
    """Counts hits on rate limits, for all processes together (GCRA)."""

    def check(self, hit: Hit) -> None:
        """Raise `TooManyRequests` where this process knows that the hit would be over its limit.

        Does not query the database, so a hit may pass that is refused when it is recorded.
        """

    async def record(self, hit: Hit) -> Allowance:
        """Record a hit and return what is left; raise `TooManyRequests` at the limit, uncounted."""

    def allowance(self, hit: Hit) -> Allowance | None:
        """Return what is left, from what this process has last recorded.

        None where everything is left, or this process has recorded nothing.
        """

    async def delete_expired(self) -> int:
        """Delete records of subjects that have their full allowance again; return how many."""


class Clock(Protocol):
    """The time, passed into the domain so that tests can set it."""

    def now(self) -> datetime:
        """Return the present moment in UTC, with its offset."""


class PoolUsage(Protocol):
    """How busy a connection pool is at this moment."""

    @property
    def size(self) -> int:
        """Open connections."""

    @property
    def idle(self) -> int:
        """Open connections that nobody uses."""

    @property
    def waiting(self) -> int:
        """Requests that wait for a connection."""


class StoreFigures(Protocol):
    """Figures that only the database has, for all processes together."""

    @property
    def unread_by_users(self) -> int:
        """Tickets that are unread for their user."""

    @property
    def unread_by_admins(self) -> int:
        """Tickets that are unread for the admins."""

    @property
    def migrations_applied(self) -> int:
        """Migrations of this version that the database has."""

    @property
    def migrations_due(self) -> int:
        """Migrations of this version that the database lacks."""

    @property
    def verified_at(self) -> float | None:
        """When derived data was last verified in full, in seconds since 1970; None if never."""

    @property
    def findings_remaining(self) -> int:
        """Findings of that verification that could not be repaired."""


class StoreHealth(Protocol):
    """Checks the database on behalf of health endpoints and metrics."""

    async def ready(self) -> None:
        """Return if the service can do its work, writes included.

        Raises `NotReady` with everything that is missing.
        """

    async def figures(self) -> StoreFigures:
        """Return the database's figures."""
