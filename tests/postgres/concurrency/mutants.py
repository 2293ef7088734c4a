"""Ways to handle reading that look right and are wrong, to be caught by what the real one passes."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from tests.postgres.concurrency.interleaving import Gate, GatedTickets
from tests.world import PostgresWorld
from tickets.adapters.postgres.caching.ticket_cache import PostgresTicketCache
from tickets.adapters.postgres.connection.listener import Listener
from tickets.adapters.postgres.repositories.rate_limits import PostgresRateLimiter
from tickets.adapters.postgres.repositories.tickets import PostgresTickets
from tickets.application.rate_limits import UserRateLimits
from tickets.application.tickets import TicketService
from tickets.domain.idempotency import IdempotencyKey
from tickets.domain.message import Message
from tickets.domain.people import Actor, Side
from tickets.domain.ports import TicketCache
from tickets.domain.read_models import TicketDetail
from tickets.domain.ticket import Ticket
from tickets.domain.write_context import NO_CONTEXT, WriteContext


def cache_of(tickets: PostgresTickets) -> TicketCache:
    """Return the cache that these tickets invalidate."""
    return tickets._ticket_cache  # noqa: SLF001 - the service must look into the same one


@dataclass
class Subject:
    """Use cases on a PostgreSQL: the real ones, and what the wrong ones inherit."""

    world: PostgresWorld
    kind: ClassVar[type[PostgresTickets]] = PostgresTickets

    async def prepare(self) -> None:
        """Make what is needed beside the schema."""

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
        """Return the use cases for one of those who are at work, before the first of them begins."""
        del ticket_id
        tickets = self.tickets()
        return self.ticket_service_on(GatedTickets(tickets, gate), cache_of(tickets))

    def ticket_service_on(self, tickets: Any, ticket_cache: TicketCache) -> TicketService:
        return self.use_cases(TicketService, tickets, ticket_cache)

    def use_cases(
        self, kind: type[TicketService], tickets: Any, ticket_cache: TicketCache
    ) -> TicketService:
        limits = UserRateLimits(self.world.rate_limiter, creates=None, replies=None)
        store, clock = self.world.idempotency_store, self.world.clock
        return kind(tickets, ticket_cache, store, limits, clock)

    async def snapshot(self, ticket_id: int) -> TicketDetail:
        """Return the ticket as this way of handling it would show it."""
        return await self.world.tickets.get_with_thread(ticket_id)


class Hears(Listener):
    """A listener that is always believed."""

    def __init__(self) -> None:
        super().__init__("postgresql://")

    def is_caught_up(self) -> bool:
        return True


class RememberTogether(Subject):
    """All are clients of one process, which remembers what the last of them has loaded or saved."""

    def __init__(self, world: PostgresWorld) -> None:
        super().__init__(world)
        self.shared_cache = PostgresTicketCache(Hears())

    def tickets(self) -> PostgresTickets:
        return self.tickets_with(self.shared_cache)

    async def service(self, gate: Gate, ticket_id: int) -> TicketService:
        tickets = self.tickets()
        await tickets.get(ticket_id)
        return self.ticket_service_on(GatedTickets(tickets, gate), cache_of(tickets))


class RememberApart(RememberTogether):
    """Each is the client of another process, and what those remember grows old."""

    def tickets(self) -> PostgresTickets:
        return self.tickets_with(PostgresTicketCache(Hears()))


class TwoProcesses(Subject):
    """Whatever is done is done by the two in turn, and each remembers what it has seen itself."""

    def __init__(self, world: PostgresWorld) -> None:
        super().__init__(world)
        processes = [RememberApart(world).tickets() for _ in range(2)]
        self._turns = itertools.cycle(processes)

    def tickets(self) -> PostgresTickets:
        return next(self._turns)


class ClearingTickets(PostgresTickets):
    """Tickets with a statement that no version guards."""

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


class ClearsWhateverIsThere(Subject):
    """Opening selects the thread, and then clears the flag without asking what has come since."""

    kind = ClearingTickets

    def ticket_service_on(self, tickets: Any, ticket_cache: TicketCache) -> TicketService:
        class Wrong(TicketService):
            async def read(self, ticket_id: int, *, by: Actor) -> TicketDetail:
                detail: TicketDetail = await tickets.get_with_thread(ticket_id)
                await tickets.clear(ticket_id, by.side)
                return detail

        return self.use_cases(Wrong, tickets, ticket_cache)


class ReplyingIsReading(Subject):
    """A reply clears the replier's own flag, as whoever answers has surely read everything."""

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


