"""The ticket counts that triggers maintain: always equal to a count of all tickets."""

from __future__ import annotations

import asyncio
import random

import asyncpg
import pytest

from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.people import Actor
from tickets.domain.ticket import Category, Status

STORED_COUNTS = """
select status, category, sum(total)::bigint as total, sum(admin_unread)::bigint as unread
  from ticket_counts group by 1, 2 having sum(total) <> 0 or sum(admin_unread) <> 0 order by 1, 2
"""
ACTUAL_COUNTS = """
select status, category, count(*) as total, count(*) filter (where admin_unread) as unread
  from tickets group by 1, 2 order by 1, 2
"""
FOLD = load_queries("ticket_counts")["fold_counts"].sql


async def check_counts(database: Database) -> None:
    """Check that the stored counts are the actual ones, as of one moment."""
    counts = await database.fetchrow(
        f"""
        select (select coalesce(json_agg(c), '[]')::text from ({STORED_COUNTS}) as c) as stored,
               (select coalesce(json_agg(t), '[]')::text from ({ACTUAL_COUNTS}) as t) as actual
        """  # noqa: S608 - both are constants of this file
    )
    assert counts is not None
    assert counts["stored"] == counts["actual"]


async def slots(database: Database) -> set[int]:
    return {row["slot"] for row in await database.fetch("select slot from ticket_counts")}


@pytest.fixture
def world(postgres_world: PostgresWorld) -> PostgresWorld:
    return postgres_world


async def test_every_use_case_keeps_the_ticket_counts_right(world: PostgresWorld) -> None:
    user_id = await world.user()
    for category in Category:
        ticket = await world.ticket(user_id, category=category)
        await check_counts(world.database)
        for status in (*Status, *reversed(Status)):
            await world.service.change_status(ticket.id, status, by=ADMIN)
            await check_counts(world.database)
        await world.service.change_status(ticket.id, "open", by=ADMIN)
        await world.service.read(ticket.id, by=ADMIN)
        await check_counts(world.database)
        await world.reply(ticket.id, Actor.user(user_id))
        await world.reply(ticket.id, Actor.user(user_id))
        await check_counts(world.database)

    stats = await world.views.admin_stats()
    assert (stats.total_count, stats.open_count, stats.unread_count) == (4, 4, 4)
    assert await world.views.admin_unread() == 4


async def test_writes_of_the_platform_keep_the_ticket_counts_right(world: PostgresWorld) -> None:
    for _ in range(4):
        await world.ticket()
    for statement in (
        "update tickets set category = 'feature_suggestion' where id % 2 = 1",
        "update tickets set status = 'in_progress' where id % 2 = 1",
        "update tickets set admin_unread = false where id % 2 = 1",
        "update tickets set status = 'resolved', category = 'billing' where id % 2 = 0",
        "update tickets set admin_unread = not admin_unread, subject = 'x' where id > 2",
        "delete from tickets where id = 2",
        """insert into tickets (user_id, category, subject)
           select user_id, 'other', 'y' from tickets""",
    ):
        await world.database.fetch(statement)
        await check_counts(world.database)

    await world.database.fetch("truncate tickets cascade")

    await check_counts(world.database)
    assert (await world.views.admin_stats()).total_count == 0


async def test_folding_changes_no_count_and_leaves_one_slot(world: PostgresWorld) -> None:
    await asyncio.gather(*(world.ticket(status=Status.RESOLVED) for _ in range(20)))
    before = await world.views.admin_stats()

    for _ in range(2):
        await world.database.fetch(FOLD)

        assert await slots(world.database) == {0}
        assert await world.views.admin_stats() == before
        await check_counts(world.database)


