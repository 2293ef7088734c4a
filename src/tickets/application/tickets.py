"""The ticket use cases: each loads a ticket, lets it decide, and saves it.

Retries, the ticket cache and stored responses surround them once, in `attempt.py`.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from tickets.application.attempt import Attempt, Attempts
from tickets.application.triage import TriageService
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
from tickets.domain.ports import (
    Admins,
    Clock,
    CustomerLookup,
    IdempotencyStore,
    TicketCache,
    Tickets,
)
from tickets.domain.read_models import MAX_PAGE_MESSAGES, DetailRequest, TicketDetail
from tickets.domain.text_rules import Validation
from tickets.domain.ticket import Status, Ticket

logger = logging.getLogger("tickets")


class TicketService(TriageService):
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
        *,
        admins: Admins,
        customers: CustomerLookup,
        rate_limits: UserRateLimits,
        clock: Clock,
        close_resolved_after: timedelta | None,
    ) -> None:
        """Work on these ports.

        Natural close is due `close_resolved_after` a resolution; None where it is turned off.
        """
        attempts = Attempts(tickets, ticket_cache, idempotency_store, rate_limits, clock)
        super().__init__(
            attempts, admins=admins, customers=customers, rate_limits=rate_limits, clock=clock
        )
        self._tickets = tickets
        self._close_resolved_after = close_resolved_after

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
        request = DetailRequest(by.side, limit)

        async def use_case(attempt: Attempt) -> TicketDetail:
            cached = attempt.cached(ticket_id)
            if cached is not None and cached.last_ordinal - cached.mark_of(by.side) <= limit:
                mark = cached.mark_of(by.side)
                if cached.read(by=by, shown_after=mark):
                    detail = await attempt.save_with_thread(cached, request, shown_after=mark)
                    return self._opened(detail, mark)
            detail = await attempt.load_with_thread(ticket_id, request)
            mark = detail.ticket.mark_of(by.side)
            if detail.ticket.read(by=by, shown_after=detail.thread.shown_after):
                await self._tickets.save(detail.ticket)
            return self._opened(detail, mark)

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
        events_before: int | None = None,
        limit: int = MAX_PAGE_MESSAGES,
    ) -> TicketDetail:
        """Return the ticket and a page, and change nothing: `acknowledge` clears the flag.

        See `DetailRequest` for the parameters. Raises `TicketNotFound` for another user as for a
        missing ticket.
        """
        request = DetailRequest(by.side, limit, before, events_before)
        detail = await self._tickets.get_with_thread(ticket_id, request)
        detail.ticket.check_access(by)
        return self._opened(detail, detail.ticket.mark_of(by.side))

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
        status: str | None = None,
        idempotency_key: IdempotencyKey | None = None,
    ) -> Message:
        """Add a message to the ticket and return it; see `Ticket.reply` for the errors.

        `status` is what an admin's reply changes the ticket's status to, in the same statement.
        `ThreadGrown` holds the messages that the writer has not been shown, at most a page of the
        newest. Raises `TooManyRequests`.
        """
        validation = Validation()
        wanted = None if status is None else validation.choice("status", status, Status)
        validation.finish()

        async def use_case(attempt: Attempt) -> Message:
            hit = self.rate_limits.hit("replies", by=by)
            ticket = await attempt.load(ticket_id)
            ticket.reply(message, by=by, at=self._clock.now(), seen=seen, status=wanted)
            return await attempt.save_message(ticket, hit=hit)

        try:
            return await self._attempts.run_once(idempotency_key, Message, use_case)
        except ThreadGrown as grown:
            assert seen is not None  # noqa: S101 - without it no thread is found grown
            raise await self._with_unseen(ticket_id, grown.message_count, seen, by) from None

    async def mark_handled(
        self,
        ticket_id: int,
        seen: int,
        *,
        by: Actor,
        idempotency_key: IdempotencyKey | None = None,
    ) -> bool:
        """Record that the customer needs no answer; return that nobody waits any more.

        See `Ticket.mark_handled` for the errors. `ThreadGrown` holds the messages that the admin
        has not been shown, as for a reply.
        """

        async def use_case(attempt: Attempt) -> bool:
            ticket = await attempt.load(ticket_id)
            changed = ticket.mark_handled(seen, by=by, at=self._clock.now())
            handled = True
            return await attempt.save(ticket, handled, by=by, changed=changed)

        try:
            return await self._attempts.run_once(idempotency_key, bool, use_case)
        except ThreadGrown as grown:
            raise await self._with_unseen(ticket_id, grown.message_count, seen, by) from None

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

    def _opened(self, detail: TicketDetail, mark: int) -> TicketDetail:
        """Return the detail for a reader whose mark was this."""
        quiet_for = self._close_resolved_after
        closes_at = None if quiet_for is None else detail.ticket.closes_at(quiet_for)
        return detail.opened_at(mark, closes_at=closes_at)

    async def _find(self, ticket_id: int) -> Ticket | None:
        """Return the ticket as it is stored, None where there is none."""
        try:
            return await self._tickets.get(ticket_id)
        except TicketNotFound:
            return None

    async def _with_unseen(
        self, ticket_id: int, message_count: int, seen: int, by: Actor
    ) -> ThreadGrown:
        """Return the error with the messages after the first `seen`: the end of the newest page.

        If more messages have arrived, a longer end of it is loaded.
        """
        while True:
            limit = min(max(message_count - seen, 1), MAX_PAGE_MESSAGES)
            request = DetailRequest(by.side, limit)
            detail = await self._tickets.get_with_thread(ticket_id, request)
            loaded = detail.ticket.message_count
            if loaded <= message_count or limit == MAX_PAGE_MESSAGES:
                return ThreadGrown(loaded, detail.thread.messages)
            message_count = loaded
