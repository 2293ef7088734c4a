"""Interrupted migrations: a killed process, a dead client, a second instance, a pooler."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from tests.postgres.pgbouncer import pgbouncer
from tests.postgres.schema.migrators import Connection, recorded, until_migrators_poll
from tests.postgres.waiting import until_sql
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migrations import Migrator, load_migrations

FRUIT = "create table fruit (id serial primary key, name text); create table pace (seconds float);"

NUMBERED = """-- Numbers the fruit. Each step takes as long as the table `pace` says.
-- previous release: may serve

-- step: add_number
alter table fruit add column number integer;
alter table fruit add column first_run boolean not null default true;
select pg_sleep(seconds) from pace;

-- step: index_number, concurrently
create unique index concurrently fruit_by_number on fruit (number);

-- step: fill, in batches
with batch as (
    select id from fruit where id > :after order by id limit :size
), filled as (
    update fruit set number = coalesce(number, 0) + fruit.id from batch where fruit.id = batch.id
), slept as (
    select pg_sleep(seconds) from pace where :after > 0
)
select max(id)::bigint from batch where (select count(*) from slept) >= 0;

-- step: rest
select pg_sleep(seconds) from pace;
"""

PROGRAM = dedent("""
    import asyncio, os, sys
    from pathlib import Path
    from tickets.adapters.postgres.connection.connect import connected
    from tickets.adapters.postgres.schema.migrations import Migrator, load_migrations

    async def main():
        async with connected(os.environ["URL"]) as connection:
            await Migrator(connection, load_migrations(Path(sys.argv[1]))).apply()

    asyncio.run(main())
