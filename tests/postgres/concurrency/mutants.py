"""Mutants: plausible but wrong ways to handle reading, which the concurrency tests must catch.

`Subject` is the real implementation, and the base of all others.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from tests.postgres.concurrency.interleaving import Gate, GatedPort
from tests.world import CLOSE_RESOLVED_AFTER, PostgresWorld, messages_of
from tickets.adapters.postgres.caching.ticket_cache import PostgresTicketCache
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.listener import Listener
from tickets.adapters.postgres.repositories.rate_limits import PostgresRateLimiter
from tickets.adapters.postgres.repositories.tickets import PostgresTickets
from tickets.application.tickets import TicketService
from tickets.application.user_rate_limits import UserRateLimits
from tickets.domain.idempotency import IdempotencyKey
from tickets.domain.message import Message
from tickets.domain.people import Actor, Side
from tickets.domain.ports import TicketCache
from tickets.domain.read_models import MAX_PAGE_MESSAGES, DetailRequest, TicketDetail
from tickets.domain.ticket import Ticket
from tickets.domain.write_context import NO_CONTEXT, WriteContext


def cache_of(tickets: PostgresTickets) -> TicketCache:
    """Return the ticket cache of this repository."""
    return tickets._ticket_cache  # noqa: SLF001 - the service must use the same one


@dataclass
class Subject:
    """The use cases on PostgreSQL, without a mutation."""

    world: PostgresWorld
    kind: ClassVar[type[PostgresTickets]] = PostgresTickets

    async def prepare(self) -> None:
        """Create what the mutant needs beside the schema."""

    def tickets(self) -> PostgresTickets:
        return self.tickets_with(PostgresTicketCache(None))

    def tickets_with(self, ticket_cache: PostgresTicketCache) -> PostgresTickets:
        return self.kind(
            self.world.database,
            PostgresRateLimiter(self.world.database),
            self.world.unread_counts,
            ticket_cache,
        )

    async def service(self, gate: Gate, ticket_id: int) -> TicketService:
        """Return the use cases of one task, before any task starts."""
        del ticket_id
        tickets = self.tickets()
        return self.ticket_service_on(GatedPort(tickets, gate), cache_of(tickets))

    def ticket_service_on(self, tickets: Any, ticket_cache: TicketCache) -> TicketService:
        return self.use_cases(TicketService, tickets, ticket_cache)

    def use_cases(
        self, kind: type[TicketService], tickets: Any, ticket_cache: TicketCache
    ) -> TicketService:
        world = self.world
        return kind(
            tickets,
            ticket_cache,
            world.idempotency_store,
            admins=world.admins,
            customers=world.customers,
            rate_limits=UserRateLimits(world.rate_limiter, creates=None, replies=None),
            clock=world.clock,
            close_resolved_after=CLOSE_RESOLVED_AFTER,
        )

    async def snapshot(self, ticket_id: int) -> TicketDetail:
        """Return the ticket as this implementation shows it."""
        return await self.world.detail(ticket_id)


class AlwaysCaughtUp(Listener):
    """A listener that never falls behind, so that caches are always used."""

    def __init__(self) -> None:
        super().__init__("postgresql://", Database("postgresql://"))

    def is_caught_up(self) -> bool:
        return True


class SharedCache(Subject):
    """All tasks are clients of one process, with one ticket cache."""

    def __init__(self, world: PostgresWorld) -> None:
        super().__init__(world)
        self.shared_cache = PostgresTicketCache(AlwaysCaughtUp())

    def tickets(self) -> PostgresTickets:
        return self.tickets_with(self.shared_cache)

    async def service(self, gate: Gate, ticket_id: int) -> TicketService:
        tickets = self.tickets()
        await tickets.get(ticket_id)
        return self.ticket_service_on(GatedPort(tickets, gate), cache_of(tickets))


class SeparateCaches(SharedCache):
    """Each task is a client of another process, whose cached ticket becomes stale."""

    def tickets(self) -> PostgresTickets:
        return self.tickets_with(PostgresTicketCache(AlwaysCaughtUp()))


class TwoProcesses(Subject):
    """Two processes take turns, each with a ticket cache of its own."""

    def __init__(self, world: PostgresWorld) -> None:
        super().__init__(world)
        processes = [SeparateCaches(world).tickets() for _ in range(2)]
        self._turns = itertools.cycle(processes)

    def tickets(self) -> PostgresTickets:
        return next(self._turns)


class ClearingTickets(PostgresTickets):
    """A repository with a statement that does not check the version."""

    async def clear(self, ticket_id: int, side: Side) -> None:
        await self._database.fetch(
            """update tickets
                  set user_unread = user_unread and $2 <> 'user',
                      admin_unread = admin_unread and $2 <> 'admin',
                      version = version + 1
                where id = $1""",
            ticket_id,
            side,
        )


class ClearsWithoutVersion(Subject):
    """Reading loads the thread and then clears the flag, without comparing the version."""

    kind = ClearingTickets

    def ticket_service_on(self, tickets: Any, ticket_cache: TicketCache) -> TicketService:
        class Mutant(TicketService):
            async def read(
                self, ticket_id: int, *, by: Actor, limit: int = MAX_PAGE_MESSAGES
            ) -> TicketDetail:
                detail: TicketDetail = await tickets.get_with_thread(
                    ticket_id, DetailRequest(by.side, limit)
                )
                await tickets.clear(ticket_id, by.side)
                return detail

        return self.use_cases(Mutant, tickets, ticket_cache)


class ReplyClearsOwnFlag(Subject):
    """A reply clears its writer's own flag, as if the writer had read everything."""

    def ticket_service_on(self, tickets: Any, ticket_cache: TicketCache) -> TicketService:
        class Clearing:
            def __getattr__(self, name: str) -> Any:
                return getattr(tickets, name)

            async def save(
                self, ticket: Ticket, context: WriteContext = NO_CONTEXT
            ) -> Message | None:
                message = ticket.new_message
                if message is not None and message.sender_type is Side.USER:
                    ticket.user_unread = False
                elif message is not None:
                    ticket.admin_unread = False
                saved: Message | None = await tickets.save(ticket, context)
                return saved

        return super().ticket_service_on(Clearing(), ticket_cache)


