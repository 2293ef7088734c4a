"""Ports of the write side: the repository, its cache, stored responses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tickets.domain.idempotency import IdempotencyKey, ResultT, StoredResponse
from tickets.domain.message import Message
from tickets.domain.read_models import DetailRequest, TicketDetail, UserPosition
from tickets.domain.ticket import Ticket
from tickets.domain.write_context import NO_CONTEXT, WriteContext


class Tickets(Protocol):
    """The repository of tickets: one at a time, under optimistic locking."""

    async def add(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Ticket:
        """Store a new ticket, as `save` does; return it with id and version.

        Raises `Ticket.missing_user` where its user does not exist, and what `save` raises for a
        duplicate idempotency key and for a rate limit.
        """

    async def get(self, ticket_id: int) -> Ticket:
        """Return the ticket; raise `TicketNotFound` where there is none, whatever the number."""

    async def get_with_thread(self, ticket_id: int, request: DetailRequest) -> TicketDetail:
        """Return the ticket with a page of its thread and one of its history, as of one moment.

        The page of the thread ends earlier at `MAX_PAGE_BYTES`. Raises `TicketNotFound` where there
        is no such ticket, whatever the number.
        """

    async def save(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Message | None:
        """Store the ticket's state, its new message, its new events and the context together.

        The new events are of one change: one moment and one author. What channels want of them goes
        to the outbox at the same moment.

        Returns the message with its id, None where there is none. The ticket must not be used
        afterwards: load it again to decide again. Each error means that nothing was stored:

        - `StaleTicket`: the ticket is no longer at the version that was loaded, or the idempotency
          key has a stored response already, which `IdempotencyStore.find` returns.
        - `RequestInProgress`: the same request is running, and was waited for too long.
        - `TooManyRequests`: the hit is over its rate limit. A hit counts only with a stored change.
        """

    async def save_with_thread(
        self, ticket: Ticket, request: DetailRequest, *, shown_after: int
    ) -> TicketDetail:
        """Store the ticket's state; return what `get_with_thread` does, as of one moment.

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
