"""Mutants of the desk: plausible but wrong ways to triage, which the interleavings must catch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tests.postgres.concurrency.mutants import SavesWithoutVersion, SeparateCaches, Subject
from tickets.adapters.postgres.repositories.tickets import PostgresTickets
from tickets.application.attempt import Attempt, Attempts
from tickets.application.tickets import TicketService
from tickets.domain.assignment import Assigned, ShownAssignee
from tickets.domain.errors import StaleTicket, ValueChanged
from tickets.domain.event import EventKind
from tickets.domain.idempotency import IdempotencyKey
from tickets.domain.message import Message
from tickets.domain.people import Actor
from tickets.domain.ports import TicketCache
from tickets.domain.ticket import Ticket
from tickets.domain.write_context import NO_CONTEXT, WriteContext

T = TypeVar("T")


class HandlesWithoutSeen(Subject):
    """Handled ends the wait, whatever the admin was shown."""

    def ticket_service_on(self, tickets: Any, ticket_cache: TicketCache) -> TicketService:
        class Mutant(TicketService):
            async def mark_handled(
                self,
                ticket_id: int,
                seen: int,
                *,
                by: Actor,
                idempotency_key: IdempotencyKey | None = None,
            ) -> bool:
                seen = (await tickets.get(ticket_id)).message_count
                return await super().mark_handled(
                    ticket_id, seen, by=by, idempotency_key=idempotency_key
                )

        return self.use_cases(Mutant, tickets, ticket_cache)


class EveryReplyAssigns(Subject):
    """A named admin who replies takes the ticket, though it has an assignee."""

    def ticket_service_on(self, tickets: Any, ticket_cache: TicketCache) -> TicketService:
        class Taking:
            def __getattr__(self, name: str) -> Any:
                return getattr(tickets, name)

            async def save(
                self, ticket: Ticket, context: WriteContext = NO_CONTEXT
            ) -> Message | None:
                for event in ticket.new_events:
                    if event.kind is EventKind.MESSAGE and event.by and event.by.admin:
                        ticket._set_assignee(event.by.admin, by=event.by, at=event.at)  # noqa: SLF001
                saved: Message | None = await tickets.save(ticket, context)
                return saved

        return super().ticket_service_on(Taking(), ticket_cache)


class RepliesAndThenResolves(Subject):
    """A reply with a status is two changes, between which others can write."""

    def ticket_service_on(self, tickets: Any, ticket_cache: TicketCache) -> TicketService:
        class Mutant(TicketService):
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
                del idempotency_key
                stored = await super().reply(ticket_id, message, by=by, seen=seen)
                if status is not None:
                    await self.change_status(ticket_id, status, by=by)
                return stored

        return self.use_cases(Mutant, tickets, ticket_cache)


class ComparesBeforehand(Subject):
    """`was` is compared with what is stored before the change, and not once more by the change."""

    def ticket_service_on(self, tickets: Any, ticket_cache: TicketCache) -> TicketService:
        class Mutant(TicketService):
            async def assign(
                self,
                ticket_id: int,
                admin_id: int | None,
                *,
                by: Actor,
                was: ShownAssignee | None = None,
                idempotency_key: IdempotencyKey | None = None,
            ) -> Assigned:
                stored = (await tickets.get(ticket_id)).assignee
                if was is not None and was.admin_id != (stored and stored.id):
                    raise ValueChanged(stored)
                return await super().assign(
                    ticket_id, admin_id, by=by, idempotency_key=idempotency_key
                )

        return self.use_cases(Mutant, tickets, ticket_cache)


class RecordingTickets(PostgresTickets):
    """A repository that stores the events of a change whether or not it takes effect."""

    async def save(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Message | None:
        try:
            return await super().save(ticket, context)
        except StaleTicket:
            for event in ticket.new_events:
                await self._database.fetch(
                    """insert into ticket_events (ticket_id, at, kind, by, before, after)
                       values ($1, $2, $3, $4, $5, $6)""",
                    ticket.id,
                    event.at,
                    event.kind.value,
                    "system" if event.by is None else event.by.side.value,
                    event.before,
                    event.after,
                )
            raise


class RecordsApartFromTheChange(Subject):
    """The history is written apart from the change."""

    kind = RecordingTickets


class TrustingAttempt(Attempt):
    """An attempt that refuses, and does nothing, by what is cached."""

    @property
    def decides_on_cached(self) -> bool:
        return False

    @decides_on_cached.setter
    def decides_on_cached(self, value: bool) -> None:
        pass


class TrustingAttempts(Attempts):
    """Attempts that are made once, unless the save is stale."""

    async def _attempt(
        self,
        number: int,
        key: IdempotencyKey | None,
        use_case: Callable[[Attempt], Awaitable[T]],
    ) -> T:
        return await use_case(TrustingAttempt(self, key, may_use_cache=number == 0))


class RefusesByTheCache(SeparateCaches):
    """Refusals and no-ops are decided on a cached ticket, which may be stale."""

    def use_cases(
        self, kind: type[TicketService], tickets: Any, ticket_cache: TicketCache
    ) -> TicketService:
        service = super().use_cases(kind, tickets, ticket_cache)
        service._attempts.__class__ = TrustingAttempts  # noqa: SLF001 - this is the mutation
        return service


class AssignsWithoutVersion(SavesWithoutVersion):
    """A save does not compare the version, so that the last of two assignments wins unseen."""
