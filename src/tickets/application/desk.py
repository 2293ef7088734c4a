"""The use cases: each loads, lets the ticket decide, and saves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from tickets.application.limits import UserLimits
from tickets.domain.errors import StaleTicket, ThreadGrown, TicketNotFound, TicketsError
from tickets.domain.once import KEY_LIFETIME, Answer, AnswerT, Once, Receipt
from tickets.domain.ports import Clock, Receipts, Tickets
from tickets.domain.ticket import Actor, Message, Status, Ticket
from tickets.domain.validation import Validation
from tickets.domain.views import Conversation

ATTEMPTS = 100
"""How often a use case decides on a ticket until its save is not stale. Each miss of one that was loaded means that somebody
else's change went through, so this is how many may write in one ticket at the same moment. The first may be remembered."""

BATCH = 500
"""How many tickets, or keys, one step of a round brings up, which bounds its memory and its locks."""

Result = TypeVar("Result")


class Desk:
    """The support desk: everything that users and admins do to tickets.

    What changes something takes `once`: the same request again gets the first answer, and changes
    nothing; see `Once`. Raises `KeyReused` and `StillRunning` where that cannot be.
    """

    def __init__(
        self,
        tickets: Tickets,
        receipts: Receipts,
        clock: Clock,
        limits: UserLimits | None = None,
    ) -> None:
        """Work on these tickets, with these receipts for what was done, by this clock, within these limits."""
        self.limits = limits or UserLimits()
        self._tickets = tickets
        self._receipts = receipts
        self._clock = clock

    async def open(
        self,
        *,
        by: Actor,
        category: str,
        other_category: str | None,
        subject: str,
        message: str,
        once: Once | None = None,
    ) -> Ticket:
        """Open a ticket for the user; see `Ticket.open` for the rules and the errors.

        Raises `TooManyRequests`.
        """

        async def attempt(_tries: int) -> Ticket:
            use = self.limits.use("creates", by=by)
            ticket = Ticket.open(
                by=by,
                category=category,
                other_category=other_category,
                subject=subject,
                message=message,
                at=self._clock.now(),
            )
            return await self._tickets.add(ticket, receipt=self._receipt(once, ticket), use=use)

        return await self._once(once, Ticket, attempt)

    async def read(self, ticket_id: int, *, by: Actor) -> Conversation:
        """Return the ticket and its thread, and clear the reader's flag for exactly that.

        Where something arrived in between, the save is stale and the thread is loaded again, so
        that a flag is only ever cleared by an answer that shows everything (section 7). Nothing
        to clear means no write; where it is known already that there is something, the ticket is
        saved and shown at once. Raises `TicketNotFound` for a stranger as for a missing ticket.
        """

        async def attempt(tries: int) -> Conversation:
            expected = self._expected(ticket_id, lambda ticket: ticket.read(by=by), tries)
            if expected is not None:
                return await self._tickets.save_with_thread(expected)
            conversation = await self._tickets.get_with_thread(ticket_id)
            if conversation.ticket.read(by=by):
                await self._tickets.save(conversation.ticket)
            return conversation

        return await _until_fresh(attempt)

    async def peek(self, ticket_id: int, *, by: Actor) -> Conversation:
        """Return the ticket and its thread, and leave it as it is: `acknowledge` clears the flag.

        Raises `TicketNotFound` for a stranger as for a missing ticket.
        """
        conversation = await self._tickets.get_with_thread(ticket_id)
        conversation.ticket.admit(by)
        return conversation

    async def acknowledge(
        self, ticket_id: int, seen: int, *, by: Actor, once: Once | None = None
    ) -> bool:
        """Clear the reader's flag if no more than `seen` messages are there; return whether it is still set.

        See `Ticket.acknowledge` for the errors.
        """

        async def attempt(tries: int) -> bool:
            ticket, changed = await self._decided(
                ticket_id, lambda ticket: ticket.acknowledge(seen, by=by), tries
            )
            return await self._save(ticket, once, changed=changed, answer=ticket.unread_by(by.side))

        return await self._once(once, bool, attempt)

    async def mark_unread(self, ticket_id: int, *, by: Actor, once: Once | None = None) -> bool:
        """Set the reader's own flag; return that it is set. See `Ticket.mark_unread`."""

        async def attempt(tries: int) -> bool:
            ticket, changed = await self._decided(
                ticket_id, lambda ticket: ticket.mark_unread(by=by), tries
            )
            return await self._save(ticket, once, changed=changed, answer=True)

        return await self._once(once, bool, attempt)

    async def reply(
        self,
        ticket_id: int,
        message: str,
        *,
        by: Actor,
        seen: int | None = None,
        once: Once | None = None,
    ) -> Message:
        """Add a message to the ticket and return it; see `Ticket.reply` for the errors.

        `ThreadGrown` holds the messages that the writer has not been shown. Raises `TooManyRequests`.
        """

        def reply(ticket: Ticket) -> bool:
            ticket.reply(message, by=by, at=self._clock.now(), seen=seen)
            return True

        async def attempt(tries: int) -> Message:
            use = self.limits.use("replies", by=by)
            try:
                ticket, _ = await self._decided(ticket_id, reply, tries)
            except ThreadGrown:
                now = await self._tickets.get_with_thread(ticket_id)
                raise ThreadGrown(now.ticket.message_count, now.messages[seen:]) from None
            assert ticket.new_message is not None  # noqa: S101 - replying adds one
            receipt = self._receipt(once, ticket.new_message)
            stored = await self._tickets.save(ticket, receipt=receipt, use=use)
            assert stored is not None  # noqa: S101 - what was added
            return stored

        return await self._once(once, Message, attempt)

    async def move(
        self, ticket_id: int, status: str, *, by: Actor, once: Once | None = None
    ) -> Status:
        """Change the ticket's status and return it; the same status again changes nothing.

        Raises `InvalidInput` for a status that section 4 does not know, `NotAllowed` for a user.
        """
        form = Validation()
        wanted = form.choice("status", status, Status)
        form.finish()
        assert wanted is not None  # noqa: S101 - `finish` raises where it is None

        async def attempt(tries: int) -> Status:
            ticket, changed = await self._decided(
                ticket_id,
                lambda ticket: ticket.move(wanted, by=by, at=self._clock.now()),
                tries,
            )
            return await self._save(ticket, once, changed=changed, answer=wanted)

        return await self._once(once, Status, attempt)

    async def close_settled(self, after: timedelta) -> int:
        """Close every resolved ticket that has been quiet for `after`; return how many were.

        Any number of processes may do this at once: each ticket is closed by one of them, and a
        reply in the same moment either comes first, which keeps the ticket, or is refused.
        """
        closed = 0
        while True:
            quiet_since = self._clock.now() - after
            due = await self._tickets.resolved_until(quiet_since, limit=BATCH)
            for ticket_id in due:
                closed += await self._close_if_settled(ticket_id, after)
            if len(due) < BATCH:
                return closed

    async def forget_old_keys(self) -> int:
        """Forget the answers to requests whose keys are past their lifetime; return how many."""
        forgotten = 0
        while True:
            step = await self._receipts.forget(self._clock.now() - KEY_LIFETIME, limit=BATCH)
            forgotten += step
            if step < BATCH:
                return forgotten

    async def _close_if_settled(self, ticket_id: int, after: timedelta) -> bool:
        async def attempt(_tries: int) -> bool:
            try:
                ticket = await self._tickets.get(ticket_id)
            except TicketNotFound:
                return False
            if not ticket.close_naturally(after=after, at=self._clock.now()):
                return False
            await self._tickets.save(ticket)
            return True

        return await _until_fresh(attempt)

    def _once(
        self, once: Once | None, kind: type[AnswerT], attempt: Callable[[int], Awaitable[AnswerT]]
    ) -> Awaitable[AnswerT]:
        """Return the first answer to this request, where there is one; else make the attempt.

        Asked before each attempt, and before any rule: a reply that went through is answered as it
        was, though the ticket has been closed since. One that meets its own twin is stale, and
        finds the twin's answer here.
        """
        if once is None:
            return _until_fresh(attempt)

        async def recalled_or_attempted(tries: int) -> AnswerT:
            since = self._clock.now() - KEY_LIFETIME
            answer = await self._receipts.recall(once, kind, since=since)
            return await attempt(tries) if answer is None else answer

        return _until_fresh(recalled_or_attempted)

    def _expected(
        self, ticket_id: int, decide: Callable[[Ticket], bool], tries: int
    ) -> Ticket | None:
        """Let the ticket decide as it is remembered; return it where it would change, else None.

        What is remembered may be old. What it allows is saved, or stale, and then there is no second
        try; what it refuses, or sees no reason to change, means nothing until the ticket has said so as it is.
        """
        if tries:
            return None
        ticket = self._tickets.remembered(ticket_id)
        try:
            return ticket if ticket is not None and decide(ticket) else None
        except TicketsError:
            return None

    async def _decided(
        self, ticket_id: int, decide: Callable[[Ticket], bool], tries: int
    ) -> tuple[Ticket, bool]:
        """Let the ticket decide, as it is remembered or else as it is; return it, and whether it changes."""
        expected = self._expected(ticket_id, decide, tries)
        if expected is not None:
            return expected, True
        ticket = await self._tickets.get(ticket_id)
        return ticket, decide(ticket)

    async def _save(
        self, ticket: Ticket, once: Once | None, *, changed: bool, answer: AnswerT
    ) -> AnswerT:
        """Save what changed, or keep the receipt alone for what did not; return the answer."""
        receipt = self._receipt(once, answer)
        if changed:
            await self._tickets.save(ticket, receipt=receipt)
        elif receipt is not None:
            await self._receipts.keep(receipt)
        return answer

    def _receipt(self, once: Once | None, answer: Answer) -> Receipt | None:
        return None if once is None else Receipt(once, answer, at=self._clock.now())


async def _until_fresh(attempt: Callable[[int], Awaitable[Result]]) -> Result:
    """Decide again until the save is not stale, `ATTEMPTS` times at most; attempts are told how many were before them."""
    for tries in range(ATTEMPTS - 1):
        try:
            return await attempt(tries)
        except StaleTicket:
            continue
    return await attempt(ATTEMPTS - 1)
