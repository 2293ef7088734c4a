"""The ticket cache in memory: empty unless a test fills it."""

from __future__ import annotations

import copy

from tickets.domain.ticket import Ticket


class MemoryTicketCache:
    """The port `TicketCache` over a dictionary."""

    def __init__(self) -> None:
        """Start empty."""
        self.tickets: dict[int, Ticket] = {}

    def get(self, ticket_id: int) -> Ticket | None:
        """Return a copy."""
        ticket = self.tickets.get(ticket_id)
        return None if ticket is None else copy.copy(ticket)

    def invalidate(self, ticket_id: int) -> None:
        """Remove a ticket."""
        self.tickets.pop(ticket_id, None)
