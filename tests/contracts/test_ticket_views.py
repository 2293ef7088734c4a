"""The port `TicketViews` on every adapter: rows, order, filters, keyset paging, counts."""

from __future__ import annotations

import pytest

from tests.world import ADMIN, World, rows_of
from tickets.domain.people import Actor, Side
from tickets.domain.read_models import AdminRow, Stats, UserRow
from tickets.domain.ticket import Category, Status


async def all_user_rows(
    world: World, user_id: int, status: Status | None = None, limit: int = 3
) -> list[UserRow]:
    """Return a user's list, page by page."""
    rows: list[UserRow] = []
    after, more = None, True
    while more:
        page = await world.views.user_list(user_id, status=status, after=after, limit=limit)
        found = rows_of(page, UserRow)
        assert len(found) <= limit
        rows.extend(found)
        after, more = page.next, page.next is not None
    return rows


async def all_admin_rows(
    world: World,
    status: Status | None = None,
    category: Category | None = None,
    limit: int = 3,
) -> list[AdminRow]:
    """Return the admins' list, page by page."""
    rows: list[AdminRow] = []
    after, more = None, True
    while more:
        page = await world.views.admin_list(
            status=status, category=category, after=after, limit=limit
        )
        found = rows_of(page, AdminRow)
        assert len(found) <= limit
        rows.extend(found)
        after, more = page.next, page.next is not None
    return rows


async def test_a_users_row_has_the_ticket_and_a_preview_of_the_newest_message(world: World) -> None:
    user_id = await world.user()
    ticket = await world.ticket(user_id, category="other", other_category="Press")
    await world.reply(ticket.id, ADMIN, "y" * 120)
    stored = await world.tickets.get(ticket.id)

    (row,) = await all_user_rows(world, user_id)

    assert row == UserRow(
        id=ticket.id,
        category=Category.OTHER,
        other_category="Press",
        subject=ticket.subject,
        status=Status.OPEN,
        priority="normal",
        user_unread=True,
        message_count=2,
        last_message="y" * 100 + "…",
        created_at=stored.created_at,
        updated_at=stored.updated_at,
        last_sender=Side.ADMIN,
    )


async def test_an_admins_row_has_the_users_email(world: World) -> None:
    ticket = await world.ticket(await world.user("mara@example.com"))

    (row,) = await all_admin_rows(world)

    assert row == AdminRow(
        id=ticket.id,
        category=Category.SUPPORT,
        other_category=None,
        subject=ticket.subject,
        status=Status.OPEN,
        priority="normal",
        admin_unread=True,
        message_count=1,
        last_message=ticket.last_message,
        created_at=ticket.created_at,
        updated_at=ticket.updated_at,
        last_sender=Side.USER,
        waiting_since=ticket.waiting_since,
        assignee=None,
        user_id=ticket.user_id,
        user_email="mara@example.com",
    )


async def test_an_admins_row_has_the_assignee_unless_that_admin_is_disabled(world: World) -> None:
    ticket = await world.ticket()
    anna = await world.admin("Anna")
    await world.reply(ticket.id, Actor.named(anna))

    (row,) = await all_admin_rows(world)
    assert (row.assignee, row.last_sender, row.waiting_since) == (anna, Side.ADMIN, None)

    await world.disable(anna)
    (row,) = await all_admin_rows(world)
    assert row.assignee is None


async def test_a_user_sees_only_their_own_tickets(world: World) -> None:
    mine, theirs = await world.user(), await world.user()
    ticket = await world.ticket(mine)
    await world.reply((await world.ticket(theirs)).id, ADMIN)

    assert [row.id for row in await all_user_rows(world, mine)] == [ticket.id]
    assert await world.views.user_unread(mine) == 0
    assert await world.views.user_unread(theirs) == 1


async def test_a_users_list_is_ordered_by_updated_at_which_reading_does_not_change(
    world: World,
) -> None:
    user_id = await world.user()
    first, second, third = [await world.ticket(user_id) for _ in range(3)]
    await world.reply(first.id, ADMIN)
    await world.service.change_status(second.id, "in_progress", by=ADMIN)
    await world.service.read(first.id, by=Actor.user(user_id))

    assert [row.id for row in await all_user_rows(world, user_id)] == [
        second.id,
        first.id,
        third.id,
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 200])
async def test_the_pages_of_a_users_list_add_up_to_the_whole_list(world: World, limit: int) -> None:
    user_id = await world.user()
    ids = [(await world.ticket(user_id, status=s)).id for s in [*Status, *Status]]

    rows = await all_user_rows(world, user_id, limit=limit)

    assert [row.id for row in rows] == ids[::-1]


@pytest.mark.parametrize("status", list(Status))
async def test_a_users_list_can_be_filtered_by_status(world: World, status: Status) -> None:
    user_id = await world.user()
    ids = [(await world.ticket(user_id, status=s)).id for s in [*Status] * 3 if s is status]
    for other in [s for s in Status if s is not status]:
        await world.ticket(user_id, status=other)

    rows = await all_user_rows(world, user_id, status, limit=2)

    assert [row.id for row in rows] == ids[::-1]


