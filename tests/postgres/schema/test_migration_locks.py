"""Concurrent migrations: one lock, time-outs, isolation levels, open transactions."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace

import pytest

from tests.postgres.schema.migrators import (
    APPLE,
    FRUIT,
    PEAR,
    Connection,
    queue_of_migrators,
)
from tests.postgres.waiting import MAX_WAIT, until_sql
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migration_lock import migration_lock
from tickets.adapters.postgres.schema.migrations import (
    Migration,
    Migrator,
    load_migrations,
)


async def set_on_database(url: str, setting: str, value: str) -> None:
    """Change a default of the database, as a platform may have done."""
    async with connected(url) as connection:
        name = await connection.fetchval("select current_database()")
        await connection.execute(f"alter database {name} set {setting} = '{value}'")


async def migrate_three_times_at_once(
    url: str, migrations: list[Migration], *, hold_lock_for: float = 0
) -> list[Migration]:
    """Run three migrators at once; return what they applied together."""

    async def start() -> list[Migration]:
        async with connected(url) as connection:
            return await Migrator(connection, migrations).apply()

    async with queue_of_migrators(url, 3):
        starts = [asyncio.create_task(start()) for _ in range(3)]
        await asyncio.sleep(hold_lock_for)
    return [migration for each in await asyncio.gather(*starts) for migration in each]


async def test_the_holder_of_the_lock_keeps_no_snapshot(
    connection: Connection,
) -> None:
    """A concurrent index build would wait for its end, which is the end of the migration."""
    async with migration_lock(connection):
        holder = await connection.fetchrow(
            """select state, backend_xmin
                 from pg_stat_activity
                where pid = (select pid from pg_locks
                              where locktype = 'advisory'
                                and database = (select oid from pg_database
                                                 where datname = current_database()))"""
        )

    assert tuple(holder) == ("idle in transaction", None)


async def test_four_concurrent_processes_apply_each_migration_once(
    empty_database_url: str,
) -> None:
    program = """if True:
        import asyncio, os
        from tickets.adapters.postgres.connection.connect import connected
        from tickets.adapters.postgres.schema.migrations import Migrator

        async def main():
            async with connected(os.environ["TICKETS_DATABASE_URL"]) as connection:
                for migration in await Migrator(connection).apply():
                    print(migration.title)

        asyncio.run(main())
    """
    environment = {
        **os.environ,
        "TICKETS_DATABASE_URL": empty_database_url,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    async with queue_of_migrators(empty_database_url, 4):
        processes = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", program),
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            for _ in range(4)
        ]

    outputs = [await process.communicate() for process in processes]

    assert [process.returncode for process in processes] == [0] * 4
    assert [stderr for _stdout, stderr in outputs] == [b""] * 4
    titles = b"".join(stdout for stdout, _stderr in outputs).decode().splitlines()
    assert sorted(titles) == [migration.title for migration in load_migrations()]


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_a_migrator_that_waited_sees_what_was_applied_at_any_isolation_level(
    empty_database_url: str, isolation: str
) -> None:
    await set_on_database(empty_database_url, "default_transaction_isolation", isolation)

    applied = await migrate_three_times_at_once(empty_database_url, [FRUIT, APPLE, PEAR])

    assert sorted(migration.number for migration in applied) == [9001, 9002, 9003]


async def test_time_outs_of_the_database_do_not_stop_a_migration(
    empty_database_url: str,
) -> None:
    for timeout in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        await set_on_database(empty_database_url, timeout, "500ms")
    slow = replace(APPLE, script=f"select pg_sleep(0.6); {APPLE.script}")

    applied = await migrate_three_times_at_once(
        empty_database_url, [FRUIT, slow, PEAR], hold_lock_for=0.6
    )

    assert sorted(migration.number for migration in applied) == [9001, 9002, 9003]


async def test_a_migration_waits_for_open_transactions_without_blocking_others(
    empty_database_url: str, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    colour = Migration(9002, "colour", "alter table fruit add column colour text;")
    await Migrator(connection, [FRUIT]).apply()
    async with connected(empty_database_url) as writer, connected(empty_database_url) as reader:
        async with writer.transaction():
            await writer.execute(APPLE.script)

            migrating = asyncio.create_task(Migrator(connection, [FRUIT, colour]).apply())
            await until_sql(
                reader,
                """exists (select from pg_locks
                            where relation = 'fruit'::regclass and not granted
                              and database = (select oid from pg_database
                                               where datname = current_database()))""",
            )
            async with asyncio.timeout(MAX_WAIT):
                fruit = await reader.fetch("select name from fruit")
            waited = not migrating.done()
            await writer.execute(PEAR.script)
        applied = await migrating

    assert applied == [colour]
    assert waited
    assert fruit == []
    assert await connection.fetchval("select count(*) from fruit where colour is null") == 2
    (warning,) = caplog.messages
    assert warning.startswith("migration is waiting for locks of other sessions")
