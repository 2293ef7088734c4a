"""The port `Tickets` on every adapter: round trip, not found, optimistic locking, races, order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.world import ADMIN, START, World, messages_of, texts_of
from tickets.domain.errors import NotAuthenticated, StaleTicket, TicketNotFound, UserNotFound
from tickets.domain.people import Actor, NamedAdmin, Side
from tickets.domain.rate_limits import Hit, RateLimit
from tickets.domain.read_models import DetailRequest, UserPosition
from tickets.domain.ticket import Category, Priority, Status, Ticket
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


def stored_state(ticket: Ticket, **changes: Any) -> Ticket:
    """Return the ticket as it is loaded after it was stored."""
    return replace(ticket, new_message=None, new_events=(), **changes)


A_HIT = Hit("creates", "somebody", RateLimit(1000, timedelta(hours=1)))


@pytest.fixture(params=[None, A_HIT], ids=["without a hit", "with a hit"])
def hit(request: pytest.FixtureRequest) -> Hit | None:
    """Return the hit to record, or None: the repository has one insert for each."""
    hit: Hit | None = request.param
    return hit


async def test_an_added_ticket_is_loaded_as_it_was(world: World, hit: Hit | None) -> None:
    user_id = await world.user()
    new = a_new_ticket(user_id)

    added = await world.tickets.add(new, WriteContext(hit=hit))

    assert added.id > 0
    assert added == stored_state(new, id=added.id, version=added.version)
    assert await world.tickets.get(added.id) == added


async def test_a_ticket_detail_has_every_message_oldest_first(
    world: World, hit: Hit | None
) -> None:
    user_id = await world.user("mara@example.com")
    added = await world.tickets.add(a_new_ticket(user_id), WriteContext(hit=hit))
    await world.reply(added.id, ADMIN, "What do you need?")
    await world.reply(added.id, Actor.user(user_id), "Everything.")

    detail = await world.detail(added.id)

    assert detail.ticket == await world.tickets.get(added.id)
    assert detail.user_email == "mara@example.com"
    assert [(m.sender_type, m.sender_id, m.message) for m in messages_of(detail)] == [
        (Side.USER, user_id, "Line one\nline two — with <b>markup</b> & 'quotes'."),
        (Side.ADMIN, None, "What do you need?"),
        (Side.USER, user_id, "Everything."),
    ]
    assert {m.ticket_id for m in messages_of(detail)} == {added.id}
    ids = [m.id for m in messages_of(detail)]
    assert ids == sorted(set(ids))


async def test_a_message_keeps_the_name_of_the_admin_who_wrote_it(world: World) -> None:
    ticket = await world.ticket()
    names = ["Nadia Berg", "Nadia", "Zoë 🎫"]
    for name in names:
        await world.reply(ticket.id, Actor.named(NamedAdmin(3, name)), "On it.")
    await world.reply(ticket.id, ADMIN, "We are all on it.")

    messages = messages_of(await world.detail(ticket.id))

    assert [message.sender_name for message in messages] == [None, *names, None]
    assert {message.sender_id for message in messages[1:]} == {None}


async def test_messages_with_equal_times_stay_in_the_order_in_which_they_were_written(
    world: World,
) -> None:
    ticket = await world.tickets.add(a_new_ticket(await world.user()))
    for number in range(5):
        fresh = await world.tickets.get(ticket.id)
        fresh.reply(f"{number}", by=ADMIN, at=START)
        await world.tickets.save(fresh)

    assert (await world.texts(ticket.id))[1:] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("ticket_id", [0, -1, 999_999, 2**31 - 1, 2**31, 2**63, 10**30])
async def test_an_unknown_id_is_not_found_however_large_it_is(world: World, ticket_id: int) -> None:
    with pytest.raises(TicketNotFound):
        await world.tickets.get(ticket_id)
    with pytest.raises(TicketNotFound):
        await world.detail(ticket_id)


async def test_a_ticket_of_an_unknown_user_is_not_added_and_records_no_hit(
    world: World, hit: Hit | None
) -> None:
    with pytest.raises(NotAuthenticated):
        await world.tickets.add(a_new_ticket(987_654), WriteContext(hit=hit))

    assert world.rate_limiter.allowance(A_HIT) is None
    assert (await world.rate_limiter.record(A_HIT)).remaining == A_HIT.rate_limit.limit - 1


async def test_a_ticket_on_behalf_of_a_user_who_was_just_deleted_is_not_added(
    world: World, hit: Hit | None
) -> None:
    """The admin is signed in, and is not asked to do so again."""
    new = Ticket.open_on_behalf(
        by=ADMIN,
        user_id=987_654,
        email=None,
        found=[987_654],
        category="support",
        other_category=None,
        subject="Your export",
        message="We have to repeat your export.",
        at=START,
    )

    with pytest.raises(UserNotFound):
        await world.tickets.add(new, WriteContext(hit=hit))


async def test_a_save_stores_every_field_that_changes(world: World) -> None:
    ticket = await world.tickets.add(a_new_ticket(await world.user()))
    later = START + timedelta(hours=1)
    ticket.reply("x" * 150, by=ADMIN, at=later)
    ticket.read(by=ADMIN, shown_after=0)
    ticket.change_status(Status.RESOLVED, by=ADMIN, at=later)
    ticket.set_priority(Priority.HIGH, by=ADMIN, at=later)
    anna = await world.admin("Anna")
    ticket.assign(anna.id, found=anna, by=ADMIN, at=later)

    await world.tickets.save(ticket)

    stored = await world.tickets.get(ticket.id)
    assert stored.version > ticket.version
    assert stored == stored_state(ticket, version=stored.version)
    assert (stored.first_replied_at, stored.resolved_at) == (later, later)
    assert (stored.assignee, stored.last_sender) == (anna, Side.ADMIN)
    assert stored.last_message == "x" * 100 + "…"
    assert (stored.message_count, stored.updated_at) == (2, later)


async def test_a_save_returns_the_new_message_with_its_id(world: World) -> None:
    ticket = await world.tickets.add(a_new_ticket(await world.user()))
    ticket.reply("one", by=ADMIN, at=START)

    stored = await world.tickets.save(ticket)

    assert stored is not None
    assert stored.message == "one"
    assert [stored] == messages_of(await world.detail(ticket.id))[1:]


async def test_a_save_without_a_new_message_stores_none(world: World) -> None:
    ticket = await world.tickets.add(a_new_ticket(await world.user()))
    ticket.read(by=ADMIN, shown_after=0)

    assert await world.tickets.save(ticket) is None
    assert len(await world.texts(ticket.id)) == 1


async def test_a_stale_save_is_refused_and_stores_nothing(world: World) -> None:
    added = await world.tickets.add(a_new_ticket(await world.user()))
    first, second = await world.tickets.get(added.id), await world.tickets.get(added.id)
    first.reply("first", by=ADMIN, at=START)
    await world.tickets.save(first)
    second.reply("second", by=ADMIN, at=START)

    with pytest.raises(StaleTicket):
        await world.tickets.save(second)

    assert (await world.texts(added.id))[1:] == ["first"]
    assert (await world.tickets.get(added.id)).message_count == 2


async def test_a_saved_ticket_object_is_stale_afterwards(world: World) -> None:
    ticket = await world.tickets.add(a_new_ticket(await world.user()))
    ticket.reply("once", by=ADMIN, at=START)
    await world.tickets.save(ticket)

    with pytest.raises(StaleTicket):
        await world.tickets.save(ticket)


async def test_saving_a_ticket_with_an_unknown_id_is_stale(world: World) -> None:
    ticket = await world.tickets.add(a_new_ticket(await world.user()))

    with pytest.raises(StaleTicket):
        await world.tickets.save(replace(ticket, id=123_456))


async def test_exactly_one_of_twenty_concurrent_saves_of_one_version_wins(world: World) -> None:
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


async def test_changes_to_a_loaded_ticket_are_not_stored_without_a_save(world: World) -> None:
    added = await world.tickets.add(a_new_ticket(await world.user()))
    ticket = await world.tickets.get(added.id)
    ticket.reply("never saved", by=ADMIN, at=START)
    ticket.change_status(Status.CLOSED, by=ADMIN, at=START)

    assert await world.tickets.get(added.id) == added
    assert len(await world.texts(added.id)) == 1


async def test_resolved_since_returns_the_longest_unchanged_tickets_first(world: World) -> None:
    resolved = []
    for status in (Status.RESOLVED, Status.OPEN, Status.RESOLVED, Status.CLOSED, Status.RESOLVED):
        ticket = await world.ticket(status=status)
        if status is Status.RESOLVED:
            resolved.append(ticket)
    _, second, third = resolved

    positions = [UserPosition(ticket.updated_at, ticket.id) for ticket in resolved]

    async def found(since: Ticket, after: UserPosition | None, limit: int = 10) -> list[int]:
        page = await world.tickets.resolved_since(since.updated_at, after=after, limit=limit)
        assert set(page) <= set(positions)
        return [position.id for position in page]

    ids = [ticket.id for ticket in resolved]
    assert await found(third, None) == ids
    assert await found(second, None) == ids[:2]
    assert await found(third, None, limit=1) == ids[:1]
    assert await found(third, positions[0]) == ids[1:]
    assert await found(third, positions[2]) == []


async def test_category_and_status_are_loaded_as_enum_members(world: World) -> None:
    ticket = await world.ticket(category="feature_suggestion", status=Status.RESOLVED)

    assert ticket.category is Category.FEATURE_SUGGESTION
    assert ticket.status is Status.RESOLVED


async def test_a_ticket_of_a_disabled_admin_is_loaded_without_an_assignee(world: World) -> None:
    ticket, anna = await world.ticket(), await world.admin("Anna")
    await world.reply(ticket.id, Actor.named(anna))
    assert (await world.tickets.get(ticket.id)).assignee == anna

    await world.disable(anna)

    assert (await world.tickets.get(ticket.id)).assignee is None
    assert (await world.detail(ticket.id)).ticket.assignee is None


async def test_a_ticket_that_an_admin_opened_is_loaded_as_it_was(world: World) -> None:
    user_id, anna = await world.user(), await world.admin("Anna")
    new = Ticket.open_on_behalf(
        by=Actor.named(anna),
        user_id=user_id,
        email=None,
        found=[user_id],
        category="support",
        other_category=None,
        subject="Your export",
        message="We have to repeat your export.",
        at=START,
    )

    added = await world.tickets.add(new)

    assert added == stored_state(new, id=added.id, version=added.version)
    assert await world.tickets.get(added.id) == added
    assert (added.opened_by, added.assignee) == (Side.ADMIN, anna)


async def test_save_with_thread_stores_the_state_and_returns_the_detail(world: World) -> None:
    ticket = await world.ticket()
    await world.reply(ticket.id, ADMIN, "First.")
    await world.reply(ticket.id, ADMIN, "Second.")
    expected = await world.tickets.get(ticket.id)
    expected.read(by=Actor.user(ticket.user_id), shown_after=0)

    detail = await world.tickets.save_with_thread(
        expected, DetailRequest(Side.ADMIN, 200), shown_after=0
    )

    assert detail == await world.detail(ticket.id)
    assert texts_of(detail)[1:] == ["First.", "Second."]
    assert not detail.ticket.user_unread
    assert detail.ticket.version == expected.version + 1


async def test_a_stale_save_with_thread_is_refused_and_stores_nothing(world: World) -> None:
    ticket = await world.ticket()
    await world.reply(ticket.id, ADMIN, "First.")
    stale = await world.tickets.get(ticket.id)
    await world.reply(ticket.id, ADMIN, "Second.")
    before = await world.snapshot()
    stale.read(by=Actor.user(ticket.user_id), shown_after=0)

    with pytest.raises(StaleTicket):
        await world.tickets.save_with_thread(stale, DetailRequest(Side.ADMIN, 200), shown_after=0)

    assert await world.snapshot() == before
    stale.id = 2**31 - 1
    with pytest.raises(StaleTicket):
        await world.tickets.save_with_thread(stale, DetailRequest(Side.ADMIN, 200), shown_after=0)
