"""Optimistic locking: the version of a ticket changes with every change, whoever makes it."""

from __future__ import annotations

import pytest

from tests.world import ADMIN, PostgresWorld
from tickets.domain.errors import StaleTicket
from tickets.domain.people import Side
from tickets.domain.read_models import DetailRequest


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("status", "'closed'"),
        ("priority", "'high'"),
        ("user_unread", "not user_unread"),
        ("admin_unread", "not admin_unread"),
        ("message_count", "7"),
        ("last_message", "'Edited.'"),
        ("updated_at", "now()"),
        ("updated_at", "updated_at"),
        ("version", "version"),
        ("version", "version - 1"),
        ("version", "1"),
    ],
)
async def test_any_change_by_another_program_raises_the_version(
    postgres_world: PostgresWorld, column: str, value: str
) -> None:
    world = postgres_world
    ticket = await world.ticket()
    await world.reply(ticket.id, ADMIN)
    ticket = await world.tickets.get(ticket.id)
    change = f"update tickets set {column} = {value}"  # noqa: S608 - both are constants above
    await world.database.fetch(change)
    before = await world.tickets.get(ticket.id)
    assert before.version == ticket.version + 1

    ticket.reply("Is anybody there?", by=ADMIN, at=world.clock.now())
    with pytest.raises(StaleTicket):
        await world.tickets.save(ticket)

    assert await world.tickets.get(ticket.id) == before
    # a save of the service raises the version by one, not by two
    await world.service.mark_unread(ticket.id, by=ADMIN)
    await world.service.acknowledge(ticket.id, before.message_count, by=ADMIN)
    after = await world.tickets.get(ticket.id)
    assert after.version - before.version == 2 - before.admin_unread


async def test_a_ticket_given_to_another_user_is_stale_whatever_its_version(
    postgres_world: PostgresWorld,
) -> None:
    tickets = postgres_world.tickets
    ticket = await postgres_world.ticket()
    before = await postgres_world.snapshot()
    ticket.user_id = await postgres_world.user() - 1000

    with pytest.raises(StaleTicket):
        await tickets.save(ticket)
    with pytest.raises(StaleTicket):
        await tickets.save_with_thread(ticket, DetailRequest(Side.ADMIN, 200), shown_after=0)
    ticket.reply("Mine?", by=ADMIN, at=postgres_world.clock.now())
    with pytest.raises(StaleTicket):
        await tickets.save(ticket)

    assert (await postgres_world.snapshot())["tickets"] == before["tickets"]
    assert (await postgres_world.snapshot())["ticket_messages"] == before["ticket_messages"]
