"""The triage use cases: status, assignee, priority, handled, and opening for a customer (DESK)."""

from __future__ import annotations

from tickets.application.attempt import Attempt, Attempts
from tickets.application.user_rate_limits import UserRateLimits
from tickets.domain.assignment import Assigned, ShownAssignee
from tickets.domain.idempotency import IdempotencyKey
from tickets.domain.people import Actor
from tickets.domain.ports import Admins, Clock, CustomerLookup
from tickets.domain.text_rules import Validation
from tickets.domain.ticket import Priority, Status, Ticket


class TriageService:
    """What admins decide about tickets, beside answering them.

    `was` is the value that the admin was shown: where another one is stored by now, `ValueChanged`
    is raised and nothing changes.
    """

    def __init__(
        self,
        attempts: Attempts,
        *,
        admins: Admins,
        customers: CustomerLookup,
        rate_limits: UserRateLimits,
        clock: Clock,
    ) -> None:
        """Work on these ports."""
        self.rate_limits = rate_limits
        self._attempts = attempts
        self._admins = admins
        self._customers = customers
        self._clock = clock

    async def open_on_behalf(
        self,
        *,
        by: Actor,
        user_id: int | None,
        email: str | None,
        category: str,
        other_category: str | None,
        subject: str,
        message: str,
        idempotency_key: IdempotencyKey | None = None,
    ) -> Ticket:
        """Open a ticket for a customer; see `Ticket.open_on_behalf` for the rules and the errors.

        Raises `TooManyRequests`.
        """

        async def use_case(attempt: Attempt) -> Ticket:
            hit = self.rate_limits.hit("creates", by=by)
            ticket = Ticket.open_on_behalf(
                by=by,
                user_id=user_id,
                email=email,
                found=await self._customers.find(user_id=user_id, email=email),
                category=category,
                other_category=other_category,
                subject=subject,
                message=message,
                at=self._clock.now(),
            )
            return await attempt.add(ticket, hit=hit)

        return await self._attempts.run_once(idempotency_key, Ticket, use_case)

    async def change_status(
        self,
        ticket_id: int,
        status: str,
        *,
        by: Actor,
        was: str | None = None,
        idempotency_key: IdempotencyKey | None = None,
    ) -> Status:
        """Change the ticket's status and return it; the same status again changes nothing.

        Raises `InvalidInput` for a status that section 4 does not know, `NotAllowed` for a user,
        `ValueChanged`.
        """
        validation = Validation()
        wanted = validation.choice("status", status, Status)
        if was is not None:
            validation.choice("was", was, Status)
        validation.finish()
        assert wanted is not None  # noqa: S101 - `finish` raises where it is None

        async def use_case(attempt: Attempt) -> Status:
            ticket = await attempt.load(ticket_id)
            changed = ticket.change_status(wanted, by=by, at=self._clock.now(), was=was)
            return await attempt.save(ticket, wanted, by=by, changed=changed)

        return await self._attempts.run_once(idempotency_key, Status, use_case)

    async def assign(
        self,
        ticket_id: int,
        admin_id: int | None,
        *,
        by: Actor,
        was: ShownAssignee | None = None,
        idempotency_key: IdempotencyKey | None = None,
    ) -> Assigned:
        """Make an admin responsible, None for nobody; the same again changes nothing.

        See `Ticket.assign` for the rules and the errors.
        """

        async def use_case(attempt: Attempt) -> Assigned:
            found = None if admin_id is None else await self._admins.get(admin_id)
            ticket = await attempt.load(ticket_id)
            at = self._clock.now()
            changed = ticket.assign(admin_id, found=found, by=by, at=at, was=was)
            assigned = Assigned(ticket.assignee)
            return await attempt.save(ticket, assigned, by=by, changed=changed)

        return await self._attempts.run_once(idempotency_key, Assigned, use_case)

    async def set_priority(
        self,
        ticket_id: int,
        priority: str,
        *,
        by: Actor,
        was: str | None = None,
        idempotency_key: IdempotencyKey | None = None,
    ) -> Priority:
        """Change the ticket's priority and return it; the same again changes nothing.

        Raises `InvalidInput` for a priority that cannot be set, `NotAllowed` for a user,
        `ValueChanged`.
        """
        validation = Validation()
        wanted = validation.choice("priority", priority, Priority)
        validation.finish()
        assert wanted is not None  # noqa: S101 - `finish` raises where it is None

        async def use_case(attempt: Attempt) -> Priority:
            ticket = await attempt.load(ticket_id)
            changed = ticket.set_priority(wanted, by=by, at=self._clock.now(), was=was)
            return await attempt.save(ticket, wanted, by=by, changed=changed)

        return await self._attempts.run_once(idempotency_key, Priority, use_case)