""")

SLEEPS = """exists (
    select from pg_stat_activity
     where state = 'active' and wait_event = 'PgSleep' and datname = current_database()
)"""
BUILDS = "exists (select from pg_stat_progress_create_index where datname = current_database())"
IS_VALID = "select indisvalid from pg_index where indexrelid = to_regclass('fruit_by_number')"


@pytest.fixture(params=["directly", "through pgbouncer"])
async def url(request: pytest.FixtureRequest, empty_database_url: str) -> AsyncIterator[str]:
    """Return the URL of this test's database: once its own, once that of PgBouncer."""
    if request.param == "directly":
        yield empty_database_url
    else:
        async with pgbouncer(empty_database_url) as url:
            yield url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two migrations, the second in steps."""
    (tmp_path / "0001_fruit.sql").write_text(FRUIT)
    (tmp_path / "0002_numbered.sql").write_text(NUMBERED)
    return tmp_path


@pytest.fixture
async def fruit(connection: Connection, folder: Path) -> Connection:
    """Return a connection to a database that has the first migration and many fruits."""
    await Migrator(connection, load_migrations(folder)[:1]).apply()
    await connection.execute(
        "insert into fruit (name) select 'fruit ' || n from generate_series(1, 1234) n"
    )
    return connection


@asynccontextmanager
async def a_migrating_process(url: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a process that migrates; kill it at the end of the block, unless it has ended."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, folder),
        env={**os.environ, "URL": url, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    yield process
    if process.returncode is None:
        process.kill()
        await process.wait()


@asynccontextmanager
async def an_old_snapshot(url: str) -> AsyncIterator[None]:
    """Hold a snapshot in the block: a concurrent index build waits for its end."""
    async with connected(url) as reader, reader.transaction(isolation="repeatable_read"):
        await reader.fetchval("select 1")
        yield


async def check_that_a_second_run_finishes(fruit: Connection, folder: Path) -> None:
    """Check it after a kill; the old code, which knows no number, writes before and after it."""
    await fruit.execute("insert into fruit (name) values ('meanwhile')")
    await fruit.execute("update fruit set name = 'renamed' where id = 1")
    await fruit.execute("delete from pace")

    applied = await Migrator(fruit, load_migrations(folder)).apply()

    assert [migration.number for migration in applied] == [2]
    await fruit.execute("insert into fruit (name) values ('afterwards')")
    assert [number for number, _, _ in await recorded(fruit)] == [1, 2]
    assert await fruit.fetchval("select count(*) from ticket_migration_steps") == 0
    assert await fruit.fetchval(IS_VALID)
    # no fruit was numbered twice, and none was left out
    wrong = "select id from fruit where number is distinct from id and name <> 'afterwards'"
    assert await fruit.fetch(wrong) == []
    assert await fruit.fetchval("select name from fruit where id = 1") == "renamed"


async def test_a_process_that_is_killed_in_a_transaction_leaves_the_step_to_the_next_run(
    url: str, fruit: Connection, folder: Path
) -> None:
    await fruit.execute("insert into pace values (600)")
    async with a_migrating_process(url, folder):
        await until_sql(fruit, SLEEPS)

    # the server has noticed that its client is gone; until then it would hold its locks
    await until_sql(fruit, f"not {SLEEPS}")
    await check_that_a_second_run_finishes(fruit, folder)


async def test_a_process_that_is_killed_in_a_batch_leaves_the_batches_before_it(
    url: str, empty_database_url: str, fruit: Connection, folder: Path
) -> None:
    async with a_migrating_process(url, folder):
        async with an_old_snapshot(empty_database_url):
            await until_sql(fruit, BUILDS)
            await fruit.execute("insert into pace values (600)")
        await until_sql(fruit, "exists (select from ticket_migration_steps where position = 500)")
        await until_sql(fruit, SLEEPS)

    await until_sql(fruit, f"not {SLEEPS}")
    assert await fruit.fetchval("select count(number) from fruit") == 500
    await check_that_a_second_run_finishes(fruit, folder)


async def test_a_process_that_is_killed_in_an_index_build_leaves_an_index_that_is_built_again(
    empty_database_url: str, fruit: Connection, folder: Path
) -> None:
    async with an_old_snapshot(empty_database_url):
        async with a_migrating_process(empty_database_url, folder):
            await until_sql(fruit, BUILDS)
        # the build waits for a transaction, without a time-out, until its client is gone
        await until_sql(fruit, f"not {BUILDS}")
        assert await fruit.fetchval(IS_VALID) is False

    await check_that_a_second_run_finishes(fruit, folder)


async def test_a_second_run_waits_while_the_server_still_builds_the_index_of_a_killed_one(
    empty_database_url: str, fruit: Connection, folder: Path
) -> None:
    """As behind PgBouncer, where the server does not look after its client outside transactions."""
    migrations = load_migrations(folder)
    async with connected(empty_database_url) as killed, connected(empty_database_url) as watcher:
        async with an_old_snapshot(empty_database_url):
            running = asyncio.create_task(Migrator(killed, migrations).apply())
            await until_sql(watcher, BUILDS)
            # its lock ends with its other connection; its build goes on
            await watcher.execute(
                """select pg_terminate_backend(pid) from pg_locks
                    where locktype = 'advisory' and granted
                      and database = (select oid from pg_database
                                      where datname = current_database())"""
            )
            second = asyncio.create_task(Migrator(fruit, migrations).apply())
            await until_sql(
                watcher,
                "exists (select from pg_stat_activity where query like '-- index_state%'"
                " and datname = current_database())",
            )
            assert not second.done()
        (first,) = await asyncio.gather(running, return_exceptions=True)
        applied = await second

    assert "holds the migration lock is lost" in str(first)
    assert [migration.number for migration in applied] == [2]
    assert await fruit.fetchval(IS_VALID)
    assert await fruit.fetch("select id from fruit where number is distinct from id") == []


async def test_a_second_instance_that_starts_during_a_migration_polls_and_neither_fails(
    url: str, empty_database_url: str, fruit: Connection, folder: Path
) -> None:
    """A session that waited for the lock would be waited for by the index build."""
    migrations = load_migrations(folder)
    async with connected(url) as one, connected(url) as two:
        async with an_old_snapshot(empty_database_url):
            first = asyncio.create_task(Migrator(one, migrations).apply())
            await until_sql(fruit, BUILDS)
            second = asyncio.create_task(Migrator(two, migrations).apply())
            await until_migrators_poll(empty_database_url, 1)
            assert not first.done()
            assert not second.done()
        applied = await asyncio.gather(first, second)

    assert [[migration.number for migration in each] for each in applied] == [[2], []]
    assert await fruit.fetch("select id from fruit where number is distinct from id") == []


async def test_a_process_that_is_killed_behind_pgbouncer_in_an_index_build(
    empty_database_url: str, fruit: Connection, folder: Path
) -> None:
    """The server does not notice it, so the second run waits until the index is built."""
    async with pgbouncer(empty_database_url) as url, connected(url) as connection:
        async with an_old_snapshot(empty_database_url):
            async with a_migrating_process(url, folder):
                await until_sql(fruit, BUILDS)
            second = asyncio.create_task(check_that_a_second_run_finishes(connection, folder))
            await until_sql(
                fruit,
                "exists (select from pg_stat_activity where query like '-- index_state%'"
                " and datname = current_database())",
            )
            assert await fruit.fetchval(f"select {BUILDS}")
        await second
