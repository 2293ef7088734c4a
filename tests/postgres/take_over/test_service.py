"""The service on a database that was taken over: old threads, lists, figures, sign-in."""

from __future__ import annotations

from tests.postgres.take_over.conftest import TakenOver
from tests.postgres.take_over.platform import TICKETS, Connection, world_on
from tests.world import ADMIN, PostgresWorld, messages_of, rows_of
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.token_lookup import Identity, PostgresTokenLookup
from tickets.domain.people import Actor, Side
from tickets.domain.read_models import AdminPosition, AdminRow, UserPosition, UserRow
from tickets.domain.ticket import Category, Status


async def test_a_new_ticket_is_opened_answered_resolved_and_read(
    taken_over_world: PostgresWorld,
) -> None:
    opened = await taken_over_world.ticket(42, subject="New on the old platform")
    await taken_over_world.reply(opened.id, ADMIN, "Welcome.")
    await taken_over_world.service.change_status(opened.id, Status.RESOLVED, by=ADMIN)
    detail = await taken_over_world.service.read(opened.id, by=Actor.user(42))

    assert detail.user_email == "user42@example.com"
    assert [m.sender_type for m in messages_of(detail)] == [Side.USER, Side.ADMIN]
    assert await taken_over_world.flags(opened.id) == (False, True)


async def test_a_thread_of_the_platform_takes_a_reply(taken_over_world: PostgresWorld) -> None:
    await taken_over_world.reply(5000, ADMIN, "Is this still so?")
    old = await taken_over_world.service.read(5000, by=ADMIN)

    assert len(messages_of(old)) == old.ticket.message_count == 51
    assert old.ticket.last_message == "Is this still so?"
    assert await taken_over_world.flags(5000) == (True, False)


async def test_lists_and_stats_hold_every_ticket_of_the_platform(
    taken_over: TakenOver, taken_over_connection: Connection
) -> None:
    expected = await taken_over_connection.fetch(
        """
        select id, status, category, admin_unread, user_id, user_unread from tickets
         order by admin_unread desc, updated_at desc, id desc
        """
    )

    async with world_on(taken_over.url) as world:
        all_rows = await all_admin_rows(world)
        billing = await all_admin_rows(world, category=Category.BILLING, status=Status.CLOSED)
        own = await all_user_rows(world, 42)
        stats = await world.views.admin_stats()
        unread_counts = (await world.views.admin_unread(), await world.views.user_unread(42))

    assert [row.id for row in all_rows] == [row["id"] for row in expected]
    assert [row.id for row in billing] == [
        r["id"] for r in expected if (r["category"], r["status"]) == ("billing", "closed")
    ]
    assert sorted(row.id for row in own) == sorted(r["id"] for r in expected if r["user_id"] == 42)
    assert stats.total_count == TICKETS
    assert stats.categories == dict.fromkeys(Category, TICKETS // 4)
    assert unread_counts == (
        sum(row["admin_unread"] for row in expected),
        sum(row["user_unread"] for row in expected if row["user_id"] == 42),
    )


async def all_admin_rows(
    world: PostgresWorld, status: Status | None = None, category: Category | None = None
) -> list[AdminRow]:
    rows: list[AdminRow] = []
    after: AdminPosition | None = None
    while True:
        page = await world.views.admin_list(
            status=status, category=category, after=after, limit=200
        )
        rows += rows_of(page, AdminRow)
        if page.next is None:
            return rows
        after = page.next


async def all_user_rows(world: PostgresWorld, user_id: int) -> list[UserRow]:
    rows: list[UserRow] = []
    after: UserPosition | None = None
    while True:
        page = await world.views.user_list(user_id, status=None, after=after, limit=7)
        rows += rows_of(page, UserRow)
        if page.next is None:
            return rows
        after = page.next


async def test_a_session_of_the_platform_signs_its_user_in(taken_over: TakenOver) -> None:
    async with Database(taken_over.url).open() as database:
        token_lookup = PostgresTokenLookup(database, Identity.named("sessions"))
        found = [await token_lookup.by_token(token) for token in ("valid", "expired", "unknown")]

    assert found == [42, None, None]
