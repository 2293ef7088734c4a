"""The port `Queues` on every adapter: presets, filters, orders, keyset paging, counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.world import ADMIN, World, rows_of
from tickets.domain.people import Actor, NamedAdmin
from tickets.domain.queues import NOBODY, OPEN_WORK, Queue, Selection, Sort, select_queue
from tickets.domain.read_models import AdminRow
from tickets.domain.status import Category, Priority, Status


async def listed(world: World, selection: Selection, limit: int = 2) -> list[AdminRow]:
    """Return the whole list, page by page."""
    rows: list[AdminRow] = []
    after, more = None, True
    while more:
        page = await world.queues.page(selection, after=after, limit=limit)
        found = rows_of(page, AdminRow)
        assert len(found) <= limit
        rows.extend(found)
        after, more = page.next, page.next is not None
    return rows


async def ids(world: World, selection: Selection) -> list[int]:
    """Return the ids in the order of the list."""
    return [row.id for row in await listed(world, selection)]


async def in_queue(world: World, queue: Queue, by: Actor = ADMIN) -> list[int]:
    """Return the ids in a named queue."""
    selection = select_queue(queue, by=by)
    return [] if selection is None else await ids(world, selection)


class Desk:
    """Tickets in each state that the queues tell apart; the one named first was opened first."""

    def __init__(self, world: World, anna: NamedAdmin, ben: NamedAdmin) -> None:
        self.world, self.anna, self.ben = world, anna, ben

    async def set_up(self) -> None:
        """Open the tickets."""
        self.waiting = await self._opened()
        self.answered = await self._opened()
        await self._reply(self.answered, Actor.team())
        self.annas_waiting = await self._opened()
        await self._assign(self.annas_waiting, self.anna)
        self.bens = await self._opened(category="billing")
        await self._reply(self.bens, Actor.named(self.ben))
        self.resolved = await self._opened()
        await self._status(self.resolved, Status.RESOLVED)
        self.closed = await self._opened()
        await self._status(self.closed, Status.CLOSED)
        self.annas_resolved = await self._opened()
        await self._assign(self.annas_resolved, self.anna)
        await self._status(self.annas_resolved, Status.RESOLVED)
        self.annas_closed = await self._opened()
        await self._assign(self.annas_closed, self.anna)
        await self._status(self.annas_closed, Status.CLOSED)

    async def _opened(self, category: str = "support") -> int:
        return (await self.world.ticket(await self.world.user(), category=category)).id

    async def _reply(self, ticket_id: int, by: Actor) -> None:
        await self.world.service.reply(ticket_id, "Soon.", by=by)

    async def _status(self, ticket_id: int, status: Status) -> None:
        await self.world.service.change_status(ticket_id, status, by=ADMIN)

    async def _assign(self, ticket_id: int, admin: NamedAdmin) -> None:
        ticket = await self.world.tickets.get(ticket_id)
        ticket.assign(admin.id, found=admin, by=ADMIN, at=self.world.clock.now())
        await self.world.tickets.save(ticket)

    async def prioritise(self, ticket_id: int, priority: Priority) -> None:
        """Set a priority."""
        ticket = await self.world.tickets.get(ticket_id)
        ticket.set_priority(priority, by=ADMIN, at=self.world.clock.now())
        await self.world.tickets.save(ticket)


@pytest.fixture
async def desk(world: World) -> Desk:
    desk = Desk(world, await world.admin("Anna"), await world.admin("Ben"))
    await desk.set_up()
    return desk


async def test_waiting_has_those_whose_customer_waits_longest_first(
    world: World, desk: Desk
) -> None:
    assert await in_queue(world, Queue.WAITING) == [desk.waiting, desk.annas_waiting]


async def test_mine_has_an_admins_open_work_waiting_first(world: World, desk: Desk) -> None:
    anna, ben = Actor.named(desk.anna), Actor.named(desk.ben)

    assert await in_queue(world, Queue.MINE, anna) == [desk.annas_waiting, desk.annas_resolved]
    assert await in_queue(world, Queue.MINE, ben) == [desk.bens]
    assert await in_queue(world, Queue.MINE, Actor.team()) == []


async def test_unassigned_has_nobodys_open_work_waiting_first(world: World, desk: Desk) -> None:
    expected = [desk.waiting, desk.answered, desk.resolved]
    assert await in_queue(world, Queue.UNASSIGNED) == expected


async def test_a_disabled_admins_open_work_is_nobodys(world: World, desk: Desk) -> None:
    await world.disable(desk.anna)

    assert await in_queue(world, Queue.UNASSIGNED) == [
        desk.waiting,
        desk.annas_waiting,
        desk.answered,
        desk.resolved,
        desk.annas_resolved,
    ]
    assert await in_queue(world, Queue.MINE, Actor.named(desk.anna)) == []
    assert (await listed(world, Selection(statuses=OPEN_WORK)))[0].assignee is None


async def test_open_has_what_is_neither_resolved_nor_closed_newest_activity_first(
    world: World, desk: Desk
) -> None:
    await world.reply(desk.waiting, ADMIN)

    expected = [desk.waiting, desk.bens, desk.annas_waiting, desk.answered]
    assert await in_queue(world, Queue.OPEN) == expected


async def test_the_count_beside_a_queue_is_the_number_of_its_rows(world: World, desk: Desk) -> None:
    for disabled in (None, desk.anna):
        if disabled is not None:
            await world.disable(disabled)
        for admin in (None, desk.anna, desk.ben):
            by = Actor.team() if admin is None else Actor.named(admin)
            counts = await world.queues.counts(admin_id=None if admin is None else admin.id)
            for queue in Queue:
                if admin is not disabled or queue is not Queue.MINE or admin is None:
                    assert getattr(counts, queue) == len(await in_queue(world, queue, by)), queue
            assert (counts.resolved, counts.closed) == (2, 2)
            assert counts.unread == len(await ids(world, Selection(unread_only=True)))
            first = await world.tickets.get(desk.waiting)
            assert counts.waiting_longest_since == first.waiting_since


async def test_an_empty_desk_counts_nothing(world: World) -> None:
    counts = await world.queues.counts(admin_id=None)
    assert (counts.waiting, counts.unassigned, counts.open) == (0, 0, 0)
    assert counts.waiting_longest_since is None


FILTERS = {
    "category": (Selection(category=Category.BILLING), {"bens"}),
    "assignee": (Selection(), {"annas_waiting", "annas_resolved"}),
    "nobody": (
        Selection(assignee=NOBODY),
        {"waiting", "answered", "resolved"},
    ),
    "priority": (Selection(priority=Priority.URGENT), {"resolved"}),
    "waiting": (Selection(waiting_only=True), {"waiting", "annas_waiting"}),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("sort", Sort)
async def test_each_filter_holds_in_each_order(
    world: World, desk: Desk, name: str, sort: Sort
) -> None:
    await desk.prioritise(desk.resolved, Priority.URGENT)
    selection, expected = FILTERS[name]
    if name == "assignee":
        selection = replace(selection, assignee=desk.anna.id)
    selection = replace(selection, statuses=OPEN_WORK, sort=sort)

    assert set(await ids(world, selection)) == {getattr(desk, ticket) for ticket in expected}


async def test_orders_of_the_open_work(world: World, desk: Desk) -> None:
    await desk.prioritise(desk.bens, Priority.URGENT)
    await desk.prioritise(desk.waiting, Priority.LOW)
    await world.reply(desk.answered, ADMIN)
    whole = Selection(statuses=OPEN_WORK)

    assert await ids(world, replace(whole, sort=Sort.PRIORITY)) == [
        desk.bens,
        desk.annas_waiting,
        desk.answered,
        desk.resolved,
        desk.annas_resolved,
        desk.waiting,
    ]
    assert (await ids(world, replace(whole, sort=Sort.WAITING)))[:2] == [
        desk.waiting,
        desk.annas_waiting,
    ]
    assert (await ids(world, replace(whole, sort=Sort.ACTIVITY)))[0] == desk.answered
    rows = await listed(world, replace(whole, sort=Sort.UNREAD))
    assert [row.admin_unread for row in rows] == sorted(
        (row.admin_unread for row in rows), reverse=True
    )


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("limit", [1, 3, 50])
@pytest.mark.usefixtures("desk")
async def test_pages_have_each_ticket_once(world: World, sort: Sort, limit: int) -> None:
    rows = await listed(world, Selection(statuses=OPEN_WORK, sort=sort), limit)
    whole = await listed(world, Selection(statuses=OPEN_WORK, sort=sort), 100)

    assert rows == whole
    assert len({row.id for row in rows}) == len(rows) == 6


@pytest.mark.parametrize("sort", Sort)
async def test_a_customers_tickets_are_listed_closed_ones_too(
    world: World, desk: Desk, sort: Sort
) -> None:
    ticket = await world.tickets.get(desk.closed)
    other = await world.ticket(ticket.user_id)

    found = await ids(world, Selection(user_id=ticket.user_id, sort=sort))

    assert sorted(found) == [desk.closed, other.id]
    only_closed = Selection(user_id=ticket.user_id, statuses=frozenset({Status.CLOSED}), sort=sort)
    assert await ids(world, only_closed) == [desk.closed]


async def test_unread_tickets_are_listed_closed_ones_too(world: World, desk: Desk) -> None:
    found = await ids(world, Selection(unread_only=True))
    assert desk.closed in found
    assert all(row.admin_unread for row in await listed(world, Selection(unread_only=True)))