class ReplyMovesOwnMark(Subject):
    """A reply without `seen` moves its writer's mark to the end, as if that had been shown."""

    def ticket_service_on(self, tickets: Any, ticket_cache: TicketCache) -> TicketService:
        class Moving:
            def __getattr__(self, name: str) -> Any:
                return getattr(tickets, name)

            async def save(
                self, ticket: Ticket, context: WriteContext = NO_CONTEXT
            ) -> Message | None:
                message = ticket.new_message
                if message is not None and message.sender_type is Side.USER:
                    ticket.user_seen = ticket.last_ordinal
                elif message is not None:
                    ticket.admin_seen = ticket.last_ordinal
                saved: Message | None = await tickets.save(ticket, context)
                return saved

        return super().ticket_service_on(Moving(), ticket_cache)


class ReadsAnyPage(Subject):
    """Reading clears the flag, though the page does not hold everything unread."""

    def ticket_service_on(self, tickets: Any, ticket_cache: TicketCache) -> TicketService:
        class Everything:
            def __getattr__(self, name: str) -> Any:
                return getattr(tickets, name)

            async def get_with_thread(self, ticket_id: int, request: DetailRequest) -> TicketDetail:
                detail: TicketDetail = await tickets.get_with_thread(ticket_id, request)
                return replace(detail, thread=replace(detail.thread, previous=None))

        return super().ticket_service_on(Everything(), ticket_cache)


def without_version(tickets: PostgresTickets) -> PostgresTickets:
    """Remove the check of the version from every save."""
    tickets._sql = dict(tickets._sql)  # noqa: SLF001 - this is the mutation
    for name in ("save_ticket", "save_ticket_and_deliver", "save_state", "save_with_thread"):
        query = tickets._sql[name]  # noqa: SLF001
        sql, changes = re.subn(r"and version = (\$\d+)", r"and \1::int is not null", query.sql)
        assert changes == 1
        tickets._sql[name] = replace(query, sql=sql)  # noqa: SLF001
    return tickets


async def without_unique_ordinals(world: PostgresWorld) -> None:
    """Drop the second guard: the index refuses a message that was saved on an old version."""
    await world.database.fetch("drop index if exists ticket_messages_in_order")


class SavesWithoutVersion(Subject):
    """A save does not compare the version."""

    async def prepare(self) -> None:
        await without_unique_ordinals(self.world)

    def tickets(self) -> PostgresTickets:
        return without_version(super().tickets())


