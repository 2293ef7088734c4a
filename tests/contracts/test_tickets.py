"""The port `Tickets`, on every adapter: round trip, missing, stale, race, order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.world import ADMIN, START, World
from tickets.domain.errors import NotAuthenticated, StaleTicket, TicketNotFound
from tickets.domain.people import Actor, Side
from tickets.domain.rate_limits import Hit, RateLimit
from tickets.domain.ticket import Category, Status, Ticket
from tickets.domain.write_context import WriteContext


def a_new_ticket(user_id: int) -> Ticket:
    return Ticket.open(
        by=Actor.user(user_id),
        category="other",
        other_category="Data protection",
        subject="Öffnungszeiten 🕰",
        message="Line one\nline two — with <b>markup</b> & 'quotes'.",
        at=START,
    )


COUNTED = Hit("creates", "somebody", RateLimit(1000, timedelta(hours=1)))


@pytest.fixture(params=[None, COUNTED], ids=["uncounted", "counted"])
def hit(request: pytest.FixtureRequest) -> Hit | None:
    """Return what adding a ticket is counted as, if it is: the store has a statement for each."""
    counted: Hit | None = request.param
    return counted


async def test_what_is_added_comes_back_as_it_was(world: World, hit: Hit | None) -> None:
    user_id = await world.user()
    new = a_new_ticket(user_id)

    added = await world.tickets.add(new, WriteContext(hit=hit))

    assert added.id > 0
    assert added == replace(new, id=added.id, version=added.version, new_message=None)
    assert await world.tickets.get(added.id) == added


async def test_a_thread_is_the_ticket_with_every_message_oldest_first(
    world: World, hit: Hit | None
) -> None:
    user_id = await world.user("mara@example.com")
    added = await world.tickets.add(a_new_ticket(user_id), WriteContext(hit=hit))
    await world.reply(added.id, ADMIN, "What do you need?")
    await world.reply(added.id, Actor.user(user_id), "Everything.")

    detail = await world.tickets.get_with_thread(added.id)

    assert detail.ticket == await world.tickets.get(added.id)
    assert detail.user_email == "mara@example.com"
    assert [(m.sender_type, m.sender_id, m.message) for m in detail.messages] == [
        (Side.USER, user_id, "Line one\nline two — with <b>markup</b> & 'quotes'."),
        (Side.ADMIN, None, "What do you need?"),
        (Side.USER, user_id, "Everything."),
    ]
    assert {m.ticket_id for m in detail.messages} == {added.id}
    ids = [m.id for m in detail.messages]
    assert ids == sorted(set(ids))


async def test_messages_of_the_same_moment_stay_in_the_order_of_writing(world: World) -> None:
    ticket = await world.tickets.add(a_new_ticket(await world.user()))
    for number in range(5):
        fresh = await world.tickets.get(ticket.id)
        fresh.reply(f"{number}", by=ADMIN, at=START)
        await world.tickets.save(fresh)

    assert (await world.texts(ticket.id))[1:] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("ticket_id", [0, -1, 999_999, 2**31 - 1, 2**31, 2**63, 10**30])
async def test_a_ticket_that_is_not_there_is_not_found_whatever_the_number(
    world: World, ticket_id: int
) -> None:
    with pytest.raises(TicketNotFound):
        await world.tickets.get(ticket_id)
    with pytest.raises(TicketNotFound):
        await world.tickets.get_with_thread(ticket_id)


async def test_a_ticket_of_a_user_who_is_gone_is_neither_added_nor_counted(
    world: World, hit: Hit | None
) -> None:
    with pytest.raises(NotAuthenticated):
        await world.tickets.add(a_new_ticket(987_654), WriteContext(hit=hit))

    assert world.rate_limiter.allowance(COUNTED) is None
    assert (await world.rate_limiter.record(COUNTED)).remaining == COUNTED.rate_limit.limit - 1


async def test_everything_that_changes_is_saved(world: World) -> None:
    ticket = await world.tickets.add(a_new_ticket(await world.user()))
    later = START + timedelta(hours=1)
    ticket.reply("x" * 150, by=ADMIN, at=later)
    ticket.read(by=ADMIN)
    ticket.change_status(Status.IN_PROGRESS, by=ADMIN, at=later)

    await world.tickets.save(ticket)

    stored = await world.tickets.get(ticket.id)
    assert stored.version > ticket.version
    assert stored == replace(ticket, version=stored.version, new_message=None)
    assert stored.last_message == "x" * 100 + "…"
    assert (stored.message_count, stored.updated_at) == (2, later)


async def test_saving_returns_the_new_message_with_its_id(world: World) -> None:
    ticket = await world.tickets.add(a_new_ticket(await world.user()))
    ticket.reply("one", by=ADMIN, at=START)

    stored = await world.tickets.save(ticket)

    assert stored is not None
    assert stored.message == "one"
    assert [stored] == (await world.tickets.get_with_thread(ticket.id)).messages[1:]


async def test_a_change_without_a_message_stores_none(world: World) -> None:
    ticket = await world.tickets.add(a_new_ticket(await world.user()))
    ticket.read(by=ADMIN)

    assert await world.tickets.save(ticket) is None
    assert len(await world.texts(ticket.id)) == 1


async def test_a_stale_ticket_is_refused_and_leaves_nothing_behind(world: World) -> None:
    added = await world.tickets.add(a_new_ticket(await world.user()))
    first, second = await world.tickets.get(added.id), await world.tickets.get(added.id)
    first.reply("first", by=ADMIN, at=START)
    await world.tickets.save(first)
    second.reply("second", by=ADMIN, at=START)

    with pytest.raises(StaleTicket):
        await world.tickets.save(second)

    assert (await world.texts(added.id))[1:] == ["first"]
    assert (await world.tickets.get(added.id)).message_count == 2


async def test_a_saved_object_is_spent(world: World) -> None:
    ticket = await world.tickets.add(a_new_ticket(await world.user()))
    ticket.reply("once", by=ADMIN, at=START)
    await world.tickets.save(ticket)

    with pytest.raises(StaleTicket):
        await world.tickets.save(ticket)


async def test_saving_a_ticket_that_is_not_there_is_stale(world: World) -> None:
    ticket = await world.tickets.add(a_new_ticket(await world.user()))

    with pytest.raises(StaleTicket):
        await world.tickets.save(replace(ticket, id=123_456))


async def test_of_twenty_who_decide_on_the_same_version_exactly_one_wins(world: World) -> None:
    added = await world.tickets.add(a_new_ticket(await world.user()))
    loaded = await asyncio.gather(*(world.tickets.get(added.id) for _ in range(20)))

    async def save(number: int, ticket: Ticket) -> bool:
        ticket.reply(f"from {number}", by=ADMIN, at=START)
        try:
            await world.tickets.save(ticket)
        except StaleTicket:
            return False
        return True

    won = await asyncio.gather(*(save(number, ticket) for number, ticket in enumerate(loaded)))

    assert won.count(True) == 1
    assert (await world.texts(added.id))[1:] == [f"from {won.index(True)}"]


async def test_what_was_not_saved_is_not_kept(world: World) -> None:
    added = await world.tickets.add(a_new_ticket(await world.user()))
    ticket = await world.tickets.get(added.id)
    ticket.reply("never saved", by=ADMIN, at=START)
    ticket.change_status(Status.CLOSED, by=ADMIN, at=START)

    assert await world.tickets.get(added.id) == added
    assert len(await world.texts(added.id)) == 1


async def test_resolved_tickets_are_found_longest_unchanged_first(world: World) -> None:
    resolved = []
    for status in (Status.RESOLVED, Status.OPEN, Status.RESOLVED, Status.CLOSED, Status.RESOLVED):
        ticket = await world.ticket(status=status)
        if status is Status.RESOLVED:
            resolved.append(ticket)
    _, second, third = resolved

    assert await world.tickets.resolved_since(third.updated_at, limit=10) == [
        ticket.id for ticket in resolved
    ]
    assert await world.tickets.resolved_since(second.updated_at, limit=10) == [
        ticket.id for ticket in resolved[:2]
    ]
    assert await world.tickets.resolved_since(third.updated_at, limit=1) == [resolved[0].id]


async def test_a_category_is_a_category_again(world: World) -> None:
    ticket = await world.ticket(category="feature_suggestion", status=Status.RESOLVED)

    assert ticket.category is Category.FEATURE_SUGGESTION
    assert ticket.status is Status.RESOLVED


async def test_a_ticket_is_saved_and_shown_in_one(world: World) -> None:
    ticket = await world.ticket()
    await world.reply(ticket.id, ADMIN, "First.")
    await world.reply(ticket.id, ADMIN, "Second.")
    expected = await world.tickets.get(ticket.id)
    expected.read(by=Actor.user(ticket.user_id))

    shown = await world.tickets.save_with_thread(expected)

    assert shown == await world.tickets.get_with_thread(ticket.id)
    assert [message.message for message in shown.messages][1:] == ["First.", "Second."]
    assert not shown.ticket.user_unread
    assert shown.ticket.version == expected.version + 1


async def test_a_stale_ticket_is_not_shown(world: World) -> None:
    ticket = await world.ticket()
    await world.reply(ticket.id, ADMIN, "First.")
    stale = await world.tickets.get(ticket.id)
    await world.reply(ticket.id, ADMIN, "Second.")
    before = await world.snapshot()
    stale.read(by=Actor.user(ticket.user_id))

    with pytest.raises(StaleTicket):
        await world.tickets.save_with_thread(stale)

    assert await world.snapshot() == before
    stale.id = 2**31 - 1
    with pytest.raises(StaleTicket):
        await world.tickets.save_with_thread(stale)
