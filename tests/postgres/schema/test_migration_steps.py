"""Migrations in steps: each is recorded, and a second run resumes after the last one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from textwrap import dedent
from typing import cast

import asyncpg
import pytest

from tests.postgres.schema.migrators import (
    FRUIT,
    Connection,
    as_recorded,
    queue_of_migrators,
    recorded,
    until_migrators_poll,
)
from tests.postgres.waiting import MAX_WAIT, until_sql
from tickets.adapters.postgres.connection.connect import CommandConnection, connected
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.schema.migration_lock import MigrationLock
from tickets.adapters.postgres.schema.migrations import (
    Migration,
    MigrationError,
    Migrator,
)
from tickets.adapters.postgres.schema.store_health import PostgresHealth
from tickets.domain.errors import StoreUnavailable

NUMBERED = Migration(
    9002,
    "numbered",
    """-- Numbers the fruit.
-- previous release: may serve

-- step: add_number
alter table fruit add column id integer generated always as identity;
alter table fruit add column number integer;

-- step: index_number, concurrently
-- Finds a fruit by its number.
create unique index concurrently fruit_by_number on fruit (number);

-- step: fill, in batches
with batch as (
    select id from fruit where id > :after order by id limit :size
), filled as (
    update fruit set number = fruit.id from batch where fruit.id = batch.id
)
select max(id)::bigint from batch;