def without_version(tickets: PostgresTickets) -> PostgresTickets:
    """Let every save write what it has, whatever has happened to the ticket since."""
    tickets._sql = dict(tickets._sql)  # noqa: SLF001 - to make it wrong
    for name in ("save_ticket", "save_state", "save_with_thread"):
        query = tickets._sql[name]  # noqa: SLF001
        sql, changes = re.subn(r"and version = (\$\d+)", r"and \1::int is not null", query.sql)
        assert changes == 1
        tickets._sql[name] = replace(query, sql=sql)  # noqa: SLF001
    return tickets


class NoVersion(Subject):
    """A save writes what it has, whatever has happened to the ticket since."""

    def tickets(self) -> PostgresTickets:
        return without_version(super().tickets())


class NoVersionOfWhatIsRemembered(RememberApart):
    """The same where the ticket was not even loaded."""

    def tickets(self) -> PostgresTickets:
        return without_version(super().tickets())


class AcknowledgesWhateverIsThere(Subject):
    """Acknowledging clears the flag, without comparing what was seen with what is there."""

    def ticket_service_on(self, tickets: Any, ticket_cache: TicketCache) -> TicketService:
        class Wrong(TicketService):
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

        return self.use_cases(Wrong, tickets, ticket_cache)


class MarkedTickets(PostgresTickets):
    """Tickets whose messages get their ids, as any transaction of two statements would, before they are committed."""

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
    """Unread is what has a higher id than the last that was shown; but ids are not handed out in the order of commits."""

    async def prepare(self) -> None:
        await self.world.database.fetch(
            "create table marks (ticket_id int, side text, message_id int, primary key (ticket_id, side))"
        )

    kind = MarkedTickets

    def ticket_service_on(self, tickets: Any, ticket_cache: TicketCache) -> TicketService:
        class Wrong(TicketService):
            async def read(self, ticket_id: int, *, by: Actor) -> TicketDetail:
                detail: TicketDetail = await tickets.get_with_thread(ticket_id)
                last = max(message.id for message in detail.messages)
                await tickets.mark(ticket_id, by.side, last)
                return detail

            async def reply(
                self,
                ticket_id: int,
                message: str,
                *,
                by: Actor,
                seen: int | None = None,
                idempotency_key: IdempotencyKey | None = None,
            ) -> Message:
                del seen, idempotency_key
                number = await tickets.next_id()
                await tickets.insert(number, ticket_id, by, message)
                return Message(number, ticket_id, by.side, by.user_id, message, self._clock.now())

        return self.use_cases(Wrong, tickets, ticket_cache)

    async def snapshot(self, ticket_id: int) -> TicketDetail:
        detail = await super().snapshot(ticket_id)
        marks = await self.world.database.fetch(
            "select side, message_id from marks where ticket_id = $1", ticket_id
        )
        seen = {row["side"]: row["message_id"] for row in marks}
        ids = {side: [m.id for m in detail.messages if m.sender_type is side] for side in Side}
        ticket = detail.ticket
        ticket.user_unread = max(ids[Side.ADMIN], default=0) > seen.get("user", 0)
        ticket.admin_unread = max(ids[Side.USER], default=0) > seen.get("admin", 0)
        return detail


MUTANTS = [
    ClearsWhateverIsThere,
    ReplyingIsReading,
    NoVersion,
    NoVersionOfWhatIsRemembered,
    AcknowledgesWhateverIsThere,
    HighWaterMark,
]
