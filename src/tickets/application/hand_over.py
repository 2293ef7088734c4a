"""Hands the tickets of one admin over to another, before and after the first one is disabled."""

from __future__ import annotations

from tickets.application.attempt import retry_while_stale
from tickets.domain.errors import TicketNotFound
from tickets.domain.people import Actor, NamedAdmin
from tickets.domain.ports import Admins, Clock, Tickets
from tickets.domain.ticket import Status

BATCH_SIZE = 500
"""Tickets that one query returns at most, which bounds the memory of a run."""


class HandOver:
    """Assigns every ticket of an admin that is not closed to another admin.

    One that somebody else takes meanwhile, or that is closed, stays as it is. A run that was
    interrupted can be repeated.
    """

    def __init__(self, tickets: Tickets, admins: Admins, clock: Clock) -> None:
        """Work on these tickets, by this clock."""
        self._tickets = tickets
        self._admins = admins
        self._clock = clock

    async def hand_over(self, admin_id: int, to: NamedAdmin) -> int:
        """Assign the tickets of the admin with this id to another; return how many they were."""
        handed_over = after = 0
        while True:
            ids = await self._admins.assigned_to(admin_id, after=after, limit=BATCH_SIZE)
            for after in ids:
                handed_over += await self._assign(after, admin_id, to)
            if len(ids) < BATCH_SIZE:
                return handed_over

    async def _assign(self, ticket_id: int, admin_id: int, to: NamedAdmin) -> bool:
        async def attempt(_number: int) -> bool:
            try:
                ticket = await self._tickets.get(ticket_id)
            except TicketNotFound:
                return False
            # a ticket of a disabled admin is loaded as one without an assignee
            taken = ticket.assignee is not None and ticket.assignee.id != admin_id
            if taken or ticket.status is Status.CLOSED:
                return False
            if not ticket.assign(to.id, found=to, by=Actor.team(), at=self._clock.now()):
                return False
            await self._tickets.save(ticket)
            return True

        return await retry_while_stale(attempt)
