"""The ticket use cases: each loads a ticket, lets it decide, and saves it.

Retries, the ticket cache and stored responses surround them once, in `attempt.py`.
"""

from __future__ import annotations

import logging

from tickets.application.attempt import Attempt, Attempts
from tickets.application.user_rate_limits import UserRateLimits
from tickets.domain.errors import (
    StoreExhausted,
    StoreReadOnly,
    ThreadGrown,
    TicketNotFound,
    WriteRefused,
)
from tickets.domain.idempotency import IdempotencyKey
from tickets.domain.message import Message
from tickets.domain.people import Actor
from tickets.domain.ports import Clock, IdempotencyStore, TicketCache, Tickets
from tickets.domain.read_models import MAX_PAGE_MESSAGES, TicketDetail
from tickets.domain.text_rules import Validation
from tickets.domain.ticket import Status, Ticket

logger = logging.getLogger("tickets")


class TicketService:
    """Everything that users and admins do to tickets.

    Every method that changes something takes an idempotency key: a repeated request gets the stored
    response, and changes nothing. Raises `IdempotencyKeyReused` for another request with the same
    key, and `RequestInProgress` while the first one has not finished.
    """

    def __init__(
        self,
        tickets: Tickets,
        ticket_cache: TicketCache,
        idempotency_store: IdempotencyStore,
        rate_limits: UserRateLimits,
        clock: Clock,
    ) -> None:
        """Work on these ports."""
        self.rate_limits = rate_limits
        self._tickets = tickets
        self._clock = clock
        self._attempts = Attempts(tickets, ticket_cache, idempotency_store, rate_limits, clock)

    async def open(
        self,
        *,
        by: Actor,
        category: str,
        other_category: str | None,
        subject: str,
        message: str,
        follows: int | None = None,
        idempotency_key: IdempotencyKey | None = None,
    ) -> Ticket:
        """Open a ticket for the user; see `Ticket.open` for the rules and the errors.

        Raises `TooManyRequests`.
        """

        async def use_case(attempt: Attempt) -> Ticket:
            hit = self.rate_limits.hit("creates", by=by)
            ticket = Ticket.open(
                by=by,
                category=category,
                other_category=other_category,
                subject=subject,
                message=message,
                at=self._clock.now(),
                follows=follows,
                followed=None if follows is None else await self._find(follows),
            )
            return await attempt.add(ticket, hit=hit)

        return await self._attempts.run_once(idempotency_key, Ticket, use_case)

    async def read(
        self, ticket_id: int, *, by: Actor, limit: int = MAX_PAGE_MESSAGES
    ) -> TicketDetail:
        """Return the ticket and its newest page, and clear the reader's flag for exactly that.

        The flag stays where the page does not reach back to the reader's mark. Where a message
        arrived in between, the save is stale and the page is loaded again, so that a flag is only
        ever cleared by a response that shows everything unread (section 7). Nothing to clear means
        no write. Where it cannot be written, because the store is read-only or full, or because
        the platform refuses it, the ticket is shown and stays unread. Raises `TicketNotFound` for
        another user as for a missing ticket.

        A ticket that is cached as unread is saved and shown in one statement, unless its page
        surely does not reach the mark. Where the page turns out not to reach it, the statement is
        stale, and the next attempt loads.
        """

        async def use_case(attempt: Attempt) -> TicketDetail:
            cached = attempt.cached(ticket_id)
            if cached is not None and cached.last_ordinal - cached.mark_of(by.side) <= limit:
                mark = cached.mark_of(by.side)
                if cached.read(by=by, shown_after=mark):
                    detail = await attempt.save_with_thread(cached, shown_after=mark, limit=limit)
                    return detail.opened_at(mark)
            detail = await attempt.load_with_thread(ticket_id, limit=limit)
            mark = detail.ticket.mark_of(by.side)
            if detail.ticket.read(by=by, shown_after=detail.thread.shown_after):
                await self._tickets.save(detail.ticket)
            return detail.opened_at(mark)

        try:
            return await self._attempts.run(use_case)
        except (StoreReadOnly, StoreExhausted, WriteRefused) as error:
            if not isinstance(error, StoreReadOnly):
                cause = error.__cause__ or error
                logger.warning("ticket %d is shown, but stays unread: %r", ticket_id, cause)
            return await self.peek(ticket_id, by=by, limit=limit)

    async def peek(
        self,
        ticket_id: int,
        *,
        by: Actor,
        before: int | None = None,
        limit: int = MAX_PAGE_MESSAGES,
    ) -> TicketDetail:
        """Return the ticket and a page, and change nothing: `acknowledge` clears the flag.

        The page is the newest, or the one of messages with ordinals below `before`. Raises
        `TicketNotFound` for another user as for a missing ticket.
        """
        detail = await self._tickets.get_with_thread(ticket_id, before=before, limit=limit)
        detail.ticket.check_access(by)
        return detail.opened_at(detail.ticket.mark_of(by.side))

    async def acknowledge(
        self,
        ticket_id: int,
        seen: int,
        *,
        by: Actor,
        idempotency_key: IdempotencyKey | None = None,
    ) -> bool:
        """Clear the reader's flag if there are no more than `seen` messages.

        Returns whether the flag is still set. See `Ticket.acknowledge` for the errors. With
        an idempotency key it raises `TooManyRequests`, as every change.
        """

        async def use_case(attempt: Attempt) -> bool:
            ticket = await attempt.load(ticket_id)
            changed = ticket.acknowledge(seen, by=by)
            return await attempt.save(ticket, ticket.unread_by(by.side), by=by, changed=changed)

        return await self._attempts.run_once(idempotency_key, bool, use_case)

    async def mark_unread(
        self, ticket_id: int, *, by: Actor, idempotency_key: IdempotencyKey | None = None
    ) -> bool:
        """Set the reader's own flag; return that it is set. See `Ticket.mark_unread`."""

        async def use_case(attempt: Attempt) -> bool:
            ticket = await attempt.load(ticket_id)
            changed = ticket.mark_unread(by=by)
            # every result is a value of its own type, so that it can be stored
            unread = True
            return await attempt.save(ticket, unread, by=by, changed=changed)

        return await self._attempts.run_once(idempotency_key, bool, use_case)

    async def reply(
        self,
        ticket_id: int,
        message: str,
        *,
        by: Actor,
        seen: int | None = None,
        idempotency_key: IdempotencyKey | None = None,
    ) -> Message:
        """Add a message to the ticket and return it; see `Ticket.reply` for the errors.

        `ThreadGrown` holds the messages that the writer has not been shown, at most a page of the
        newest. Raises `TooManyRequests`.
        """

        async def use_case(attempt: Attempt) -> Message:
            hit = self.rate_limits.hit("replies", by=by)
            ticket = await attempt.load(ticket_id)
            ticket.reply(message, by=by, at=self._clock.now(), seen=seen)
            return await attempt.save_message(ticket, hit=hit)

        try:
            return await self._attempts.run_once(idempotency_key, Message, use_case)
        except ThreadGrown as grown:
            assert seen is not None  # noqa: S101 - without it no thread is found grown
            raise await self._with_unseen(ticket_id, grown.message_count, seen) from None

    async def change_status(
        self,
        ticket_id: int,
        status: str,
        *,
        by: Actor,
        idempotency_key: IdempotencyKey | None = None,
    ) -> Status:
        """Change the ticket's status and return it; the same status again changes nothing.

        Raises `InvalidInput` for a status that section 4 does not know, `NotAllowed` for a user.
        """
        validation = Validation()
        wanted = validation.choice("status", status, Status)
        validation.finish()
        assert wanted is not None  # noqa: S101 - `finish` raises where it is None

        async def use_case(attempt: Attempt) -> Status:
            ticket = await attempt.load(ticket_id)
            changed = ticket.change_status(wanted, by=by, at=self._clock.now())
            return await attempt.save(ticket, wanted, by=by, changed=changed)

        return await self._attempts.run_once(idempotency_key, Status, use_case)

    async def close(
        self, ticket_id: int, *, by: Actor, idempotency_key: IdempotencyKey | None = None
    ) -> Status:
        """Close a user's own ticket and return its status; again changes nothing.

        See `Ticket.close` for the errors.
        """

        async def use_case(attempt: Attempt) -> Status:
            ticket = await attempt.load(ticket_id)
            changed = ticket.close(by=by, at=self._clock.now())
            return await attempt.save(ticket, Status.CLOSED, by=by, changed=changed)

        return await self._attempts.run_once(idempotency_key, Status, use_case)

    async def _find(self, ticket_id: int) -> Ticket | None:
        """Return the ticket as it is stored, None where there is none."""
        try:
            return await self._tickets.get(ticket_id)
        except TicketNotFound:
            return None

    async def _with_unseen(self, ticket_id: int, message_count: int, seen: int) -> ThreadGrown:
        """Return the error with the messages after the first `seen`: the end of the newest page.

        If more messages have arrived, a longer end of it is loaded.
        """
        while True:
            limit = min(max(message_count - seen, 1), MAX_PAGE_MESSAGES)
            detail = await self._tickets.get_with_thread(ticket_id, limit=limit)
            loaded = detail.ticket.message_count
            if loaded <= message_count or limit == MAX_PAGE_MESSAGES:
                return ThreadGrown(loaded, detail.thread.messages)
            message_count = loaded
