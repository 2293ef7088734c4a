"""Migrations: each once, whoever starts when; a database that does not fit is left alone and told why."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

import asyncpg
import pytest

from tests.postgres.waiting import MAX_WAIT, until_sql
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migrations import (
    Migration,
    MigrationError,
    Migrator,
    load_migrations,
)
from tickets.adapters.postgres.sql_loader import load_queries

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

FRUIT = Migration(9001, "fruit", "create table fruit (name text primary key);")
APPLE = Migration(9002, "apple", "insert into fruit (name) values ('apple');")
PEAR = Migration(9003, "pear", "insert into fruit (name) values ('pear');")


@pytest.fixture
async def connection(empty_database_url: str) -> AsyncIterator[Connection]:
    """Return a connection to a database with nothing in it."""
    async with connected(empty_database_url) as connection:
        yield connection


@asynccontextmanager
async def queue_of_migrators(url: str, length: int) -> AsyncIterator[None]:
    """Hold what migrators wait for in the block, and let them go all at once when this many wait."""
    async with connected(url) as gate, gate.transaction():
        await gate.execute(load_queries("migrations")["disable_timeouts"].sql)
        await gate.execute(load_queries("migrations")["lock_migrations"].sql)
        yield
        await until_sql(
            gate,
            f"""
            count(*) = {length}
              from pg_locks
              join pg_database on pg_database.oid = pg_locks.database
             where datname = current_database() and locktype = 'advisory' and not granted
            """,
        )


async def tables(connection: Connection) -> set[str]:
    rows = await connection.fetch(
        "select relname from pg_class where relnamespace = current_schema::regnamespace"
    )
    return {row["relname"] for row in rows}


async def record(connection: Connection) -> list[tuple[int, str, str]]:
    rows = await connection.fetch(
        "select number, name, checksum from ticket_migrations order by number"
    )
    return [tuple(row) for row in rows]


def as_recorded(*migrations: Migration) -> list[tuple[int, str, str]]:
    return [(m.number, m.name, m.checksum) for m in migrations]


async def test_an_empty_database_gets_everything_and_a_record_of_it(connection: Connection) -> None:
    applied = await Migrator(connection).apply()

    assert applied == load_migrations()
    assert await record(connection) == as_recorded(*load_migrations())
    assert {"users", "tickets", "ticket_messages", "ticket_tokens"} <= await tables(connection)


async def test_the_second_run_applies_nothing(connection: Connection) -> None:
    await Migrator(connection).apply()
    before = await connection.fetch("select * from ticket_migrations")

    assert await Migrator(connection).apply() == []

    assert await connection.fetch("select * from ticket_migrations") == before


async def test_a_database_that_is_up_to_date_is_only_read(connection: Connection) -> None:
    """So that a role without rights to the schema can start the service, and so can a replica."""
    await Migrator(connection).apply()
    await connection.execute("set default_transaction_read_only = on")

    assert await Migrator(connection).apply() == []


async def test_asking_what_is_due_changes_nothing(connection: Connection) -> None:
    migrator = Migrator(connection, [FRUIT, APPLE])

    assert await migrator.due() == [FRUIT, APPLE]
    assert await tables(connection) == set()

    await Migrator(connection, [FRUIT]).apply()
    assert await migrator.due() == [APPLE]
    assert await record(connection) == as_recorded(FRUIT)


async def test_four_processes_on_an_empty_database_apply_each_migration_once(
    empty_database_url: str,
) -> None:
    program = """if True:
        import asyncio, asyncpg, os
        from tickets.adapters.postgres.schema.migrations import Migrator

        async def main():
            connection = await asyncpg.connect(os.environ["TICKETS_DATABASE_URL"])
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

    said = [await process.communicate() for process in processes]

    assert [process.returncode for process in processes] == [0] * 4
    assert [complaint for _out, complaint in said] == [b""] * 4
    titles = b"".join(out for out, _complaint in said).decode().splitlines()
    assert sorted(titles) == [migration.title for migration in load_migrations()]


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_who_waited_sees_what_was_applied_meanwhile_at_any_isolation(
    empty_database_url: str, isolation: str
) -> None:
    await give_database(empty_database_url, "default_transaction_isolation", isolation)

    applied = await three_at_once(empty_database_url, [FRUIT, APPLE, PEAR])

    assert sorted(migration.number for migration in applied) == [9001, 9002, 9003]


