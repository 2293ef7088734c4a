"""Paged threads in the port `Tickets`, on every adapter: pages, marks, follow-ups, auto-close."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from tests.world import ADMIN, START, World, messages_of
from tickets.domain.errors import StaleTicket
from tickets.domain.message import Message
from tickets.domain.people import Actor, NamedAdmin, Side
from tickets.domain.read_models import MAX_PAGE_BYTES, DetailRequest, TicketDetail
from tickets.domain.ticket import Status, Ticket


async def a_thread(world: World, replies: int, text: str = "") -> Ticket:
    """Return a ticket with a first message and this many replies by the admins."""
    ticket = await world.ticket(message="the first message")
    for number in range(2, replies + 2):
        await world.reply(ticket.id, ADMIN, text or f"{number}")
    return await world.tickets.get(ticket.id)


def ordinals_of(detail: TicketDetail) -> list[int]:
    return [message.ordinal for message in messages_of(detail)]


async def test_a_page_is_json_as_the_service_encodes_messages(world: World) -> None:
    ticket = await world.ticket(message='Öffnungszeiten 🕰 "now"\n\\ and \t tab')
    world.clock.pass_time(microseconds=120)
    nadia = Actor.named(NamedAdmin(3, "Nadia Berg"))
    replied = await world.reply(ticket.id, nadia, "An answer.")
    world.clock.pass_time(microseconds=999_880, seconds=10)
    on_the_second = await world.reply(ticket.id, ADMIN, "Another one.")
    first = Message(
        id=messages_of(await world.detail(ticket.id))[0].id,
        ticket_id=ticket.id,
        sender_type=Actor.user(ticket.user_id).side,
        sender_id=ticket.user_id,
        message='Öffnungszeiten 🕰 "now"\n\\ and \t tab',
        created_at=ticket.created_at,
        ordinal=1,
    )

    page = (await world.detail(ticket.id)).thread

    # the same keys in the same order, the same times: a reply's answer equals its message here
    assert msgspec.json.decode(page.messages) == msgspec.json.decode(
        msgspec.json.encode([first, replied, on_the_second])
    )
    assert page.previous is None


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_the_pages_of_a_thread_add_up_to_the_whole_thread(world: World, limit: int) -> None:
    ticket = await a_thread(world, 6)
    ordinals: list[int] = []
    before = None
    while True:
        detail = await world.detail(ticket.id, before=before, limit=limit)
        page = ordinals_of(detail)
        assert detail.ticket == ticket
        assert 1 <= len(page) <= limit
        ordinals = page + ordinals
        if detail.thread.previous is None:
            break
        assert detail.thread.previous == page[0] - 1
        before = page[0]

    assert ordinals == [1, 2, 3, 4, 5, 6, 7]


async def test_a_page_has_200_messages_unless_fewer_are_wanted(world: World) -> None:
    ticket = await a_thread(world, 201)

    detail = await world.detail(ticket.id)

    assert ordinals_of(detail) == list(range(3, 203))
    assert detail.thread.previous == 2


async def test_a_page_before_the_first_message_is_empty(world: World) -> None:
    ticket = await a_thread(world, 1)

    page = (await world.detail(ticket.id, before=1)).thread

    assert (page.messages, page.previous) == (b"[]", None)


async def test_a_page_ends_at_two_million_bytes_of_json(world: World) -> None:
    ticket = await a_thread(world, 70, "\U0001f4a5" * 5000)
    size = len(msgspec.json.encode(messages_of(await world.detail(ticket.id))[-1]))
    for _ in range(40):
        await world.reply(ticket.id, ADMIN, "\U0001f4a5" * 5000)

    detail = await world.detail(ticket.id)

    page = ordinals_of(detail)
    assert page[-1] == 111
    assert len(page) == MAX_PAGE_BYTES // (size + 1)
    assert MAX_PAGE_BYTES - size <= len(detail.thread.messages) <= MAX_PAGE_BYTES + len(page) + 1
    assert detail.thread.previous == page[0] - 1


async def test_save_with_thread_is_refused_where_the_page_does_not_reach_the_mark(
    world: World,
) -> None:
    ticket = await a_thread(world, 3)
    ticket.read(by=Actor.user(ticket.user_id), shown_after=1)
    before = await world.snapshot()

    for shown_after, limit in ((1, 2), (0, 3)):
        with pytest.raises(StaleTicket):
            await world.tickets.save_with_thread(
                ticket, DetailRequest(Side.ADMIN, limit), shown_after=shown_after
            )
        assert await world.snapshot() == before

    detail = await world.tickets.save_with_thread(
        ticket, DetailRequest(Side.ADMIN, 3), shown_after=1
    )
    assert ordinals_of(detail) == [2, 3, 4]
    assert (detail.ticket.user_seen, detail.ticket.user_unread) == (4, False)
    assert detail == await world.detail(ticket.id, limit=3)


async def test_marks_waiting_and_ordinals_are_stored_as_they_were_decided(world: World) -> None:
    ticket = await a_thread(world, 1)
    owner = Actor.user(ticket.user_id)
    ticket.reply("And another thing.", by=owner, at=START + timedelta(days=1), seen=2)

    await world.tickets.save(ticket)

    stored = await world.tickets.get(ticket.id)
    assert (stored.last_ordinal, stored.user_seen, stored.admin_seen) == (3, 2, 0)
    assert stored.waiting_since == START + timedelta(days=1)


async def test_a_follow_up_is_named_on_both_tickets(world: World) -> None:
    closed = await world.ticket(status=Status.CLOSED)
    follow_ups = [
        await world.service.open(
            by=Actor.user(closed.user_id),
            category="support",
            other_category=None,
            subject="It is back",
            message="It stops again after a hundred rows.",
            follows=closed.id,
        )
        for _ in range(2)
    ]

    assert [ticket.follows for ticket in follow_ups] == [closed.id, closed.id]
    assert (await world.tickets.get(follow_ups[0].id)).follows == closed.id
    detail = await world.detail(closed.id)
    assert list(detail.followed_by) == [ticket.id for ticket in follow_ups]
    assert list((await world.detail(follow_ups[0].id)).followed_by) == []


async def test_tickets_whose_customer_waits_are_not_resolved_since(world: World) -> None:
    ticket = await world.ticket(status=Status.RESOLVED)
    moment = world.clock.now()
    assert len(await world.tickets.resolved_since(moment, after=None, limit=9)) == 1

    ticket.waiting_since = ticket.created_at
    await world.tickets.save(ticket)

    assert await world.tickets.resolved_since(moment, after=None, limit=9) == []
