"""The migration of the desk: rows from before, and programs that know nothing of its tables."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.postgres.schema.migrators import Connection
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migration_files import MigrationError, load_migrations
from tickets.adapters.postgres.schema.migrations import Migrator

DESK = 11
BEFORE = [migration for migration in load_migrations() if migration.number < DESK]
START = datetime(2025, 3, 4, 5, 6, tzinfo=UTC)

# A ticket for each of these threads, whose messages are an hour apart.
THREADS = ("u", "a", "uua", "uaua", "uauu", "aua", "")


@pytest.fixture
async def old_desk(connection: Connection) -> Connection:
    """Return a database as the release before left it, with tickets."""
    await Migrator(connection, BEFORE).apply()
    await connection.execute("insert into users (email) values ('mara@example.com')")
    for thread in THREADS:
        ticket_id = await connection.fetchval(
            """insert into tickets (user_id, category, subject, created_at, updated_at)
               values (1, 'billing', $1, $2, $2) returning id""",
            *(thread, START),
        )
        for n, sender in enumerate(thread):
            await connection.execute(
                """insert into ticket_messages (ticket_id, sender_type, message, created_at)
                   values ($1, $2, 'Hello', $3)""",
                ticket_id,
                "user" if sender == "u" else "admin",
                START + n * timedelta(hours=1),
            )
    return connection


async def test_rows_from_before_get_senders_first_reply_and_a_first_event(
    old_desk: Connection,
) -> None:
    before = await old_desk.fetch("select id, updated_at, status from tickets order by id")

    await Migrator(old_desk).apply()

    rows = await old_desk.fetch(
        """select subject, last_sender, opened_by, first_replied_at, resolved_at
             from tickets order by id"""
    )
    assert [tuple(row) for row in rows] == [
        ("u", "user", "user", None, None),
        ("a", "admin", "admin", None, None),
        ("uua", "admin", "user", START + timedelta(hours=2), None),
        ("uaua", "admin", "user", START + timedelta(hours=1), None),
        ("uauu", "user", "user", START + timedelta(hours=1), None),
        ("aua", "admin", "admin", None, None),
        ("", "user", "user", None, None),
    ]
    assert await old_desk.fetch("select id, updated_at, status from tickets order by id") == before
    events = await old_desk.fetch("select ticket_id, kind, by, at from ticket_events order by id")
    assert [tuple(row) for row in events] == [
        (n, "created", "admin" if thread.startswith("a") else "user", START)
        for n, thread in enumerate(THREADS, start=1)
    ]


async def test_a_trigger_of_the_platform_does_not_see_the_migration(old_desk: Connection) -> None:
    await old_desk.execute(
        """create function stamp() returns trigger language plpgsql as
               'begin new.updated_at := now(); return new; end';
           create trigger stamp before update on tickets for each row execute function stamp()"""
    )

    await Migrator(old_desk).apply()

    assert await old_desk.fetchval("select count(distinct updated_at) from tickets") == 1
    await old_desk.execute("update tickets set subject = 'x' where id = 1")
    assert await old_desk.fetchval("select updated_at > created_at from tickets where id = 1")


@pytest.mark.parametrize(
    ("taken", "name"),
    [
        ("alter table tickets add column assignee_id integer", "tickets.assignee_id"),
        ("alter table ticket_messages add column sender_name text", "ticket_messages.sender_name"),
        ("create table ticket_notes (id integer)", "table ticket_notes"),
    ],
)
async def test_a_name_that_is_taken_is_refused_before_anything_is_changed(
    old_desk: Connection, taken: str, name: str
) -> None:
    await old_desk.execute(taken)

    with pytest.raises(MigrationError) as refusal:
        await Migrator(old_desk).apply()

    assert str(refusal.value).startswith(
        f"This database cannot be taken over: this service adds what is there already: {name}."
    )
    assert await old_desk.fetchval("select to_regclass('ticket_events')") is None


async def test_a_program_may_empty_tickets_without_knowing_the_tables_of_the_desk(
    database_url: str,
) -> None:
    async with connected(database_url) as desk:
        await desk.execute("insert into users (email) values ('mara@example.com')")
        for end in ("delete from tickets", "truncate tickets, ticket_messages"):
            await desk.execute(
                """with ticket as (
                       insert into tickets (user_id, category, subject) values (1, 'other', 'x')
                       returning id
                   )
                   insert into ticket_notes (ticket_id, note, created_at)
                   select id, 'a note', now() from ticket"""
            )
            assert await desk.fetchval("select count(*) from ticket_events") == 1

            await desk.execute(end)

            assert await desk.fetchval("select count(*) from ticket_events") == 0
            assert await desk.fetchval("select count(*) from ticket_notes") == 0


async def test_a_ticket_that_comes_back_in_one_transaction_has_its_first_event(
    database_url: str,
) -> None:
    """With the same id and version, as far as the trigger can tell the same statement."""
    insert = "insert into tickets (id, user_id, category, subject) values (7, 1, 'other', 'x')"
    async with connected(database_url) as desk:
        await desk.execute("insert into users (email) values ('mara@example.com')")
        async with desk.transaction():
            for end in ("delete from tickets", "truncate tickets, ticket_messages"):
                await desk.execute(insert)
                await desk.execute(end)
            await desk.execute(insert)

        assert [
            tuple(row) for row in await desk.fetch("select ticket_id, kind from ticket_events")
        ] == [(7, "created")]


TOKEN = bytes(32)

ADMIN_CHANGES = {
    "update ticket_admins set name = 'Iris'": ["admin:" + TOKEN.hex(), "ticket:"],
    "update ticket_admins set email = 'iris@example.com'": ["admin:" + TOKEN.hex()],
    "update ticket_admins set token_sha256 = sha256('new')": ["admin:" + TOKEN.hex()],
    "update ticket_admins set token_sha256 = null, disabled_at = now()": [
        *("admin:" + TOKEN.hex(), "ticket:"),
    ],
    "delete from ticket_admins": ["admin:" + TOKEN.hex(), "ticket:"],
    "truncate ticket_admins": ["admin:", "ticket:"],
}


@pytest.mark.parametrize("change", ADMIN_CHANGES)
async def test_a_change_of_an_admin_invalidates_what_is_cached_of_them(
    database_url: str, change: str
) -> None:
    received: asyncio.Queue[str] = asyncio.Queue()
    async with connected(database_url) as listener, connected(database_url) as desk:
        await desk.execute(
            "insert into ticket_admins (name, email, token_sha256) values ('Ira', 'i@e.org', $1)",
            TOKEN,
        )
        await listener.add_listener(
            "tickets_changes", lambda *notification: received.put_nowait(str(notification[3]))
        )

        await desk.execute(change)
        await desk.execute("notify tickets_changes, 'end'")

        notified = []
        while (text := await asyncio.wait_for(received.get(), 30)) != "end":
            notified.append(text)
    assert notified == ADMIN_CHANGES[change]