class SavesCachedWithoutVersion(SeparateCaches):
    """The same, with a ticket from the cache."""

    async def prepare(self) -> None:
        await without_unique_ordinals(self.world)

    def tickets(self) -> PostgresTickets:
        return without_version(super().tickets())


class AcknowledgesWithoutSeen(Subject):
    """An acknowledgement clears the flag, without comparing `seen` with the message count."""

    def ticket_service_on(self, tickets: Any, ticket_cache: TicketCache) -> TicketService:
        class Mutant(TicketService):
            async def acknowledge(
                self,
                ticket_id: int,
                seen: int,
                *,
                by: Actor,
                idempotency_key: IdempotencyKey | None = None,
            ) -> bool:
                del seen
                ticket = await tickets.get(ticket_id)
                return await super().acknowledge(
                    ticket_id, ticket.message_count, by=by, idempotency_key=idempotency_key
                )

        return self.use_cases(Mutant, tickets, ticket_cache)


class MarkedTickets(PostgresTickets):
    """A repository whose messages get their ids before their commit, in a statement of its own."""

    async def next_id(self) -> int:
        number: int = await self._database.fetchval(
            "select nextval(pg_get_serial_sequence('ticket_messages', 'id'))"
        )
        return number

    async def insert(self, number: int, ticket_id: int, by: Actor, text: str) -> None:
        await self._database.fetch(
            """with message as (
                   insert into ticket_messages (id, ticket_id, sender_type, sender_id, message)
                   values ($1, $2, $3, $4, $5)
               )
               update tickets
                  set message_count = message_count + 1, last_message = $5, version = version + 1
                where id = $2""",
            number,
            ticket_id,
            by.side,
            by.user_id,
            text,
        )

    async def mark(self, ticket_id: int, side: Side, number: int) -> None:
        await self._database.fetch(
            """insert into marks (ticket_id, side, message_id) values ($1, $2, $3)
               on conflict (ticket_id, side)
               do update set message_id = greatest(marks.message_id, excluded.message_id)""",
            ticket_id,
            side,
            number,
        )


class HighWaterMark(Subject):
    """Unread are messages above the highest id shown; but ids are not in the order of commits."""

    async def prepare(self) -> None:
        await self.world.database.fetch(
            """create table marks (
                   ticket_id int, side text, message_id int, primary key (ticket_id, side))"""
        )

    kind = MarkedTickets

    def ticket_service_on(self, tickets: Any, ticket_cache: TicketCache) -> TicketService:
        class Mutant(TicketService):
            async def read(
                self, ticket_id: int, *, by: Actor, limit: int = MAX_PAGE_MESSAGES
            ) -> TicketDetail:
                detail: TicketDetail = await tickets.get_with_thread(
                    ticket_id, DetailRequest(by.side, limit)
                )
                last = max(message.id for message in messages_of(detail))
                await tickets.mark(ticket_id, by.side, last)
                return detail

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
                del seen, status, idempotency_key
                number = await tickets.next_id()
                await tickets.insert(number, ticket_id, by, message)
                now = self._clock.now()
                return Message(number, ticket_id, by.side, by.user_id, message, now)

        return self.use_cases(Mutant, tickets, ticket_cache)

    async def snapshot(self, ticket_id: int) -> TicketDetail:
        detail = await super().snapshot(ticket_id)
        marks = await self.world.database.fetch(
            "select side, message_id from marks where ticket_id = $1", ticket_id
        )
        seen = {row["side"]: row["message_id"] for row in marks}
        ids = {side: [m.id for m in messages_of(detail) if m.sender_type is side] for side in Side}
        ticket = detail.ticket
        ticket.user_seen = ticket.admin_seen = 0  # this mutant's marks are in its own table
        ticket.user_unread = max(ids[Side.ADMIN], default=0) > seen.get("user", 0)
        ticket.admin_unread = max(ids[Side.USER], default=0) > seen.get("admin", 0)
        return detail


MUTANTS = [
    ClearsWithoutVersion,
    ReplyClearsOwnFlag,
    SavesWithoutVersion,
    SavesCachedWithoutVersion,
    AcknowledgesWithoutSeen,
    HighWaterMark,
    ReplyMovesOwnMark,
    ReadsAnyPage,
]
