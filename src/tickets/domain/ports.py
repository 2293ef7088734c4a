"""What the core needs from outside: a place for tickets, views of them, who holds a token, the time.

Every port has one suite in `tests/contracts`, run over every adapter. All may raise
`StoreUnavailable` where the store cannot be reached; what was asked for may or may not have happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tickets.domain.once import AnswerT, Once, Receipt
from tickets.domain.rates import Standing, Use
from tickets.domain.ticket import Category, Message, Status, Ticket
from tickets.domain.views import (
    AdminPosition,
    AdminRow,
    Conversation,
    Page,
    Stats,
    UserPosition,
    UserRow,
)


class Tickets(Protocol):
    """The write side: one ticket at a time, compared by version, so that no decision is lost."""

    async def add(
        self, ticket: Ticket, *, receipt: Receipt | None = None, use: Use | None = None
    ) -> Ticket:
        """Store a new ticket with its first message, and the receipt; return it with id and version.

        Raises `NotAuthenticated` where its user is gone. A receipt whose key is there already is
        refused as by `save`, and so is a use too many.
        """

    def remembered(self, ticket_id: int) -> Ticket | None:
        """Return the ticket as it was last seen from here, which may be older than what is stored.

        None where nothing is remembered, whatever is stored. Only a save tells whether it still is so;
        one that was stale leaves nothing to remember.
        """

    async def get(self, ticket_id: int) -> Ticket:
        """Return the ticket; raise `TicketNotFound` where there is none, whatever the number."""

    async def get_with_thread(self, ticket_id: int) -> Conversation:
        """Return the ticket with every message that its state counts, as of one moment.

        Raises `TicketNotFound` where there is none, whatever the number.
        """

    async def save(
        self, ticket: Ticket, *, receipt: Receipt | None = None, use: Use | None = None
    ) -> Message | None:
        """Store the ticket's state, its new message and the receipt together; return the message with its id.

        Raises `StaleTicket`, and stores nothing, where the ticket is no longer at the version
        that was loaded, or the receipt's key is there already: the same request came first, and
        can be recalled. The object is spent afterwards: load again to decide again. Raises
        `StillRunning`, and stores nothing, where the same request has been under way for too long
        to wait for it. Counts the use; raises `TooManyRequests`, and stores and counts nothing, where
        it is one too many. A save that is stale counts nothing either.
        """

    async def save_with_thread(self, ticket: Ticket) -> Conversation:
        """Store the ticket's state, and return it with every message that it counts, as of one moment.

        Raises `StaleTicket`, and stores nothing, as `save` does.
        """

    async def resolved_until(self, moment: datetime, *, limit: int) -> Sequence[int]:
        """Return ids of resolved tickets unchanged since `moment`, longest unchanged first."""


class Receipts(Protocol):
    """What requests with an Idempotency-Key were answered; `Tickets` keeps them with the change itself."""

    async def recall(self, once: Once, kind: type[AnswerT], *, since: datetime) -> AnswerT | None:
        """Return the answer to this request, kept at `since` or later; None where there is none.

        An older one is forgotten. Raises `KeyReused` where the caller's key belongs to another
        request.
        """

    async def keep(self, receipt: Receipt) -> None:
        """Keep the answer to a request that changed nothing; raise as `Tickets.save` does."""

    async def forget(self, until: datetime, *, limit: int) -> int:
        """Forget up to `limit` answers kept before `until`; return how many."""


class TicketViews(Protocol):
    """The read side: lists and counts, straight to what is shown."""

    async def user_list(
        self, user_id: int, *, status: Status | None, after: UserPosition | None, limit: int
    ) -> Page[UserRow]:
        """Return this user's tickets behind `after`, newest `updated_at` first, `limit` at most."""

    async def user_unread(self, user_id: int) -> int:
        """Count this user's tickets that hold something unread for the user."""

    async def admin_list(
        self,
        *,
        status: Status | None,
        category: Category | None,
        after: AdminPosition | None,
        limit: int,
    ) -> Page[AdminRow]:
        """Return everybody's tickets behind `after`, for admins: unread, then newest, first."""

    async def admin_unread(self) -> int:
        """Count the tickets that hold something unread for the admins."""

    async def admin_stats(self) -> Stats:
        """Return the figures of section 10, as of one moment."""


class Users(Protocol):
    """Who holds a bearer token."""

    async def by_token(self, token: str) -> int | None:
        """Return the id of the user who holds this token; None where it is unknown or expired."""


class Rates(Protocol):
    """How often somebody has done something lately, counted together by all processes."""

    def check(self, use: Use) -> None:
        """Raise `TooManyRequests` where this process was refused such a use, and must still wait.

        It asks nobody, and so may let pass what is refused when it is counted.
        """

    async def count(self, use: Use) -> Standing:
        """Count one use, and return what is left; raise `TooManyRequests`, and count nothing, at the limit."""

    def standing(self, use: Use) -> Standing | None:
        """Return what is left by what this process has last counted; None where all has come back, or it never did."""

    async def forget_unused(self) -> int:
        """Remove what is kept about those who stand as if they had done nothing; return how many."""


class Clock(Protocol):
    """The time, so that the domain need not ask for it."""

    def now(self) -> datetime:
        """Return the present moment in UTC, with its offset."""
