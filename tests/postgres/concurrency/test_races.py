"""Races on PostgreSQL: concurrent replies, reads, closes and auto-close, repeated many times."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from tests.world import ADMIN, PostgresWorld, messages_of, rows_of, texts_of
from tickets.adapters.postgres.connection.database import Database
from tickets.clock import SystemClock
from tickets.domain.errors import TicketClosed
from tickets.domain.message import Message
from tickets.domain.people import Actor
from tickets.domain.read_models import TicketDetail, UserRow
from tickets.domain.ticket import Status, Ticket

ROUNDS = 60


@pytest.fixture
def world(postgres_world: PostgresWorld) -> PostgresWorld:
    return postgres_world


@pytest.mark.parametrize("reader", ["user", "admin"])
async def test_a_reply_during_a_read_is_never_marked_read_unseen(
    world: PostgresWorld, reader: str
) -> None:
    ticket = await world.ticket()
    user = Actor.user(ticket.user_id)
    reads, writes = (user, ADMIN) if reader == "user" else (ADMIN, user)
    not_shown = 0

    for number in range(ROUNDS):
        # there is a flag to clear whichever of the two comes first
        await world.service.reply(ticket.id, f"before {number}", by=writes)
        text = f"meanwhile {number}"
        detail, _ = await asyncio.gather(
            world.service.read(ticket.id, by=reads), world.service.reply(ticket.id, text, by=writes)
        )
        shown = texts_of(detail)
        unread = (await world.flags(ticket.id))[0 if reader == "user" else 1]

        assert unread or text in shown, f"{text!r} was marked read and not shown"
        assert f"before {number}" in shown
        not_shown += text not in shown

    stored = await world.tickets.get(ticket.id)
    assert stored.message_count == len(await world.texts(ticket.id)) == 1 + 2 * ROUNDS
    # in some rounds the reply came second, else the test would prove nothing
    assert 0 < not_shown <= ROUNDS


async def test_a_reply_leaves_the_writers_own_unread_flag_set(world: PostgresWorld) -> None:
    ticket = await world.ticket()
    user = Actor.user(ticket.user_id)
    await world.reply(ticket.id, ADMIN, "Please read me.")

    await world.reply(ticket.id, user, "I did not look.")

    assert await world.flags(ticket.id) == (True, True)


async def test_concurrent_replies_of_both_sides_are_all_stored_in_one_order(
    world: PostgresWorld,
) -> None:
    ticket = await world.ticket()
    user = Actor.user(ticket.user_id)
    texts = [f"{number}" for number in range(40)]

    await asyncio.gather(
        *(
            world.service.reply(ticket.id, text, by=ADMIN if number % 2 else user)
            for number, text in enumerate(texts)
        )
    )

    detail = await world.detail(ticket.id)
    stored = texts_of(detail)[1:]
    assert sorted(stored, key=int) == texts
    assert detail.ticket.message_count == 41
    assert detail.ticket.last_message == stored[-1]
    moments = [message.created_at for message in messages_of(detail)]
    assert moments == sorted(moments)
    assert detail.ticket.updated_at == moments[-1]
    assert await world.flags(ticket.id) == (True, True)


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_concurrent_replies_are_all_stored_at_a_higher_isolation_level(
    database_url: str, isolation: str
) -> None:
    connection = await asyncpg.connect(database_url)
    name = await connection.fetchval("select current_database()")
    await connection.execute(
        f"alter database {name} set default_transaction_isolation to '{isolation}'"
    )
    await connection.close()

    async with Database(database_url, pool_size=20).open() as database:
        world = PostgresWorld(database)
        ticket = await world.ticket()
        user = Actor.user(ticket.user_id)
        await asyncio.gather(
            *(
                world.service.reply(ticket.id, f"{number}", by=ADMIN if number % 2 else user)
                for number in range(20)
            ),
            *(world.service.read(ticket.id, by=user) for _ in range(5)),
        )

        stored = await world.texts(ticket.id)
        assert sorted(stored[1:], key=int) == [f"{number}" for number in range(20)]


async def test_a_reply_racing_with_a_close_is_either_stored_or_refused(
    world: PostgresWorld,
) -> None:
    outcomes = set()
    for number in range(ROUNDS):
        ticket = await world.ticket()
        user = Actor.user(ticket.user_id)

        async def reply(ticket: Ticket = ticket, user: Actor = user) -> Message | None:
            try:
                return await world.service.reply(ticket.id, "just in time?", by=user)
            except TicketClosed:
                return None

        racing = [reply(), world.service.change_status(ticket.id, "closed", by=ADMIN)]
        results = await asyncio.gather(*(racing if number % 2 else reversed(racing)))
        message = results[0 if number % 2 else 1]

        detail = await world.detail(ticket.id)
        assert detail.ticket.status is Status.CLOSED
        assert (message in messages_of(detail)) == (message is not None)
        assert detail.ticket.message_count == len(messages_of(detail))
        if isinstance(message, Message):
            assert message.created_at <= detail.ticket.updated_at
        outcomes.add(message is not None)

    assert outcomes == {True, False}


async def test_a_reply_racing_with_auto_close_is_either_stored_or_refused(
    world: PostgresWorld,
) -> None:
    tickets = [await world.ticket(status=Status.RESOLVED) for _ in range(ROUNDS)]
    world.clock.pass_time(hours=168)

    async def reply(ticket: Ticket) -> bool:
        try:
            await world.service.reply(ticket.id, "It broke again.", by=Actor.user(ticket.user_id))
        except TicketClosed:
            return False
        return True

    closed, *replied = await asyncio.gather(
        world.auto_close.close_due(timedelta(hours=168)), *(reply(ticket) for ticket in tickets)
    )

    assert closed + replied.count(True) == ROUNDS
    for ticket, was_stored in zip(tickets, replied, strict=True):
        detail = await world.detail(ticket.id)
        assert detail.ticket.status is (Status.OPEN if was_stored else Status.CLOSED)
        assert len(messages_of(detail)) == (2 if was_stored else 1)


async def test_concurrent_auto_close_jobs_close_each_ticket_once(world: PostgresWorld) -> None:
    tickets = [await world.ticket(status=Status.RESOLVED) for _ in range(30)]
    world.clock.pass_time(hours=200)

    closed = await asyncio.gather(
        *(world.auto_close.close_due(timedelta(hours=168)) for _ in range(4))
    )

    assert sum(closed) == 30
    stored = [await world.tickets.get(ticket.id) for ticket in tickets]
    assert {ticket.status for ticket in stored} == {Status.CLOSED}
    assert [now.version - then.version for now, then in zip(stored, tickets, strict=True)] == [
        1
    ] * 30


async def test_concurrently_opened_tickets_are_each_stored_once(world: PostgresWorld) -> None:
    user_id = await world.user()
    world.clock = SystemClock()  # type: ignore[assignment] # the real one, for concurrent use
    service = world.service

    opened = await asyncio.gather(
        *(
            service.open(
                by=Actor.user(user_id),
                category="support",
                other_category=None,
                subject=f"Number {number}",
                message="The same text in each.",
            )
            for number in range(50)
        )
    )

    page = await world.views.user_list(user_id, status=None, after=None, limit=200)
    assert sorted(row.id for row in rows_of(page, UserRow)) == sorted(
        ticket.id for ticket in opened
    )
    assert sorted(row.subject for row in rows_of(page, UserRow)) == sorted(
        t.subject for t in opened
    )


async def test_concurrent_reads_of_both_sides_clear_both_flags(world: PostgresWorld) -> None:
    ticket = await world.ticket()
    user = Actor.user(ticket.user_id)
    for _ in range(20):
        await world.reply(ticket.id, ADMIN)
        await world.reply(ticket.id, user)

        details: list[TicketDetail] = await asyncio.gather(
            *(world.service.read(ticket.id, by=actor) for actor in (ADMIN, user) * 3)
        )

        assert await world.flags(ticket.id) == (False, False)
        assert len({len(messages_of(detail)) for detail in details}) == 1
