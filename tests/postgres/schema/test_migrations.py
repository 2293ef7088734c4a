"""Migrations: each is applied once; a database that does not fit is refused, unchanged."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from tests.postgres.schema.migrators import (
    APPLE,
    FRUIT,
    PEAR,
    Connection,
    as_recorded,
    recorded,
    tables,
)
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migrations import (
    Migration,
    MigrationError,
    Migrator,
    load_migrations,
)
from tickets.adapters.postgres.sql_loader import load_queries


async def test_an_empty_database_gets_every_migration_and_records_it(
    connection: Connection,
) -> None:
    applied = await Migrator(connection).apply()

    assert applied == load_migrations()
    assert await recorded(connection) == as_recorded(*load_migrations())
    assert {"users", "tickets", "ticket_messages", "ticket_tokens"} <= await tables(connection)


async def test_a_second_run_applies_nothing(connection: Connection) -> None:
    await Migrator(connection).apply()
    before = await connection.fetch("select * from ticket_migrations")

    assert await Migrator(connection).apply() == []

    assert await connection.fetch("select * from ticket_migrations") == before


async def test_an_up_to_date_database_is_only_read(connection: Connection) -> None:
    """So the service starts on a replica, and with a role that may not change the schema."""
    await Migrator(connection).apply()
    await connection.execute("set default_transaction_read_only = on")

    assert await Migrator(connection).apply() == []


async def test_due_changes_nothing(connection: Connection) -> None:
    migrator = Migrator(connection, [FRUIT, APPLE])

    assert await migrator.due() == [FRUIT, APPLE]
    assert await tables(connection) == set()

    await Migrator(connection, [FRUIT]).apply()
    assert await migrator.due() == [APPLE]
    assert await recorded(connection) == as_recorded(FRUIT)


async def test_a_database_with_an_unknown_migration_is_refused_and_the_migration_named(
    connection: Connection,
) -> None:
    await Migrator(connection, [FRUIT, APPLE]).apply()
    older = Migrator(connection, [FRUIT])

    for attempt in (older.due, older.apply):
        with pytest.raises(MigrationError, match="it has migration 9002_apple"):
            await attempt()

    assert await recorded(connection) == as_recorded(FRUIT, APPLE)


async def test_a_changed_file_of_an_applied_migration_is_refused_and_named(
    connection: Connection,
) -> None:
    await Migrator(connection, [FRUIT]).apply()
    changed = replace(FRUIT, script=f"{FRUIT.script} -- changed")
    migrator = Migrator(connection, [changed, APPLE])

    for attempt in (migrator.due, migrator.apply):
        with pytest.raises(MigrationError, match="9001_fruit is not the file that was applied"):
            await attempt()

    assert await connection.fetch("select name from fruit") == []


async def test_a_migration_with_a_lower_number_is_applied_later(connection: Connection) -> None:
    """As after a merge of another branch."""
    await Migrator(connection, [FRUIT, PEAR]).apply()

    applied = await Migrator(connection, [FRUIT, APPLE, PEAR]).apply()

    assert applied == [APPLE]
    assert await recorded(connection) == as_recorded(FRUIT, APPLE, PEAR)


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
async def test_a_failed_migration_changes_nothing(
    empty_database_url: str, connection: Connection, script: str, reason: str
) -> None:
    failing = Migration(9002, "broken", script)
    error = rf"9002_broken failed and changed nothing: .*{reason}"

    async with connected(empty_database_url) as other:
        with pytest.raises(MigrationError, match=error):
            await Migrator(other, [FRUIT, failing, PEAR]).apply()

    assert await recorded(connection) == as_recorded(FRUIT)
    assert "half" not in await tables(connection)
    assert await connection.fetch("select name from fruit") == []


async def test_a_corrected_migration_is_applied(connection: Connection) -> None:
    with pytest.raises(MigrationError):
        await Migrator(connection, [FRUIT, replace(APPLE, script="nonsense"), PEAR]).apply()

    applied = await Migrator(connection, [FRUIT, APPLE, PEAR]).apply()

    assert applied == [APPLE, PEAR]
    assert await recorded(connection) == as_recorded(FRUIT, APPLE, PEAR)


async def test_a_role_that_may_not_create_tables_gets_an_error(connection: Connection) -> None:
    await connection.execute("set role pg_monitor")  # any role without rights of its own

    with pytest.raises(MigrationError, match="permission denied for schema public"):
        await Migrator(connection).apply()

    await connection.execute("reset role")
    assert await tables(connection) == set()


async def test_a_role_that_may_not_read_the_migrations_table_gets_an_error(
    connection: Connection,
) -> None:
    await Migrator(connection, [FRUIT]).apply()
    await connection.execute("set role pg_monitor")

    with pytest.raises(MigrationError, match="permission denied for table ticket_migrations"):
        await Migrator(connection, [FRUIT]).due()


async def test_the_migrations_table_is_found_along_the_search_path(connection: Connection) -> None:
    await Migrator(connection, [FRUIT]).apply()
    await connection.execute("create schema nearer; set search_path to nearer, public")

    assert await Migrator(connection, [FRUIT, APPLE]).apply() == [APPLE]

    assert await tables(connection) == set()
    assert await recorded(connection) == as_recorded(FRUIT, APPLE)


async def test_tokens_from_before_migration_3_stay_valid_and_get_ids(
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