async def test_tickets_with_equal_times_are_ordered_by_id(world: World) -> None:
    user_id = await world.user()
    tickets = []
    for _ in range(5):
        moment = world.clock.moment
        tickets.append(await world.ticket(user_id))
        world.clock.moment = moment

    assert len({ticket.updated_at for ticket in tickets}) == 1
    ids = [ticket.id for ticket in tickets]
    assert [row.id for row in await all_user_rows(world, user_id, limit=2)] == ids[::-1]
    assert [row.id for row in await all_admin_rows(world, limit=2)] == ids[::-1]
    filtered = await all_admin_rows(world, Status.OPEN, limit=2)
    assert [row.id for row in filtered] == ids[::-1]


async def test_the_admins_list_has_unread_tickets_first_then_the_newest(world: World) -> None:
    first, second, third, fourth = [await world.ticket() for _ in range(4)]
    await world.service.read(fourth.id, by=ADMIN)
    await world.service.read(second.id, by=ADMIN)
    await world.reply(second.id, ADMIN)

    assert [(row.id, row.admin_unread) for row in await all_admin_rows(world, limit=1)] == [
        (third.id, True),
        (first.id, True),
        (second.id, False),
        (fourth.id, False),
    ]


@pytest.mark.parametrize("status", [None, Status.OPEN, Status.RESOLVED])
@pytest.mark.parametrize("category", [None, Category.BILLING, Category.OTHER])
async def test_the_admins_list_can_be_filtered_by_status_and_category(
    world: World, status: Status | None, category: Category | None
) -> None:
    user_id = await world.user()
    everything = [
        await world.ticket(user_id, category=c, status=s)
        for _ in range(2)
        for s in Status
        for c in Category
    ]
    for ticket in everything[::3]:
        await world.service.read(ticket.id, by=ADMIN)

    rows = await all_admin_rows(world, status, category)

    wanted = [await world.tickets.get(ticket.id) for ticket in everything]
    wanted = [t for t in wanted if status in (None, t.status) and category in (None, t.category)]
    wanted.sort(
        key=lambda ticket: (ticket.admin_unread, ticket.updated_at, ticket.id), reverse=True
    )
    assert [row.id for row in rows] == [ticket.id for ticket in wanted]


async def test_paging_while_others_write_repeats_and_skips_no_unchanged_ticket(
    world: World,
) -> None:
    user_id = await world.user()
    ids = [(await world.ticket(user_id)).id for _ in range(9)]
    touched = {ids[0], ids[4], ids[8]}
    untouched = [i for i in reversed(ids) if i not in touched]
    rows: list[AdminRow] = []
    after, more = None, True
    while more:
        page = await world.views.admin_list(status=None, category=None, after=after, limit=2)
        rows.extend(rows_of(page, AdminRow))
        after, more = page.next, page.next is not None
        await world.ticket(user_id)
        for ticket_id in touched:
            await world.reply(ticket_id, Actor.user(user_id))

    assert [row.id for row in rows if row.id in untouched] == untouched


async def test_lists_without_tickets_are_empty(world: World) -> None:
    page = await world.views.user_list(await world.user(), status=None, after=None, limit=50)

    assert (page.rows, page.next) == (b"[]", None)
    assert await all_admin_rows(world) == []


async def test_unread_counts_count_tickets_and_not_messages(world: World) -> None:
    user_id = await world.user()
    first, second = await world.ticket(user_id), await world.ticket(user_id)
    await world.service.read(second.id, by=ADMIN)
    await world.reply(first.id, ADMIN)
    await world.reply(first.id, ADMIN)

    assert await world.views.user_unread(user_id) == 1
    assert await world.views.admin_unread() == 1

    await world.service.read(first.id, by=Actor.user(user_id))
    await world.service.read(first.id, by=ADMIN)

    assert await world.views.user_unread(user_id) == 0
    assert await world.views.admin_unread() == 0


async def test_stats_without_tickets_name_every_category_at_zero(world: World) -> None:
    assert await world.views.admin_stats() == Stats(
        total_count=0,
        open_count=0,
        in_progress_count=0,
        resolved_count=0,
        closed_count=0,
        unread_count=0,
        categories=dict.fromkeys(Category, 0),
    )


async def test_stats_count_tickets_by_status_by_category_and_unread(world: World) -> None:
    user_id = await world.user()
    for status, category in [
        (Status.OPEN, "support"),
        (Status.OPEN, "billing"),
        (Status.OPEN, "support"),
        (Status.IN_PROGRESS, "support"),
        (Status.RESOLVED, "other"),
        (Status.RESOLVED, "other"),
        (Status.CLOSED, "billing"),
    ]:
        ticket = await world.ticket(user_id, category=category, status=status)
        if category != "support":
            await world.service.read(ticket.id, by=ADMIN)

    assert await world.views.admin_stats() == Stats(
        total_count=7,
        open_count=3,
        in_progress_count=1,
        resolved_count=2,
        closed_count=1,
        unread_count=3,
        categories={
            Category.SUPPORT: 3,
            Category.BILLING: 2,
            Category.FEATURE_SUGGESTION: 0,
            Category.OTHER: 2,
        },
    )
