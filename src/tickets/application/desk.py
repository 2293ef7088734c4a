"""The use cases: each loads, lets the ticket decide, and saves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from tickets.domain.errors import StaleTicket, TicketNotFound
from tickets.domain.ports import Clock, Tickets
from tickets.domain.ticket import Actor, Message, Status, Ticket
from tickets.domain.validation import Validation
from tickets.domain.views import Conversation

ATTEMPTS = 100
"""How often a use case decides again on a stale ticket. Each miss means that somebody else's change
went through, so this is how many may write in one ticket at the same moment."""

CLOSING_BATCH = 500
"""How many tickets one look for settled ones brings up, which bounds the memory of a round."""

Result = TypeVar("Result")


class Desk:
    """The support desk: everything that users and admins do to tickets."""

    def __init__(self, tickets: Tickets, clock: Clock) -> None:
        """Work on these tickets, by this clock."""
        self._tickets = tickets
        self._clock = clock

    async def open(
        self,
        *,
        user_id: int,
        category: str,
        other_category: str | None,
        subject: str,
        message: str,
    ) -> Ticket:
        """Open a ticket for the user; see `Ticket.open` for the rules and the errors."""
        ticket = Ticket.open(
            user_id=user_id,
            category=category,
            other_category=other_category,
            subject=subject,
            message=message,
            at=self._clock.now(),
        )
        return await self._tickets.add(ticket)

    async def read(self, ticket_id: int, *, by: Actor) -> Conversation:
        """Return the ticket and its thread, and clear the reader's flag for exactly that.

        Where something arrived in between, the save is stale and the thread is loaded again, so
        that a flag is only ever cleared by an answer that shows everything (section 7). Nothing
        to clear means no write. Raises `TicketNotFound` for a stranger as for a missing ticket.
        """

        async def attempt() -> Conversation:
            conversation = await self._tickets.get_with_thread(ticket_id)
            if conversation.ticket.read(by=by):
                await self._tickets.save(conversation.ticket)
            return conversation

        return await _until_fresh(attempt)

    async def reply(self, ticket_id: int, message: str, *, by: Actor) -> Message:
        """Add a message to the ticket and return it; see `Ticket.reply` for the errors."""

        async def attempt() -> Message:
            ticket = await self._tickets.get(ticket_id)
            ticket.reply(message, by=by, at=self._clock.now())
            (stored,) = await self._tickets.save(ticket)
            return stored

        return await _until_fresh(attempt)

    async def move(self, ticket_id: int, status: str, *, by: Actor) -> Status:
        """Change the ticket's status and return it; the same status again changes nothing.

        Raises `InvalidInput` for a status that section 4 does not know, `NotAllowed` for a user.
        """
        form = Validation()
        wanted = form.choice("status", status, Status)
        form.finish()
        assert wanted is not None  # noqa: S101 - `finish` raises where it is None

        async def attempt() -> Status:
            ticket = await self._tickets.get(ticket_id)
            if ticket.move(wanted, by=by, at=self._clock.now()):
                await self._tickets.save(ticket)
            return wanted

        return await _until_fresh(attempt)

    async def close_settled(self, after: timedelta) -> int:
        """Close every resolved ticket that has been quiet for `after`; return how many were.

        Any number of processes may do this at once: each ticket is closed by one of them, and a
        reply in the same moment either comes first, which keeps the ticket, or is refused.
        """
        closed = 0
        while True:
            quiet_since = self._clock.now() - after
            due = await self._tickets.resolved_until(quiet_since, limit=CLOSING_BATCH)
            for ticket_id in due:
                closed += await self._close_if_settled(ticket_id, after)
            if len(due) < CLOSING_BATCH:
                return closed

    async def _close_if_settled(self, ticket_id: int, after: timedelta) -> bool:
        async def attempt() -> bool:
            try:
                ticket = await self._tickets.get(ticket_id)
            except TicketNotFound:
                return False
            if not ticket.close_naturally(after=after, at=self._clock.now()):
                return False
            await self._tickets.save(ticket)
            return True

        return await _until_fresh(attempt)


async def _until_fresh(attempt: Callable[[], Awaitable[Result]]) -> Result:
    """Decide again on a fresh ticket until the save is not stale, `ATTEMPTS` times at most."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await attempt()
        except StaleTicket:
            continue
    return await attempt()
