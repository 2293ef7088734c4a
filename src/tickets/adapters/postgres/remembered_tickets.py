"""Tickets as this process last saw them, which spares a decision the statement that loads one."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import Any

from tickets.adapters.postgres.cache import Cache
from tickets.adapters.postgres.listener import Listener
from tickets.domain.ticket import Ticket

MOST = 10_000
"""Tickets that are remembered at once, about a kilobyte each; one more pushes out the one that was loaded or saved longest ago."""

_state_of = attrgetter(
    *(field.name for field in fields(Ticket) if field.name not in ("version", "new_message"))
)


class RememberedTickets:
    """The state of tickets, without their threads, each with the version that it belongs to.

    What is remembered may be old, which the version in the `where` of each save finds out. That takes for
    granted that a version never means two states. So the listener tells of tickets that have gone, whose
    id may come again; and nothing is remembered across the loss of its connection: behind it may be
    another server, to which the last changes had not come.
    """

    def __init__(self, listener: Listener | None = None, *, most: int = MOST) -> None:
        """Remember up to `most` tickets while `listener` hears from the database; without one, none."""
        self._listener = listener
        self._cache = Cache[int, tuple[Any, ...]](most)
        if listener is not None:
            listener.keep_right(self._cache, "ticket", int)

    @property
    def since(self) -> int:
        """What `put` has to be told of the time before its statement: whether all was forgotten in between."""
        return self._cache.generation

    def get(self, ticket_id: int) -> Ticket | None:
        """Return a copy of what is remembered; None where nothing is, or nothing has been heard for a second."""
        state = self._cache.get(ticket_id)
        if state is None or self._listener is None or not self._listener.is_current():
            return None
        return Ticket(*state)

    def put(self, ticket: Ticket, version: int, since: int) -> None:
        """Remember the state that is stored as this version, unless a later one is remembered."""
        if self._listener is None or since != self._cache.generation:
            return
        known = self._cache.get(ticket.id)
        if known is None or known[-1] <= version:
            self._cache.put(ticket.id, (*_state_of(ticket), version))

    def forget(self, ticket_id: int) -> None:
        """Forget a ticket that may be another by now."""
        self._cache.invalidate(ticket_id)
