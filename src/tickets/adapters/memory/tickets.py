"""The repository of tickets in memory."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import accumulate, takewhile
from typing import Any

import msgspec

from tickets.adapters.memory.events import history_page, store_events
from tickets.adapters.memory.idempotency import reject_duplicate, store_response
from tickets.adapters.memory.rate_limits import record_hit
from tickets.adapters.memory.store import MemoryStore
from tickets.adapters.memory.ticket_cache import MemoryTicketCache
from tickets.domain.errors import StaleTicket, TicketNotFound
from tickets.domain.message import Message
from tickets.domain.read_models import (
    MAX_FOLLOW_UPS,
    MAX_PAGE_BYTES,
    DetailRequest,
    ThreadPage,
    TicketDetail,
    UserPosition,
)
from tickets.domain.ticket import Status, Ticket
from tickets.domain.write_context import NO_CONTEXT, WriteContext


class MemoryTickets:
    """The port `Tickets` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore, ticket_cache: MemoryTicketCache) -> None:
        """Store tickets in this store; invalidate them in the cache when they are saved."""
        self._store = store
        self._ticket_cache = ticket_cache

    async def add(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Ticket:
        """Store a copy under the next id."""
        if ticket.user_id not in self._store.emails:
            raise ticket.missing_user
        self._check(context)
        stored = _state(ticket, id=next(self._store.ids), version=1)
        self._store.tickets[stored.id] = stored
        self._store.threads[stored.id] = []
        message = self._append(stored.id, ticket.new_message)
        store_events(self._store, stored, message, ticket.new_events)
        store_response(self._store, context.stored_response, stored)
        return copy.copy(stored)

    async def get(self, ticket_id: int) -> Ticket:
        """Return a copy."""
        if ticket_id not in self._store.tickets:
            raise TicketNotFound
        ticket = _state(self._store.tickets[ticket_id])
        ticket.assignee = self._store.assignee_of(ticket)
        return ticket

    async def get_with_thread(self, ticket_id: int, request: DetailRequest) -> TicketDetail:
        """Return a copy, and encode the pages."""
        ticket = await self.get(ticket_id)
        follow_ups = sorted(
            other.id
            for other in self._store.tickets.values()
            if other.follows == ticket_id and other.user_id == ticket.user_id
        )
        return TicketDetail(
            ticket,
            self._store.emails[ticket.user_id],
            thread_page(self._store.threads[ticket_id], before=request.before, limit=request.limit),
            follow_ups[-MAX_FOLLOW_UPS:] or (),
            history_page(self._store.events.get(ticket_id, ()), request),
        )

    async def save(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Message | None:
        """Compare the version, then store a copy under the next one."""
        self._ticket_cache.invalidate(ticket.id)
        current = self._store.tickets.get(ticket.id)
        if current is None or current.version != ticket.version:
            raise StaleTicket
        self._check(context)
        self._store.tickets[ticket.id] = _state(ticket, version=ticket.version + 1)
        stored = self._append(ticket.id, ticket.new_message)
        store_events(self._store, self._store.tickets[ticket.id], stored, ticket.new_events)
        store_response(self._store, context.stored_response, stored)
        return stored

    async def save_with_thread(
        self, ticket: Ticket, request: DetailRequest, *, shown_after: int
    ) -> TicketDetail:
        """Save if the page reaches back far enough, and return copies."""
        thread = self._store.threads.get(ticket.id, ())
        page = thread_page(thread, before=None, limit=request.limit)
        if page.shown_after > shown_after:
            self._ticket_cache.invalidate(ticket.id)
            raise StaleTicket
        await self.save(ticket)
        return await self.get_with_thread(ticket.id, request)

    async def resolved_since(
        self, moment: datetime, *, after: UserPosition | None, limit: int
    ) -> Sequence[UserPosition]:
        """Look through all tickets."""
        found = [
            UserPosition(ticket.updated_at, ticket.id)
            for ticket in self._store.tickets.values()
            if ticket.status is Status.RESOLVED
            and ticket.waiting_since is None
            and ticket.updated_at <= moment
        ]
        return sorted(position for position in found if after is None or position > after)[:limit]

    async def taken_over_at(self) -> datetime | None:
        """Return what a test has set."""
        return self._store.taken_over_at

    def _check(self, context: WriteContext) -> None:
        """Refuse a duplicate key, then record the hit: the order in which PostgreSQL does it."""
        reject_duplicate(self._store, context.stored_response)
        record_hit(self._store, context.hit)

    def _append(self, ticket_id: int, message: Message | None) -> Message | None:
        if message is None:
            return None
        stored = replace(message, id=next(self._store.ids), ticket_id=ticket_id)
        self._store.threads[ticket_id].append(stored)
        return stored


def _state(ticket: Ticket, **changes: Any) -> Ticket:  # noqa: ANN401 - fields of a ticket
    """Return a copy of the state alone."""
    return replace(ticket, new_message=None, new_events=(), **changes)


def thread_page(thread: Sequence[Message], *, before: int | None, limit: int) -> ThreadPage:
    """Return the newest page, or the one before an ordinal."""
    newest_first = sorted(
        (message for message in thread if before is None or message.ordinal < before),
        key=lambda message: message.ordinal,
        reverse=True,
    )
    encoded = [msgspec.json.encode(message) for message in newest_first[:limit]]
    sizes = accumulate(map(len, encoded))
    shown = max(1, sum(1 for _ in takewhile(lambda size: size <= MAX_PAGE_BYTES, sizes)))
    rest = newest_first[shown:]
    return ThreadPage(
        b"[" + b",".join(reversed(encoded[:shown])) + b"]", rest[0].ordinal if rest else None
    )
