"""Tickets as this process last saw them, which spares a decision the statement that loads one."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import Any

from tickets.adapters.postgres.cache import Cache
from tickets.adapters.postgres.listener import Listener
from tickets.domain.ticket import Ticket

MOST = 10_000
"""Tickets that are remembered at once, about a kilobyte each; one more pushes out the one that was seen longest ago."""

_state_of = attrgetter(
    *(field.name for field in fields(Ticket) if field.name not in ("version", "new_message"))
)


class RememberedTickets:
    """The state of tickets, without their threads, each with the version that it belongs to.

    Nobody tells of what others change: what is remembered may be old, which the version in the `where`
    of each save finds out. That takes for granted that a version never means two different states, and
    so nothing is remembered across the loss of the listener's connection: behind it may be another
    server, to which the last changes had not come.
    """

    def __init__(self, listener: Listener, *, most: int = MOST) -> None:
        """Remember up to `most` tickets while `listener` hears from the database."""
        self._listener = listener
        self._cache = Cache[int, tuple[Any, ...]](most)
        listener.keep_right(self._cache, "ticket", int)

    def get(self, ticket_id: int) -> Ticket | None:
        """Return a copy of what is remembered; None where nothing is, or nothing has been heard for a second."""
        state = self._cache.get(ticket_id)
        if state is None or not self._listener.is_current():
            return None
        return Ticket(*state)

    def put(self, ticket: Ticket, version: int) -> None:
        """Remember the state that is stored as this version, unless a later one is remembered."""
        known = self._cache.get(ticket.id)
        if known is None or known[-1] < version:
            self._cache.put(ticket.id, (*_state_of(ticket), version))

    def forget(self, ticket_id: int) -> None:
        """Forget a ticket that may be another by now."""
        self._cache.invalidate(ticket_id)
