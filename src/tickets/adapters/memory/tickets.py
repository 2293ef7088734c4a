"""The repository of tickets in memory."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tickets.adapters.memory.idempotency import reject_duplicate, store_response
from tickets.adapters.memory.rate_limits import record_hit
from tickets.adapters.memory.store import MemoryStore
from tickets.adapters.memory.ticket_cache import MemoryTicketCache
from tickets.domain.errors import NotAuthenticated, StaleTicket, TicketNotFound
from tickets.domain.message import Message
from tickets.domain.read_models import TicketDetail
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
            raise NotAuthenticated
        self._check(context)
        stored = replace(ticket, id=next(self._store.ids), version=1, new_message=None)
        self._store.tickets[stored.id] = stored
        self._store.threads[stored.id] = []
        self._append(stored.id, ticket.new_message)
        store_response(self._store, context.stored_response, stored)
        return copy.copy(stored)

    async def get(self, ticket_id: int) -> Ticket:
        """Return a copy."""
        if ticket_id not in self._store.tickets:
            raise TicketNotFound
        return replace(self._store.tickets[ticket_id], new_message=None)

    async def get_with_thread(self, ticket_id: int) -> TicketDetail:
        """Return copies."""
        ticket = await self.get(ticket_id)
        thread = sorted(
            self._store.threads[ticket_id], key=lambda message: (message.created_at, message.id)
        )
        return TicketDetail(ticket, self._store.emails[ticket.user_id], thread)

    async def save(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Message | None:
        """Compare the version, then store a copy under the next one."""
        self._ticket_cache.invalidate(ticket.id)
        current = self._store.tickets.get(ticket.id)
        if current is None or current.version != ticket.version:
            raise StaleTicket
        self._check(context)
        self._store.tickets[ticket.id] = replace(
            ticket, version=ticket.version + 1, new_message=None
        )
        stored = self._append(ticket.id, ticket.new_message)
        store_response(self._store, context.stored_response, stored)
        return stored

    async def save_with_thread(self, ticket: Ticket) -> TicketDetail:
        """Save, and return copies."""
        await self.save(ticket)
        return await self.get_with_thread(ticket.id)

    async def resolved_since(self, moment: datetime, *, limit: int) -> Sequence[int]:
        """Look through all tickets."""
        found = [
            ticket
            for ticket in self._store.tickets.values()
            if ticket.status is Status.RESOLVED and ticket.updated_at <= moment
        ]
        found.sort(key=lambda ticket: (ticket.updated_at, ticket.id))
        return [ticket.id for ticket in found[:limit]]

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
