"""The migration of the desk, killed at random points and resumed, while the old release writes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.postgres.schema.migrators import Connection, recorded
from tests.postgres.schema.test_desk_migration import BEFORE, START
from tests.postgres.schema.test_migration_interruptions import (
    BUILDS,
    a_migrating_process,
    an_old_snapshot,
)
from tests.postgres.verification.conftest import lines
from tests.postgres.waiting import until_sql
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migrations import Migrator, load_migrations
from tickets.adapters.postgres.sql_loader import sql_folder
from tickets.adapters.postgres.verification.verifier import Verifier

FOLDER = Path(str(sql_folder() / "migrations"))

TICKETS = 2200
"""Several batches."""

OLD_TICKETS = """
    insert into tickets (user_id, category, subject, created_at, updated_at)
    select 1, 'billing', n::text, $1, $1 from generate_series(1, $2::integer) as n
"""
# one to four messages in each, by whom the bits of the ticket's id say
OLD_MESSAGES = """
    insert into ticket_messages (ticket_id, sender_type, message, created_at)
    select t.id, case when (t.id >> n) % 2 = 0 then 'user' else 'admin' end, 'Hello ' || n,
           t.created_at + n * interval '1 hour'
      from tickets t
     cross join generate_series(0, 3) as n
     where n <= t.id % 4
     order by t.id, n
"""
WAITS = """exists (
    select from pg_stat_activity
     where wait_event_type = 'Lock' and datname = current_database()
)"""

# What each ticket must have, by its messages alone.
WRONG = """
    select t.id
      from tickets t
     cross join lateral (
               select (array_agg(sender_type order by ordinal desc))[1] as last_sender,
                      (array_agg(sender_type order by ordinal))[1] as opened_by,
                      min(created_at) filter (where sender_type = 'admin') as replied_at
                 from ticket_messages m
                where m.ticket_id = t.id
           ) as thread
     where t.last_sender is distinct from coalesce(thread.last_sender, 'user')
        or t.opened_by is distinct from coalesce(thread.opened_by, 'user')
        or t.first_replied_at is distinct from
           case when thread.opened_by = 'user' then thread.replied_at end
        or 1 <> (
               select count(*)
                 from ticket_events e
                where e.ticket_id = t.id
                  and e.kind = 'created'
                  and e.by = t.opened_by
                  and e.at = t.created_at
           )
"""


@pytest.fixture
async def old_tickets(connection: Connection) -> Connection:
    """Return a database as the release before left it, with many tickets."""
    await Migrator(connection, BEFORE).apply()
    await connection.execute("insert into users (email) values ('mara@example.com')")
    await connection.execute(OLD_TICKETS, START, TICKETS)
    await connection.execute(OLD_MESSAGES)
    return connection


async def write_as_the_old_release(connection: Connection, chance: random.Random) -> None:
    """Open a ticket, and reply to some others, as a program does that knows no new column."""
    await connection.execute(
        "insert into tickets (user_id, category, subject) values (1, 'other', 'meanwhile')"
    )
    for _ in range(20):
        await connection.execute(
            """insert into ticket_messages (ticket_id, sender_type, message)
               select id, $2, 'meanwhile' from tickets where id = $1""",
            chance.randint(1, TICKETS),
            chance.choice(["user", "admin"]),
        )


async def kill_where_it_waits(url: str, lock: str, *args: int) -> None:
    """Start the migration, and kill it once it waits for what this statement locks."""
    async with (
        connected(url) as holder,
        connected(url) as watcher,
        holder.transaction(),
        a_migrating_process(url, FOLDER) as process,
    ):
        await holder.fetch(lock, *args)
        await until_sql(watcher, WAITS)
        process.kill()
        await process.wait()
        # the server notices that its client is gone, or gives up waiting
        await until_sql(watcher, f"not {WAITS}")


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_rows_from_before_are_right_however_often_the_migration_is_killed(
    empty_database_url: str, old_tickets: Connection, seed: int
) -> None:
    url, chance = empty_database_url, random.Random(seed)  # noqa: S311 - reproducible
    one_row = "select id from tickets where id = $1 for update"
    points: list[tuple[str, *tuple[int, ...]]] = [
        # before the columns, before the first batch, and in batches, each later than the last
        (one_row, 1),
        ("lock table ticket_events in share mode",),
        *((one_row, stop) for stop in sorted(chance.sample(range(1, TICKETS + 1), 3))),
    ]
    for lock, *args in points:
        await kill_where_it_waits(url, lock, *args)
        await write_as_the_old_release(old_tickets, chance)
    async with an_old_snapshot(url):
        async with a_migrating_process(url, FOLDER):
            await until_sql(old_tickets, BUILDS)
        await until_sql(old_tickets, f"not {BUILDS}")
    await write_as_the_old_release(old_tickets, chance)

    applied = await Migrator(old_tickets, load_migrations()).apply()

    assert applied[0].number == BEFORE[-1].number + 1
    assert [number for number, _, _ in await recorded(old_tickets)] == [
        migration.number for migration in load_migrations()
    ]
    assert await old_tickets.fetch(WRONG) == []
    assert await old_tickets.fetchval("select count(*) from tickets") == TICKETS + len(points) + 1
    assert lines(await Verifier(old_tickets, repair=False).in_full()) == []