async def test_timeouts_that_are_meant_for_requests_do_not_stop_a_migration(
    empty_database_url: str,
) -> None:
    for timeout in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        await give_database(empty_database_url, timeout, "500ms")
    slow = replace(APPLE, script=f"select pg_sleep(0.6); {APPLE.script}")

    applied = await three_at_once(empty_database_url, [FRUIT, slow, PEAR], gate_shut_for=0.6)

    assert sorted(migration.number for migration in applied) == [9001, 9002, 9003]


async def give_database(url: str, setting: str, value: str) -> None:
    """Make this the default of the database, as a platform may have done."""
    async with connected(url) as connection:
        name = await connection.fetchval("select current_database()")
        await connection.execute(f"alter database {name} set {setting} = '{value}'")


async def three_at_once(
    url: str, migrations: list[Migration], *, gate_shut_for: float = 0
) -> list[Migration]:
    """Let three migrators wait for their turn, and return what they applied together."""

    async def start() -> list[Migration]:
        async with connected(url) as connection:
            return await Migrator(connection, migrations).apply()

    async with queue_of_migrators(url, 3):
        starts = [asyncio.create_task(start()) for _ in range(3)]
        await asyncio.sleep(gate_shut_for)
    return [migration for each in await asyncio.gather(*starts) for migration in each]


async def test_a_database_that_is_newer_is_refused_by_the_name_of_what_it_has(
    connection: Connection,
) -> None:
    await Migrator(connection, [FRUIT, APPLE]).apply()
    older = Migrator(connection, [FRUIT])

    for attempt in (older.due, older.apply):
        with pytest.raises(MigrationError, match="it has migration 9002_apple"):
            await attempt()

    assert await record(connection) == as_recorded(FRUIT, APPLE)


async def test_a_file_that_was_changed_is_refused_by_name(connection: Connection) -> None:
    await Migrator(connection, [FRUIT]).apply()
    changed = replace(FRUIT, script=f"{FRUIT.script} -- with an afterthought")
    migrator = Migrator(connection, [changed, APPLE])

    for attempt in (migrator.due, migrator.apply):
        with pytest.raises(MigrationError, match="9001_fruit is not the file that was applied"):
            await attempt()

    assert await connection.fetch("select name from fruit") == []


async def test_line_endings_of_another_system_are_no_change(
    connection: Connection, tmp_path: Path
) -> None:
    await Migrator(connection).apply()
    for migration in load_migrations():
        text = migration.script.replace("\n", "\r\n")
        (tmp_path / f"{migration.title}.sql").write_bytes(text.encode())
    as_read = load_migrations(tmp_path)
    as_it_is = [replace(m, script=m.script.replace("\n", "\r\n")) for m in load_migrations()]

    assert await Migrator(connection, as_read).due() == []
    assert await Migrator(connection, as_it_is).due() == []


async def test_a_hole_is_filled(connection: Connection) -> None:
    """As after a merge: somebody else's migration with a lower number comes later."""
    await Migrator(connection, [FRUIT, PEAR]).apply()

    applied = await Migrator(connection, [FRUIT, APPLE, PEAR]).apply()

    assert applied == [APPLE]
    assert await record(connection) == as_recorded(FRUIT, APPLE, PEAR)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "create table half (a int); insert into fruit (name) values ('apple'), (null);",
            "not-null",
        ),
        ("create table half (a int); select 1 / 0;", "division by zero"),
        ("create table half (a int); creat table typo ();", "syntax error"),
        ("create table half (a int); create table fruit (a int);", "already exists"),
        (
            "create table half (a int); select pg_terminate_backend(pg_backend_pid());",
            "terminating",
        ),
    ],
)
async def test_a_migration_that_fails_leaves_nothing_behind(
    empty_database_url: str, connection: Connection, script: str, reason: str
) -> None:
    failing = Migration(9002, "broken", script)
    complaint = rf"9002_broken failed and changed nothing: .*{reason}"

    async with connected(empty_database_url) as other:
        with pytest.raises(MigrationError, match=complaint):
            await Migrator(other, [FRUIT, failing, PEAR]).apply()

    assert await record(connection) == as_recorded(FRUIT)
    assert "half" not in await tables(connection)
    assert await connection.fetch("select name from fruit") == []


async def test_a_migration_that_was_put_right_is_applied(connection: Connection) -> None:
    with pytest.raises(MigrationError):
        await Migrator(connection, [FRUIT, replace(APPLE, script="nonsense"), PEAR]).apply()

    applied = await Migrator(connection, [FRUIT, APPLE, PEAR]).apply()

    assert applied == [APPLE, PEAR]
    assert await record(connection) == as_recorded(FRUIT, APPLE, PEAR)


