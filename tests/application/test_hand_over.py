"""Handing tickets over: which ones, and what happens to them meanwhile."""

from __future__ import annotations

import pytest

from tests.world import ADMIN, World
from tickets.application import hand_over
from tickets.application.hand_over import HandOver
from tickets.domain.people import Actor
from tickets.domain.ticket import Status, Ticket


async def assigned(world: World, to: Actor, status: Status = Status.OPEN) -> Ticket:
    ticket = await world.ticket()
    await world.reply(ticket.id, to, "On it.")
    await world.service.change_status(ticket.id, status.value, by=ADMIN)
    return await world.tickets.get(ticket.id)


async def test_every_ticket_that_is_not_closed_is_handed_over_in_batches(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_over, "BATCH_SIZE", 2)
    nadia, omar = await world.admin("Nadia"), await world.admin("Omar")
    tickets = [await assigned(world, Actor.named(nadia)) for _ in range(5)]
    closed = await assigned(world, Actor.named(nadia), Status.CLOSED)
    before = {ticket.id: ticket.updated_at for ticket in tickets}

    handing = HandOver(world.tickets, world.admins, world.clock)
    assert await handing.hand_over(nadia.id, omar) == 5
    assert await handing.hand_over(nadia.id, omar) == 0

    for ticket_id, updated_at in before.items():
        after = await world.tickets.get(ticket_id)
        assert (after.assignee, after.updated_at) == (omar, updated_at)
    assert (await world.tickets.get(closed.id)).assignee == nadia


async def test_a_ticket_that_somebody_took_meanwhile_stays_theirs(world: World) -> None:
    nadia, omar, zoe = [await world.admin(name) for name in ("Nadia", "Omar", "Zoe")]
    ticket = await assigned(world, Actor.named(nadia))

    class Slow:
        """The tickets, of which one is taken by a third admin before it is loaded."""

        def __getattr__(self, name: str) -> object:
            return getattr(world.tickets, name)

        async def get(self, ticket_id: int) -> Ticket:
            taken = await world.tickets.get(ticket_id)
            if taken.assignee == nadia:
                taken.assign(zoe.id, found=zoe, by=ADMIN, at=world.clock.now())
                await world.tickets.save(taken)
            return await world.tickets.get(ticket_id)

    handing = HandOver(Slow(), world.admins, world.clock)  # type: ignore[arg-type]

    assert await handing.hand_over(nadia.id, omar) == 0
    assert (await world.tickets.get(ticket.id)).assignee == zoe


async def test_the_tickets_of_a_disabled_admin_are_handed_over_as_well(world: World) -> None:
    nadia, omar = await world.admin("Nadia"), await world.admin("Omar")
    ticket = await assigned(world, Actor.named(nadia))
    await world.disable(nadia)
    assert (await world.tickets.get(ticket.id)).assignee is None

    handing = HandOver(world.tickets, world.admins, world.clock)

    assert await handing.hand_over(nadia.id, omar) == 1
    assert (await world.tickets.get(ticket.id)).assignee == omar