-- step: require_number
alter table fruit alter column number set not null;
""",
)
MANY = "insert into fruit (name) select 'fruit ' || n from generate_series(1, 1234) n"


async def steps_of(connection: Connection) -> dict[str, tuple[int | None, bool]]:
    rows = await connection.fetch(
        "select step, position, finished_at is not null as done from ticket_migration_steps"
    )
    return {row["step"]: (row["position"], row["done"]) for row in rows}


@pytest.fixture
async def fruit(connection: Connection) -> Connection:
    """Return a connection to a database with many fruits."""
    await Migrator(connection, [FRUIT]).apply()
    await connection.execute(MANY)
    return connection


async def test_every_kind_of_step_runs_and_the_migration_is_recorded(fruit: Connection) -> None:
    applied = await Migrator(fruit, [FRUIT, NUMBERED]).apply()

    assert applied == [NUMBERED]
    assert await fruit.fetchval("select count(distinct number) from fruit") == 1234
    assert await fruit.fetchval(
        "select indisvalid from pg_index where indexrelid = 'fruit_by_number'::regclass"
    )
    assert await recorded(fruit) == as_recorded(FRUIT, NUMBERED)
    assert await steps_of(fruit) == {}
    assert await Migrator(fruit, [FRUIT, NUMBERED]).apply() == []


async def migrate_until_it_fails(connection: Connection) -> str:
    with pytest.raises(MigrationError) as error:
        await Migrator(connection, [FRUIT, NUMBERED]).apply()
    return str(error.value)


async def test_a_step_that_fails_changes_nothing_and_the_next_run_resumes_at_it(
    fruit: Connection,
) -> None:
    await fruit.execute("alter table fruit add column number text")

    message = await migrate_until_it_fails(fruit)

    assert "9002_numbered failed in step add_number" in message
    assert "already exists" in message
    assert await steps_of(fruit) == {}
    assert await recorded(fruit) == as_recorded(FRUIT)
    columns = "select count(*) from pg_attribute where attrelid = 'fruit'::regclass and attnum > 0"
    assert await fruit.fetchval(columns) == 2

    await fruit.execute("alter table fruit drop column number")
    assert await Migrator(fruit, [FRUIT, NUMBERED]).apply() == [NUMBERED]


async def test_a_finished_step_never_runs_again(fruit: Connection) -> None:
    await fruit.execute("create index fruit_by_number on fruit (name)")
    message = await migrate_until_it_fails(fruit)
    assert "there is one of this name already" in message
    assert await steps_of(fruit) == {"add_number": (None, True)}
    half_done = await Migrator(fruit, [FRUIT, NUMBERED]).half_done()
    assert half_done is not None
    assert [step.name for step in half_done.remaining] == ["index_number", "fill", "require_number"]

    await fruit.execute("drop index fruit_by_number")
    # the first step would fail if it ran a second time
    assert await Migrator(fruit, [FRUIT, NUMBERED]).apply() == [NUMBERED]
    assert await Migrator(fruit, [FRUIT, NUMBERED]).half_done() is None


async def test_batches_resume_after_the_last_one_that_was_committed(fruit: Connection) -> None:
    await fruit.execute(
        """create function refuse() returns trigger language plpgsql as
           $$ begin raise 'not this one'; end $$;
           create trigger refuse before update on fruit for each row
               when (old.name = 'fruit 1100') execute function refuse()"""
    )

    message = await migrate_until_it_fails(fruit)

    assert "failed in step fill: not this one" in message
    assert (await steps_of(fruit))["fill"] == (1000, False)
    assert await fruit.fetchval("select count(number) from fruit") == 1000
    await fruit.execute("drop trigger refuse on fruit")
    await fruit.execute("update fruit set number = null where id <= 1000")
    message = await migrate_until_it_fails(fruit)
    assert "contains null values" in message
    assert await fruit.fetchval("select count(number) from fruit") == 234


async def test_an_invalid_index_of_an_interrupted_build_is_built_again(fruit: Connection) -> None:
    """The first run fails since the numbers are not unique yet, which leaves an invalid index."""
    twice = replace(
        NUMBERED,
        script=NUMBERED.script.replace("number integer;", "number integer default 7;"),
    )
    with pytest.raises(MigrationError, match="could not create unique index"):
        await Migrator(fruit, [FRUIT, twice]).apply()
    valid = "select indisvalid from pg_index where indexrelid = 'fruit_by_number'::regclass"
    assert await fruit.fetchval(valid) is False

    await fruit.execute("update fruit set number = null")
    assert await Migrator(fruit, [FRUIT, twice]).apply() == [twice]

    assert await fruit.fetchval(valid) is True


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("where id > :after", "where id >= :after"), "its text has changed"),
        (("step: add_number", "step: add_id"), "it has no step add_number, which was begun"),
    ],
)
async def test_a_half_done_migration_is_only_resumed_with_the_file_that_began_it(
    fruit: Connection, change: tuple[str, str], reason: str
) -> None:
    await fruit.execute("create index fruit_by_number on fruit (name)")
    await migrate_until_it_fails(fruit)
    await fruit.execute("drop index fruit_by_number")
    changed = replace(NUMBERED, script=NUMBERED.script.replace(*change))

    for attempt in (
        Migrator(fruit, [FRUIT, changed]).due,
        Migrator(fruit, [FRUIT, changed]).half_done,
        Migrator(fruit, [FRUIT, changed]).apply,
    ):
        with pytest.raises(MigrationError, match="9002_numbered is half done") as error:
            await attempt()
        assert reason in str(error.value)

    assert await steps_of(fruit) == {"add_number": (None, True)}


async def test_a_release_that_does_not_know_a_half_done_migration_starts(
    fruit: Connection,
) -> None:
    """As the previous release does, whose process ends and is started again meanwhile."""
    await fruit.execute("create index fruit_by_number on fruit (name)")
    await migrate_until_it_fails(fruit)

    assert await Migrator(fruit, [FRUIT]).apply() == []


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (
            "select 7::bigint where :after::bigint + :size < 0",
            "must return one row with one column",
        ),
        ("select 1::bigint, :after::bigint + :size", "must return one row with one column"),
        ("select :after::bigint where :size > 0", "does not advance: it returned 0 after 0"),
    ],
)
async def test_a_batch_that_would_never_end_is_an_error(
    fruit: Connection, statement: str, reason: str
) -> None:
    endless = Migration(9002, "endless", f"-- step: fill, in batches\n{statement};")

    with pytest.raises(MigrationError, match="fill of 9002_endless") as error:
        await Migrator(fruit, [FRUIT, endless]).apply()

    assert reason in str(error.value)


async def test_a_half_done_migration_is_not_ready(database: Database) -> None:
    """It is not recorded as applied, so a release that needs it sends no traffic yet."""
    await PostgresHealth(database).ready()
    newest = await database.fetchval("select max(number) from ticket_migrations")
    await database.fetch(
        """insert into ticket_migration_steps (migration, step, checksum, finished_at)
           select number, 'first', checksum, now() from ticket_migrations where number = $1""",
        newest,
    )
    await database.fetch("delete from ticket_migrations where number = $1", newest)

    with pytest.raises(StoreUnavailable):
        await PostgresHealth(database).ready()


async def test_time_outs_of_the_session_are_off_in_each_step_and_back_afterwards(
    fruit: Connection,
) -> None:
    await fruit.execute("set statement_timeout = '100ms'; set lock_timeout = '100ms'")
    slow = Migration(
        9002,
        "slow",
        dedent("""\
        -- step: create
        create function slowly(name text) returns text language plpgsql immutable as
        $$ begin perform pg_sleep(0.2); return name; end $$;
        create table few as select name from fruit limit 2;
        -- step: index, concurrently
        create index concurrently few_slowly on few (slowly(name));
        -- step: fill, in batches
        select null::bigint from (select pg_sleep(0.2), :after::bigint, :size::integer) slept;
        -- step: rest
        select pg_sleep(0.2);
        """),
    )

    assert await Migrator(fruit, [FRUIT, slow]).apply() == [slow]

    assert await fruit.fetchval("show statement_timeout") == "100ms"
    assert await fruit.fetchval("show lock_timeout") == "100ms"
    assert await fruit.fetchval("show client_connection_check_interval") == "0"


async def test_a_step_waits_for_a_lock_of_somebody_else_without_blocking_others(
    empty_database_url: str, fruit: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(empty_database_url) as writer, connected(empty_database_url) as other:
        async with writer.transaction():
            await writer.execute("insert into fruit (name) values ('apple')")
            migrating = asyncio.create_task(Migrator(fruit, [FRUIT, NUMBERED]).apply())
            # twice: the step gives up, and tries again
            for granted in ("not granted", "granted", "not granted"):
                some = "exists" if granted == "not granted" else "not exists"
                await until_sql(
                    other,
                    f"""{some} (select from pg_locks
                                 where relation = 'fruit'::regclass and not granted)""",
                )
                async with asyncio.timeout(MAX_WAIT):
                    await other.execute(
                        "insert into fruit (name) select 'pear ' || count(*) from fruit"
                    )
            assert not migrating.done()
        assert await migrating == [NUMBERED]

    assert caplog.messages[0].startswith("migration is waiting for locks of other sessions")
    assert await fruit.fetchval("select count(*) from fruit where number is null") == 0


async def test_a_step_that_runs_after_the_lock_was_lost_does_not_begin(
    fruit: Connection,
) -> None:
    """Another process may migrate by then."""
    await fruit.execute(
        """create function kill_holder() returns trigger language plpgsql as $$ begin
               perform pg_terminate_backend(pid) from pg_locks
                 where locktype = 'advisory'
                   and database = (select oid from pg_database
                                   where datname = current_database());
               return null;
           end $$;
           create trigger kill_holder after update on fruit
               for each statement execute function kill_holder()"""
    )

    message = await migrate_until_it_fails(fruit)

    assert "The connection that holds the migration lock is lost" in message
    assert (await steps_of(fruit))["fill"] == (500, False)
    await fruit.execute("drop trigger kill_holder on fruit")
    assert await Migrator(fruit, [FRUIT, NUMBERED]).apply() == [NUMBERED]


class Confused:
    """A connection whose server has gone: the driver took its last message for a response."""

    async def execute(self, *_arguments: object, **_options: object) -> str:
        message = "cannot switch to state 15; another operation (2) is in progress"
        raise asyncpg.InternalClientError(message)


async def test_a_lock_whose_connection_the_driver_has_lost_track_of_is_lost() -> None:
    with pytest.raises(MigrationError, match="holds the migration lock is lost"):
        await MigrationLock(cast("CommandConnection", Confused())).check()


async def test_a_lost_connection_is_an_error_while_waiting_for_the_lock_and_between_steps(
    empty_database_url: str, fruit: Connection
) -> None:
    kill = """
        select count(pg_terminate_backend(pid)) from pg_stat_activity
         where datname = current_database() and state = 'idle' and query ilike 'commit%'
    """
    async with queue_of_migrators(empty_database_url, 1):
        waiting = asyncio.create_task(Migrator(fruit, [FRUIT, NUMBERED]).apply())
        await until_migrators_poll(empty_database_url, 1)
        async with connected(empty_database_url) as other:
            assert await other.fetchval(kill) == 1
        with pytest.raises(MigrationError, match="Migrating failed: "):
            await waiting
        # what the block waits for at its end
        waiting = asyncio.create_task(Migrator(fruit, [FRUIT, NUMBERED]).apply())
    assert await waiting == [NUMBERED]

    more = Migration(9003, "more", "-- step: last\nselect pg_terminate_backend(pg_backend_pid());")
    async with connected(empty_database_url) as other:
        with pytest.raises(MigrationError, match="9003_more failed in step last"):
            await Migrator(other, [FRUIT, NUMBERED, more]).apply()