async def test_a_role_that_may_not_make_tables_is_told_so(connection: Connection) -> None:
    await connection.execute("set role pg_monitor")  # any role without rights of its own

    with pytest.raises(MigrationError, match="permission denied for schema public"):
        await Migrator(connection).apply()

    await connection.execute("reset role")
    assert await tables(connection) == set()


async def test_a_role_that_may_not_read_the_record_is_told_so(connection: Connection) -> None:
    await Migrator(connection, [FRUIT]).apply()
    await connection.execute("set role pg_monitor")

    with pytest.raises(MigrationError, match="permission denied for table ticket_migrations"):
        await Migrator(connection, [FRUIT]).due()


async def test_the_record_is_found_along_the_search_path(connection: Connection) -> None:
    await Migrator(connection, [FRUIT]).apply()
    await connection.execute("create schema nearer; set search_path to nearer, public")

    assert await Migrator(connection, [FRUIT, APPLE]).apply() == [APPLE]

    assert await tables(connection) == set()
    assert await record(connection) == as_recorded(FRUIT, APPLE)


async def test_a_migration_waits_for_whoever_uses_its_table_and_lets_others_use_it_meanwhile(
    empty_database_url: str, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    colour = Migration(9002, "colour", "alter table fruit add column colour text;")
    await Migrator(connection, [FRUIT]).apply()
    async with connected(empty_database_url) as user, connected(empty_database_url) as passer_by:
        async with user.transaction():
            await user.execute(APPLE.script)

            migrating = asyncio.create_task(Migrator(connection, [FRUIT, colour]).apply())
            await until_sql(
                passer_by,
                "exists (select from pg_locks where relation = 'fruit'::regclass and not granted)",
            )
            async with asyncio.timeout(MAX_WAIT):
                fruit = await passer_by.fetch("select name from fruit")
            waited = not migrating.done()
            await user.execute(PEAR.script)
        applied = await migrating

    assert applied == [colour]
    assert waited
    assert fruit == []
    assert await connection.fetchval("select count(*) from fruit where colour is null") == 2
    (warning,) = caplog.messages
    assert warning.startswith("migration is waiting for locks of other sessions")


def test_copies_that_editors_leave_are_no_migrations(tmp_path: Path) -> None:
    for name in ("0001_first.sql", "0001_first.sql~", "0001_first.sql.orig", ".0002_second.sql"):
        (tmp_path / name).write_text("select 1;")

    assert load_migrations(tmp_path) == [Migration(1, "first", "select 1;")]


def test_an_sql_file_without_a_number_is_refused_by_name(tmp_path: Path) -> None:
    """Rather than being left out in silence."""
    (tmp_path / "2_second.sql").write_text("select 1;")

    with pytest.raises(MigrationError, match=r"2_second\.sql must be named like 0001"):
        load_migrations(tmp_path)


def test_two_migrations_of_one_number_are_refused_by_name(tmp_path: Path) -> None:
    for name in ("0001_first.sql", "0002_mine.sql", "0002_yours.sql"):
        (tmp_path / name).write_text("select 1;")

    with pytest.raises(MigrationError, match="0002_mine and 0002_yours have the same number"):
        load_migrations(tmp_path)


def test_the_numbers_of_this_version_are_without_a_hole() -> None:
    numbers = [migration.number for migration in load_migrations()]

    assert numbers == list(range(1, len(numbers) + 1))


async def test_tokens_from_before_they_had_ids_go_on_signing_in_and_can_be_told_apart(
    connection: Connection,
) -> None:
    before = [migration for migration in load_migrations() if migration.number < 3]
    await Migrator(connection, before).apply()
    await connection.execute("insert into users (email) values ('mara@example.com')")
    for letter in ("a", "b"):
        await connection.execute(
            """insert into ticket_tokens (token_sha256, user_id, expires_at)
               values (sha256($1::text::bytea), 1, now() + interval '1 hour')""",
            letter,
        )

    await Migrator(connection).apply()

    identity = load_queries("identity_tokens")["user_by_token_sha256"].sql
    for letter in ("a", "b"):
        assert await connection.fetchval(identity, sha256(letter.encode()).digest()) == 1
    rows = await connection.fetch(*load_queries("token_admin")["list_tokens"].bind(user_id=1))
    assert sorted(row["id"] for row in rows) == [1, 2]
