"""Auto-close: closes resolved tickets after a quiet period ("natural close", section 4)."""

from __future__ import annotations

from datetime import timedelta

from tickets.application.attempt import retry_while_stale
from tickets.domain.errors import TicketNotFound
from tickets.domain.ports import Clock, Tickets

BATCH_SIZE = 500
"""Tickets that one query returns at most, which bounds the memory of a run."""


class AutoClose:
    """Closes every resolved ticket that has been quiet for a period.

    Any number of processes may run it at once: each ticket is closed by one of them, and a reply
    at the same moment either comes first, after which the ticket is not closed, or is refused.
    """

    def __init__(self, tickets: Tickets, clock: Clock) -> None:
        """Work on these tickets, by this clock."""
        self._tickets = tickets
        self._clock = clock

    async def close_due(self, quiet_for: timedelta) -> int:
        """Close every resolved ticket that has been quiet for `quiet_for`; return how many."""
        closed = 0
        while True:
            quiet_since = self._clock.now() - quiet_for
            due = await self._tickets.resolved_since(quiet_since, limit=BATCH_SIZE)
            for ticket_id in due:
                closed += await self._close_if_due(ticket_id, quiet_for)
            if len(due) < BATCH_SIZE:
                return closed

    async def _close_if_due(self, ticket_id: int, quiet_for: timedelta) -> bool:
        async def attempt(_number: int) -> bool:
            try:
                ticket = await self._tickets.get(ticket_id)
            except TicketNotFound:
                return False
            if not ticket.auto_close(quiet_for=quiet_for, at=self._clock.now()):
                return False
            await self._tickets.save(ticket)
            return True

        return await retry_while_stale(attempt)