async def test_ticket_counts_are_right_during_concurrent_writes_and_folds(
    world: PostgresWorld,
) -> None:
    tickets = [await world.ticket() for _ in range(6)]
    at_random = random.Random(4711)  # noqa: S311 - not a secret
    stop = asyncio.Event()

    async def write() -> None:
        for _ in range(40):
            ticket = at_random.choice(tickets)
            match at_random.randrange(4):
                case 0:
                    await world.service.change_status(
                        ticket.id, at_random.choice(list(Status)[:3]), by=ADMIN
                    )
                case 1:
                    await world.service.read(ticket.id, by=ADMIN)
                case 2:
                    await world.reply(ticket.id, Actor.user(ticket.user_id))
                case _:
                    tickets.append(await world.ticket(ticket.user_id))

    async def fold() -> None:
        while not stop.is_set():
            await world.database.fetch(FOLD)

    async def check() -> None:
        while not stop.is_set():
            await check_counts(world.database)

    background = [asyncio.create_task(work()) for work in (fold, fold, check)]
    await asyncio.gather(*(write() for _ in range(8)))
    stop.set()
    await asyncio.gather(*background)

    await world.database.fetch(FOLD)
    await check_counts(world.database)
    assert (await world.views.admin_stats()).total_count == len(tickets)


async def test_a_locked_slot_is_folded_the_next_time(
    world: PostgresWorld, database_url: str
) -> None:
    ticket = await world.ticket()
    await world.database.fetch(FOLD)
    other = await asyncpg.connect(database_url)
    transaction = other.transaction()
    await transaction.start()
    await other.execute("update tickets set status = 'closed' where id = $1", ticket.id)

    await world.database.fetch(FOLD)
    await check_counts(world.database)
    await transaction.commit()
    await other.close()

    await check_counts(world.database)
    await world.database.fetch(FOLD)
    assert await slots(world.database) == {0}
    await check_counts(world.database)


async def test_folding_does_not_wait_for_a_slot_that_a_writer_has_locked(
    world: PostgresWorld, database_url: str
) -> None:
    """A fold that waits for one writer would hold up those that need the slots it has locked."""
    first, second = await world.ticket(), await world.ticket()
    await world.database.fetch(FOLD)
    other = await asyncpg.connect(database_url)
    folder = await asyncpg.connect(database_url, server_settings={"lock_timeout": "1s"})
    change = "update tickets set status = 'closed' where id = $1"
    await other.execute(change, first.id)
    mine = await slots(world.database) - {0}
    transaction = other.transaction()
    await transaction.start()
    await other.execute(change, second.id)

    # a lock that is waited for is an error here
    assert await folder.fetchval(FOLD) == 0
    assert await slots(world.database) == {0} | mine

    await transaction.commit()
    assert await folder.fetchval(FOLD) > 0
    assert await slots(world.database) == {0}
    await check_counts(world.database)
    await folder.close()
    await other.close()


async def test_a_rolled_back_change_is_not_counted(world: PostgresWorld, database_url: str) -> None:
    ticket = await world.ticket()
    other = await asyncpg.connect(database_url)
    transaction = other.transaction()
    await transaction.start()
    await other.execute("delete from tickets where id = $1", ticket.id)
    await transaction.rollback()
    await other.close()

    await check_counts(world.database)
    assert (await world.views.admin_stats()).total_count == 1


async def test_changes_by_a_role_that_may_only_write_tickets_are_counted(
    world: PostgresWorld, database_url: str
) -> None:
    await world.ticket()
    admin = await asyncpg.connect(database_url)
    role = f"platform_{(await admin.fetchval('select current_database()'))}"
    await admin.execute(f"create role {role}")
    try:
        await admin.execute(f"grant select, update on tickets to {role}")
        await admin.execute(f"set role {role}; set search_path = pg_catalog")
        await admin.execute("update public.tickets set status = 'closed'")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await admin.execute("select total from public.ticket_counts")
    finally:
        await admin.execute("reset role; reset search_path")
        await admin.execute(f"drop owned by {role}; drop role {role}")
        await admin.close()

    await check_counts(world.database)
    assert (await world.views.admin_stats()).closed_count == 1
