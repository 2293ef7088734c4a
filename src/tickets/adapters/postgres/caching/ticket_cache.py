"""The ticket cache: tickets as this process last loaded or saved them, for optimistic locking."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import Any

from tickets.adapters.postgres.caching.cache import Cache
from tickets.adapters.postgres.connection.listener import Listener
from tickets.domain.ticket import Ticket

MAX_ENTRIES = 10_000
"""Maximum number of tickets, about a kilobyte each; eviction is FIFO."""

_FIELDS = tuple(field.name for field in fields(Ticket))
# An entry is rebuilt by position, in a tenth of the time that keywords take.
if _FIELDS[-3:] != ("version", "new_message", "new_events"):
    raise TypeError("a ticket's last fields must be version, new_message and new_events")
_state_of = attrgetter(*_FIELDS[:-3])


class PostgresTicketCache:
    """The port `TicketCache`: states of tickets without their threads, each with its version.

    A cached ticket may be stale; the version in the `where` of each save detects it. That requires
    that a version never means two states. So the listener reports deleted tickets, whose ids may
    be used again, and the cache is cleared when the listener loses its connection: the next one may
    lead to another server, which lacks the last changes.
    """

    def __init__(self, listener: Listener | None, *, max_entries: int = MAX_ENTRIES) -> None:
        """Cache up to `max_entries` tickets while `listener` is connected; without one, none."""
        self._listener = listener
        # every field but the last two
        self._cache = Cache[int, tuple[Any, ...]](max_entries)
        if listener is not None:
            listener.invalidate_on(self._cache, "ticket", int)

    @property
    def generation(self) -> int:
        """The number of times that the cache was cleared; `put` takes it from before the load."""
        return self._cache.generation

    def get(self, ticket_id: int) -> Ticket | None:
        """Return a copy of the cached ticket; None on a miss or while the listener is behind."""
        state = self._cache.get(ticket_id)
        if state is None or self._listener is None or not self._listener.is_caught_up():
            return None
        return Ticket(*state)

    def put(self, ticket: Ticket, version: int, generation: int) -> None:
        """Cache the state that is stored as this version, unless a later one is cached."""
        if self._listener is None or generation != self._cache.generation:
            return
        cached = self._cache.get(ticket.id)
        if cached is None or cached[-1] <= version:
            self._cache.put(ticket.id, (*_state_of(ticket), version))

    def invalidate(self, ticket_id: int) -> None:
        """Remove a ticket, which may have changed."""
        self._cache.invalidate(ticket_id)
