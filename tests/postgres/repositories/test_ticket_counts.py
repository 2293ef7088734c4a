"""The ticket counts that triggers maintain: always equal to a count of all tickets."""

from __future__ import annotations

import asyncio
import random

import asyncpg
import pytest

from tests.postgres.waiting import until_sql
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


async def test_truncating_tickets_empties_the_counts_while_they_are_folded(
    world: PostgresWorld, database_url: str
) -> None:
    """The folding job has moved the counts and not yet committed when the truncation starts."""
    await asyncio.gather(*(world.ticket() for _ in range(4)))
    folding = await asyncpg.connect(database_url)
    transaction = folding.transaction()
    await transaction.start()
    await folding.execute(FOLD)

    truncating = asyncio.create_task(world.database.fetch("truncate tickets cascade"))
    await until_sql(
        folding,
        """exists (select from pg_locks
                    where relation = 'ticket_counts'::regclass and not granted
                      and database = (select oid from pg_database
                                       where datname = current_database()))""",
    )
    await transaction.commit()
    await truncating
    await folding.close()

    assert await world.database.fetchval("select count(*) from ticket_counts") == 0


async def test_truncating_tickets_at_repeatable_read_empties_the_counts(
    world: PostgresWorld, database_url: str
) -> None:
    """Including what was committed after the snapshot of the transaction."""
    await world.ticket()
    other = await asyncpg.connect(database_url)
    async with other.transaction(isolation="repeatable_read"):
        assert await other.fetchval("select sum(total) from ticket_counts") == 1
        await world.ticket()
        await world.database.fetch(FOLD)
        await other.execute("truncate tickets cascade")
    await other.close()

    assert await world.database.fetchval("select count(*) from ticket_counts") == 0
    await world.ticket()
    await check_counts(world.database)


MANY_TICKETS = """
    insert into tickets (user_id, category, subject, status)
    select 1, 'billing', 'x', (array['open', 'closed'])[1 + n % 2] from generate_series(1, 500) n
"""
MANY_MESSAGES = """
    insert into ticket_messages (ticket_id, sender_type, message)
    select id, 'user', 'x' from tickets cross join generate_series(1, 4)
"""


async def test_a_statement_over_many_rows_writes_each_counter_and_each_ticket_once(
    world: PostgresWorld, database_url: str
) -> None:
    """One write for each row would take quadratic time: each passes by all earlier versions."""
    await world.user()
    connection = await asyncpg.connect(database_url)

    async def written(statement: str) -> dict[str, int]:
        """Return the rows that the statement inserts, updates and deletes, by table."""
        async with connection.transaction():
            await connection.execute("set local track_functions = 'all'")
            before = dict(await connection.fetch(ROWS_WRITTEN))
            await connection.execute(statement)
            after = dict(await connection.fetch(ROWS_WRITTEN))
        await check_counts(world.database)
        return {name: rows - before.get(name, 0) for name, rows in after.items()}

    inserted = await written(MANY_TICKETS)
    messages = await written(MANY_MESSAGES)
    long_thread = await written(
        """insert into ticket_messages (ticket_id, sender_type, message)
           select (select min(id) from tickets), 'user', 'x' from generate_series(1, 1000)"""
    )
    updated = await written("update tickets set status = 'resolved'")
    deleted = await written("delete from tickets")
    await connection.close()

    assert inserted["ticket_counts"] == 2
    assert (messages["tickets"], messages["ticket_messages"]) == (500, 2 * 2000)
    assert (long_thread["tickets"], long_thread["ticket_messages"]) == (1, 2 * 1000)
    assert updated["ticket_counts"] == 3
    assert deleted["ticket_counts"] == 1
    # not for each ticket whose messages are deleted with it
    assert deleted["ticket_messages_disappear()"] == 1


ROWS_WRITTEN = """
    select relname::text, n_tup_ins + n_tup_upd + n_tup_del from pg_stat_xact_user_tables
     union all
    select funcname || '()', calls from pg_stat_xact_user_functions
"""


async def test_a_nested_update_of_a_platforms_trigger_is_counted_once(
    world: PostgresWorld,
) -> None:
    """Both statements are counted, and neither is taken for the other."""
    for _ in range(6):
        await world.ticket()
    await world.database.fetch(
        """create function follow_the_leader() returns trigger language plpgsql as $$
           begin
               update tickets set status = new.status, admin_unread = not admin_unread
                where id = new.id + 1 and status <> new.status;
               return null;
           end $$"""
    )
    for name in ("a_leader", "z_leader"):
        await world.database.fetch(
            f"""create trigger {name} after update on tickets for each row
                execute function follow_the_leader()"""
        )

    for statement in (
        "update tickets set status = 'resolved' where id = 1",
        "update tickets set status = 'closed', category = 'other' where id in (2, 4)",
        "update tickets set admin_unread = not admin_unread",
    ):
        await world.database.fetch(statement)
        await check_counts(world.database)


async def test_rows_without_a_change_before_rows_with_one_are_no_obstacle(
    world: PostgresWorld,
) -> None:
    for _ in range(6):
        await world.ticket()
    await world.database.fetch("update tickets set status = 'closed' where id <= 3")

    await world.database.fetch("update tickets set status = 'closed'")

    await check_counts(world.database)
    assert (await world.views.admin_stats()).closed_count == 6
