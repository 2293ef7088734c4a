"""The take-over of a platform's database: everything it had is still there, or it is told why not and left alone."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import asyncpg
import pytest

from tests.conftest import in_database, new_database
from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.token_lookup import Identity, PostgresTokenLookup
from tickets.adapters.postgres.schema.migrations import MigrationError, Migrator, load_migrations
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.errors import NotAuthenticated
from tickets.domain.people import Actor, Side
from tickets.domain.read_models import AdminPosition, AdminRow, UserPosition, UserRow
from tickets.domain.ticket import Category, Status

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Row: TypeAlias = Mapping[str, Any]

PATIENCE = 60  # seconds, for what must happen; nothing is judged by how long it took

TICKETS = 5000
MESSAGES = sum(n // 100 if n % 100 == 0 else n % 9 for n in range(1, TICKETS + 1))

# What the platform's own code ran at its start, column by column as in section 2 of the specification.
PLATFORM = """
CREATE TABLE IF NOT EXISTS users (
    id SERIAL PRIMARY KEY,
    email VARCHAR(255) UNIQUE NOT NULL,
    password_hash VARCHAR(255) NOT NULL,
    created_at TIMESTAMP DEFAULT NOW()
);

CREATE TABLE IF NOT EXISTS sessions (
    token TEXT PRIMARY KEY,
    user_id INT,
    expires_at TIMESTAMP,
    created_at TIMESTAMP
);

CREATE TABLE IF NOT EXISTS tickets (
    id SERIAL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users(id),
    category VARCHAR(50) NOT NULL,
    other_category VARCHAR(100),
    subject VARCHAR(200) NOT NULL,
    status VARCHAR(20) DEFAULT 'open',
    priority VARCHAR(20) DEFAULT 'normal',
    user_unread BOOLEAN DEFAULT FALSE,
    admin_unread BOOLEAN DEFAULT TRUE,
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW()
);

CREATE TABLE IF NOT EXISTS ticket_messages (
    id SERIAL PRIMARY KEY,
    ticket_id INTEGER NOT NULL REFERENCES tickets(id) ON DELETE CASCADE,
    sender_type VARCHAR(10) NOT NULL,
    sender_id INTEGER,
    message TEXT NOT NULL,
    created_at TIMESTAMPTZ DEFAULT NOW()
);

CREATE INDEX IF NOT EXISTS idx_tickets_user_id ON tickets(user_id);
CREATE INDEX IF NOT EXISTS idx_tickets_status ON tickets(status);
CREATE INDEX IF NOT EXISTS idx_ticket_messages_ticket_id ON ticket_messages(ticket_id);
"""

# Years of use: threads of 0 to 50 messages, written in turns, some dated back; texts from before there were bounds; and
# values that nobody ever filled in. All by arithmetic, so that it is the same each time.
YEARS_OF_USE = """
insert into users (email, password_hash)
select 'user' || n || '@example.com', md5(n::text) from generate_series(1, 200) n;

insert into sessions (token, user_id, expires_at, created_at)
values ('valid', 42, now() at time zone 'utc' + interval '1 hour', now() at time zone 'utc'),
       ('expired', 42, now() at time zone 'utc' - interval '1 second', now() at time zone 'utc');

insert into tickets (user_id, category, other_category, subject, status, priority, user_unread, admin_unread,
                     created_at, updated_at)
select 1 + n * 7919 % 199,
       (array['support', 'billing', 'feature_suggestion', 'other'])[1 + n % 4],
       case when n % 12 = 3 then 'Data protection' when n % 50 = 1 then 'left over' end,
       case when n % 97 = 0 then '?' when n % 89 = 0 then repeat('🕰', 200) else 'Ticket ' || n end,
       (array['open', 'in_progress', 'resolved', 'closed'])[1 + n / 4 % 4],
       case when n % 53 = 0 then null when n % 11 = 0 then 'urgent' else 'normal' end,
       (array[true, false, null])[1 + n / 16 % 3],
       (array[true, false, null])[1 + n / 48 % 3],
       case when n % 61 <> 0 then '2024-01-01'::timestamptz + n * interval '1 hour' end,
       case when n % 67 <> 0 then '2024-01-01'::timestamptz + n * 7919 % 5000 * interval '3 hours' end
  from generate_series(1, 5000) n;

insert into ticket_messages (ticket_id, sender_type, sender_id, message, created_at)
select n,
       case when k % 2 = 0 then 'user' else 'admin' end,
       case when k % 2 = 0 then 1 + n * 7919 % 199 end,
       case (n + k) % 40
            when 1 then ''
            when 2 then repeat('x', 100)
            when 3 then repeat('x', 101)
            when 4 then repeat('🕰', 101)
            when 7 then repeat('🕰', 100)
            when 5 then repeat('old and long ', 1000)
            when 6 then E'  two\\nlines  '
            else 'Message ' || k || ' of ticket ' || n
       end,
       case when (31 * n + k) % 997 = 0 or n % 1999 = 0 then null
            when n % 13 = 0 then '2024-01-01'::timestamptz + n * interval '1 hour'
            else '2024-01-01'::timestamptz + n * interval '1 hour' + k * 19 % 50 * interval '7 minutes'
       end
  from generate_series(1, 5000) n
 cross join generate_series(0, 49) k
 where k < case when n % 100 = 0 then n / 100 else n % 9 end
 order by k, n * 7919 % 5000;
"""

OLD_COLUMNS = {
    "users": "id, email, password_hash, created_at",
    "sessions": "token, user_id, expires_at, created_at",
    "tickets": "id, user_id, category, other_category, subject, status, priority, user_unread, admin_unread, "
    "created_at, updated_at",
    "ticket_messages": "id, ticket_id, sender_type, sender_id, message, created_at",
}


async def execute(url: str, *scripts: str) -> None:
    connection = await asyncpg.connect(url)
    for script in scripts:
        await connection.execute(script)
    await connection.close()


@contextmanager
def database_of_the_module(server_url: str, name: str, template: str) -> Iterator[str]:
    """Return the URL of a database that several tests look at."""
    name = f"{name}_{os.getpid()}"
    asyncio.run(execute(server_url, f"create database {name} template {template}"))
    yield in_database(server_url, name)
    asyncio.run(execute(server_url, f"drop database {name} with (force)"))


@pytest.fixture(scope="module")
def platform_template(postgres_url: str) -> Iterator[str]:
    """Return the name of a platform's database, to be cloned."""
    with database_of_the_module(postgres_url, "platform", "template0") as url:
        asyncio.run(execute(url, PLATFORM, YEARS_OF_USE, "analyze"))
        yield f"platform_{os.getpid()}"


@pytest.fixture
async def platform_url(postgres_url: str, platform_template: str) -> AsyncIterator[str]:
    """Return the URL of a platform's database of this test's own."""
    async with new_database(postgres_url, platform_template) as url:
        yield url


@pytest.fixture
async def platform(platform_url: str) -> AsyncIterator[Connection]:
    """Return a connection to a platform's database of this test's own."""
    async with connected(platform_url) as connection:
        yield connection


@pytest.fixture
async def empty(empty_database_url: str) -> AsyncIterator[Connection]:
    """Return a connection to a database with nothing in it."""
    async with connected(empty_database_url) as connection:
        yield connection


@pytest.fixture(scope="module")
def bare_url(postgres_url: str) -> Iterator[str]:
    """Return the URL of a platform's database without rows."""
    with database_of_the_module(postgres_url, "bare", "template0") as url:
        asyncio.run(execute(url, PLATFORM))
        yield url


@pytest.fixture
async def bare(bare_url: str) -> AsyncIterator[Connection]:
    """Return a connection to a platform's database without rows, on which nothing stays done."""
    async with connected(bare_url) as connection:
        transaction = connection.transaction(isolation="read_committed")
        await transaction.start()
        yield connection
        await transaction.rollback()


@dataclass(frozen=True)
class TakenOver:
    """A platform's database before and after, for tests that only look."""

    name: str
    url: str
    started: datetime
    before: dict[str, list[Row]]
    after: dict[str, list[Row]]
    files_before: dict[str, int]
    files_after: dict[str, int]
    written: dict[str, int]


@pytest.fixture(scope="module")
def taken_over(postgres_url: str, platform_template: str) -> Iterator[TakenOver]:
    """Return a platform's database that has been taken over."""
    files = "select relname, pg_relation_filenode(relid)::int from pg_stat_user_tables"
    written = "select relname, n_tup_upd + n_tup_del from pg_stat_user_tables"

    async def take_over(url: str) -> TakenOver:
        async with connected(url) as connection:
            started = await connection.fetchval("select now()")
            before = await old_rows(connection)
            files_before = dict(await connection.fetch(files))
            await Migrator(connection).apply()
            await connection.execute("select pg_stat_force_next_flush()")
            files_after = dict(await connection.fetch(files))
            rows_written = dict(await connection.fetch(written))
            after = await old_rows(connection)
        return TakenOver(
            name=f"taken_over_{os.getpid()}",
            url=url,
            started=started,
            before=before,
            after=after,
            files_before=files_before,
            files_after={table: files_after[table] for table in files_before},
            written={table: rows_written[table] for table in files_before},
        )

    with database_of_the_module(postgres_url, "taken_over", platform_template) as url:
        yield asyncio.run(take_over(url))


@pytest.fixture
async def taken(taken_over: TakenOver) -> AsyncIterator[Connection]:
    """Return a connection to the database that has been taken over, only to look."""
    async with connected(taken_over.url) as connection:
        await connection.execute("set default_transaction_read_only = on")
        yield connection


@pytest.fixture
async def in_use(postgres_url: str, taken_over: TakenOver) -> AsyncIterator[PostgresWorld]:
    """Return the service on a copy of the database that has been taken over."""
    async with new_database(postgres_url, taken_over.name) as url, world_on(url) as world:
        yield world


@asynccontextmanager
async def world_on(url: str) -> AsyncIterator[PostgresWorld]:
    async with Database(url).open() as database:
        yield PostgresWorld(database)


async def old_rows(connection: Connection) -> dict[str, list[Row]]:
    """Return all that the platform had, by table."""
    return {
        table: [
            dict(row)
            for row in await connection.fetch(f"select {columns} from {table} order by 1")  # noqa: S608 - see above
        ]
        for table, columns in OLD_COLUMNS.items()
    }


async def snapshot(connection: Connection) -> dict[str, list[str]]:
    """Return everything that a dump would show: schema, rows, and where sequences stand."""
    schema = {
        "columns": """
            select concat_ws(' ', table_schema, table_name, column_name, data_type, character_maximum_length,
                             is_nullable, column_default)
              from information_schema.columns
             where table_schema not in ('pg_catalog', 'information_schema')""",
        "indexes": "select indexdef from pg_indexes where schemaname not like 'pg%'",
        "constraints": """
            select concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
              from pg_constraint where conrelid > 0 and conrelid::regclass::text !~ '^(pg_|information_schema)'""",
        "triggers": "select tgrelid::regclass || ' ' || tgname || tgenabled::text from pg_trigger where not tgisinternal",
        "sequences": "select concat_ws(' ', schemaname, sequencename, last_value) from pg_sequences",
    }
    found = {
        what: sorted(row[0] for row in await connection.fetch(query))
        for what, query in schema.items()
    }
    tables = await connection.fetch(
        "select oid::regclass::text from pg_class where relkind = 'r' and relnamespace::regnamespace::text !~ '^(pg_|info)'"
    )
    for (table,) in tables:
        rows = await connection.fetch(f"select t::text from {table} t")  # noqa: S608 - the catalogue's own name
        found[table] = sorted(row[0] for row in rows)
    return found


async def names(connection: Connection, kind: str, table: str) -> set[str]:
    """Return the names of a table's constraints or indexes."""
    query = {
        "constraints": "select conname from pg_constraint where contype <> 'n' and conrelid = $1::regclass",
        "indexes": "select indexrelid::regclass::text from pg_index where indrelid = $1::regclass",
    }
    return {row[0] for row in await connection.fetch(query[kind], table)}


async def seen(connection: Connection, condition: str) -> None:
    """Wait until the server says that this is so."""
    async with asyncio.timeout(PATIENCE):
        while not await connection.fetchval(f"select {condition}"):  # noqa: ASYNC110 - the server sends no events
            await asyncio.sleep(0.02)


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_every_old_value_is_still_there_and_only_gaps_are_filled(taken_over: TakenOver) -> None:
    filled: dict[str, set[str]] = {}
    for table, rows in taken_over.before.items():
        filled[table] = set()
        for old, new in zip(rows, taken_over.after[table], strict=True):
            changed = {column for column in old if old[column] != new[column]}
            assert all(old[column] is None for column in changed), (old, new)
            filled[table] |= changed

    assert filled == {
        "users": set(),
        "sessions": set(),
        "tickets": {"priority", "user_unread", "admin_unread", "created_at", "updated_at"},
        "ticket_messages": {"created_at"},
    }
    assert len(taken_over.before["tickets"]) == TICKETS
    assert len(taken_over.before["ticket_messages"]) == MESSAGES


async def test_counters_are_right_for_every_ticket(taken: Connection) -> None:
    threads = defaultdict(list)
    for m in await taken.fetch("select id, ticket_id, message, created_at from ticket_messages"):
        threads[m["ticket_id"]].append((m["created_at"], m["id"], m["message"]))
    tickets = await taken.fetch("select id, message_count, last_message, version from tickets")

    expected = {}
    for ticket in tickets:
        thread = sorted(threads[ticket["id"]])
        newest = thread[-1][2] if thread else ""
        shown = newest if len(newest) <= 100 else newest[:100] + "…"
        expected[ticket["id"]] = (len(thread), shown, 1)

    stored = {t["id"]: (t["message_count"], t["last_message"], t["version"]) for t in tickets}
    assert stored == expected
    assert {len(thread) for thread in threads.values()} >= {*range(9), 10, 25, 50}


def test_gaps_are_filled_with_what_is_obvious(taken_over: TakenOver) -> None:
    threads = defaultdict(list)
    for message in taken_over.after["ticket_messages"]:
        threads[message["ticket_id"]].append(message["created_at"])

    for old, new in zip(taken_over.before["tickets"], taken_over.after["tickets"], strict=True):
        times = sorted(threads[old["id"]])
        assert new["user_unread"] == bool(old["user_unread"])
        assert new["admin_unread"] == bool(old["admin_unread"])
        assert new["priority"] == (old["priority"] or "normal")
        for column, nearest, other in (
            ("created_at", times[:1], "updated_at"),
            ("updated_at", times[-1:], "created_at"),
        ):
            hints = [old[column], *nearest, old[other]]
            known = [time for time in hints if time is not None]
            assert new[column] == known[0] if known else new[column] >= taken_over.started


def test_no_table_is_written_anew(taken_over: TakenOver) -> None:
    assert taken_over.files_after == taken_over.files_before
    assert len(taken_over.files_after) == len(OLD_COLUMNS)


async def test_a_message_without_a_time_stays_behind_the_one_before_it(empty: Connection) -> None:
    await empty.execute(PLATFORM)
    await empty.execute(
        """
        insert into users (email, password_hash) values ('mara@example.com', '');
        insert into tickets (user_id, category, subject, created_at, updated_at)
        values (1, 'support', 'half', '2024-01-01', '2024-02-01'),
               (1, 'support', 'none', '2024-01-01', '2024-02-01'),
               (1, 'support', 'nothing at all', null, null),
               (1, 'support', 'only later', null, '2024-02-01');
        insert into ticket_messages (ticket_id, sender_type, message, created_at)
        values (1, 'user', '1', '2024-01-05'), (1, 'user', '2', null), (1, 'user', '3', '2024-01-04'),
               (1, 'user', '4', null), (1, 'user', '5', '2024-01-06'),
               (2, 'user', '6', null), (2, 'user', '7', null),
               (3, 'user', '8', null),
               (4, 'user', '9', null), (4, 'user', '10', '2024-01-07');
        """
    )

    await Migrator(empty).apply()

    times = await empty.fetch(
        "select ticket_id, message, created_at::date::text as day from ticket_messages order by id"
    )
    today = await empty.fetchval("select created_at::date::text from tickets where id = 3")
    assert [(t["ticket_id"], t["message"], t["day"]) for t in times] == [
        (1, "1", "2024-01-05"),
        (1, "2", "2024-01-05"),
        (1, "3", "2024-01-04"),
        (1, "4", "2024-01-05"),
        (1, "5", "2024-01-06"),
        (2, "6", "2024-01-01"),
        (2, "7", "2024-01-01"),
        (3, "8", today),
        (4, "9", "2024-01-07"),
        (4, "10", "2024-01-07"),
    ]


def test_a_row_is_written_once_and_only_where_something_was_missing(taken_over: TakenOver) -> None:
    with_thread = {message["ticket_id"] for message in taken_over.before["ticket_messages"]}
    incomplete = {
        ticket["id"]
        for ticket in taken_over.before["tickets"]
        if any(value is None for column, value in ticket.items() if column != "other_category")
    }
    timeless = [m for m in taken_over.before["ticket_messages"] if m["created_at"] is None]

    assert taken_over.written == {
        "users": 0,
        "sessions": 0,
        "tickets": len(with_thread | incomplete),
        "ticket_messages": len(timeless),
    }
    assert 0 < len(timeless) < 100
    assert len(with_thread | incomplete) < TICKETS


async def test_ids_go_on_where_they_were(in_use: PostgresWorld) -> None:
    ticket = await in_use.ticket(7)
    reply = await in_use.reply(ticket.id, ADMIN)

    assert (ticket.id, reply.id) == (TICKETS + 1, MESSAGES + 2)


async def test_a_sequence_that_lags_behind_a_copy_of_the_rows_is_put_in_front_of_them(
    platform_url: str, platform: Connection
) -> None:
    await platform.execute(
        "alter sequence tickets_id_seq restart; alter sequence ticket_messages_id_seq restart 77"
    )

    await Migrator(platform).apply()

    async with world_on(platform_url) as world:
        ticket = await world.ticket(7)
        reply = await world.reply(ticket.id, ADMIN)
    assert (ticket.id, reply.id) == (TICKETS + 1, MESSAGES + 2)


# --- what is changed --------------------------------------------------------------------------------------------------


async def test_old_indexes_are_replaced_and_the_rules_are_there(taken: Connection) -> None:
    assert await names(taken, "indexes", "tickets") == {
        "tickets_pkey",
        "tickets_of_user",
        "tickets_unread_by_user",
        "tickets_by_activity",
        "tickets_by_status_and_category",
        "tickets_resolved",
    }
    assert await names(taken, "indexes", "ticket_messages") == {
        "ticket_messages_pkey",
        "ticket_messages_of_ticket",
    }
    assert await names(taken, "constraints", "tickets") == {
        "tickets_pkey",
        "tickets_user_id_fkey",
        "tickets_status_known",
        "tickets_category_known",
        "tickets_message_count_natural",
    }
    assert await names(taken, "constraints", "ticket_messages") == {
        "ticket_messages_pkey",
        "ticket_messages_ticket_id_fkey",
        "ticket_messages_sender_type_known",
    }


async def test_a_database_taken_over_has_the_columns_of_a_new_one(
    taken: Connection, database_url: str
) -> None:
    columns = """
        select table_name, column_name, data_type, character_maximum_length, is_nullable, column_default
          from information_schema.columns
         where table_name in ('tickets', 'ticket_messages', 'ticket_tokens', 'ticket_migrations')
         order by table_name, column_name
    """
    async with connected(database_url) as new:
        assert await taken.fetch(columns) == await new.fetch(columns)


async def test_the_database_holds_the_rules_that_it_can(database: Database) -> None:
    await PostgresWorld(database).ticket()
    rules = {
        "update tickets set status = 'OPEN'": "tickets_status_known",
        "update tickets set category = 'sales'": "tickets_category_known",
        "update tickets set message_count = -1": "tickets_message_count_natural",
        "update tickets set user_id = 9999": "tickets_user_id_fkey",
        "update ticket_messages set sender_type = 'bot'": "ticket_messages_sender_type_known",
        "update ticket_messages set ticket_id = 9999": "ticket_messages_ticket_id_fkey",
    }

    held = {}
    for statement in rules:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as caught:
            await database.fetch(statement)
        held[statement] = caught.value.constraint_name

    assert held == rules


# --- what hangs on the tables -----------------------------------------------------------------------------------------

EXTRAS = """
alter table tickets add column assignee_id integer references users (id), add column tags text[];
update tickets set assignee_id = 5, tags = '{old,"very old"}' where id % 2 = 0;

create domain address as varchar(255) check (value like '%@%');
alter table users alter column email type address;

create view open_tickets as select t.*, u.email from tickets t join users u on u.id = t.user_id where status = 'open';

create table ratings (ticket_id integer primary key references tickets (id) deferrable initially deferred, stars int);
insert into ratings select id, id % 5 from tickets where status = 'closed';

create table audit (id serial, what text);
create function stamp() returns trigger language plpgsql as
    $$ begin new.updated_at := now(); insert into audit (what) values (tg_name); return new; end $$;
create function note() returns trigger language plpgsql as
    $$ begin insert into audit (what) values (tg_name); return null; end $$;
create trigger stamp before update on tickets for each row execute function stamp();
create trigger "Always noted" after update on tickets for each row execute function note();
create trigger off after update on tickets for each row execute function note();
create trigger elsewhere after update on tickets for each row execute function note();
create constraint trigger later after insert or update on tickets deferrable initially deferred
    for each row execute function note();
create trigger noted after update on ticket_messages for each statement execute function note();
alter table tickets enable always trigger "Always noted", disable trigger off, enable replica trigger elsewhere;

create index tickets_of_assignee on tickets (assignee_id);
alter table tickets add constraint tickets_status_check check (status <> 'lost');
comment on table tickets is 'of the platform';
create schema reports;
create table reports.weekly (status text);
create index idx_tickets_status on reports.weekly (status);
"""


async def test_what_the_platform_hung_on_its_tables_stays_and_does_not_fire(
    platform_url: str, platform: Connection
) -> None:
    await platform.execute(EXTRAS)
    extras = {
        "column": "select id, assignee_id, tags from tickets order by id",
        "view": "select id, subject, email from open_tickets order by id",
        "times": "select id, updated_at from tickets where id % 67 <> 0 order by id",
        "foreign key": "select ticket_id, stars from ratings order by ticket_id",
        "triggers": r"select tgname, tgenabled from pg_trigger where not tgisinternal and tgname not like 'ticket\_%' order by tgname",
        "audit": "select what from audit",
        "comment": "select obj_description('tickets'::regclass)",
        "other index": "select to_regclass('reports.idx_tickets_status')",
    }
    before = {what: await platform.fetch(query) for what, query in extras.items()}

    await Migrator(platform).apply()

    assert {what: await platform.fetch(query) for what, query in extras.items()} == before
    assert len(before["triggers"]) == 6
    assert "tickets_of_assignee" in await names(platform, "indexes", "tickets")
    assert "tickets_status_check" in await names(platform, "constraints", "tickets")
    async with world_on(platform_url) as world:
        ticket = await world.ticket(7)
        await world.reply(ticket.id, ADMIN)
        assert (await world.tickets.get_with_thread(ticket.id)).user_email == "user7@example.com"
    fired = await platform.fetch("select distinct what from audit order by what")
    assert [row["what"] for row in fired] == ["Always noted", "later", "stamp"]


async def test_a_name_that_is_taken_is_told_and_nothing_is_left_half_done(
    platform: Connection,
) -> None:
    await platform.execute(
        "alter table tickets add constraint tickets_category_known check (category <> 'none')"
    )
    before = await snapshot(platform)

    with pytest.raises(MigrationError, match=r'"tickets_category_known".* already exists'):
        await Migrator(platform).apply()

    assert await snapshot(platform) == before


async def test_rows_that_a_policy_hides_are_not_passed_over_in_silence(
    platform: Connection,
) -> None:
    owner = f"owner_{os.getpid()}"
    await platform.execute(
        f"""
        create role {owner};
        grant create on schema public to {owner};
        alter table users owner to {owner};
        alter table tickets owner to {owner};
        alter table ticket_messages owner to {owner};
        alter table tickets force row level security, enable row level security;
        create policy own on tickets using (user_id = 1);
        set role {owner};
        """
    )

    with pytest.raises(MigrationError, match='row-level security policy for table "tickets"'):
        await Migrator(platform).apply()

    await platform.execute(f"reset role; reassign owned by {owner} to current_user")
    await platform.execute(f"drop owned by {owner}; drop role {owner}")


async def test_an_index_of_the_same_name_that_is_something_else_stays(platform: Connection) -> None:
    await platform.execute(
        """
        drop index idx_tickets_status, idx_tickets_user_id, idx_ticket_messages_ticket_id;
        create index idx_tickets_status on tickets (status, priority);
        create index idx_tickets_user_id on tickets (user_id) where status = 'open';
        create unique index idx_ticket_messages_ticket_id on ticket_messages (ticket_id, id);
        """
    )

    await Migrator(platform).apply()

    assert {"idx_tickets_status", "idx_tickets_user_id"} <= await names(
        platform, "indexes", "tickets"
    )
    assert "idx_ticket_messages_ticket_id" in await names(platform, "indexes", "ticket_messages")


async def test_foreign_keys_that_somebody_left_out_are_added(
    platform_url: str, platform: Connection
) -> None:
    """One on another column is not the one that is meant."""
    await platform.execute(
        """
        alter table tickets drop constraint tickets_user_id_fkey, add column assignee_id integer references users (id);
        alter table ticket_messages drop constraint ticket_messages_ticket_id_fkey,
                                    add column merged_from integer references tickets (id);
        """
    )

    await Migrator(platform).apply()

    assert "tickets_user_exists" in await names(platform, "constraints", "tickets")
    assert "ticket_messages_ticket_exists" in await names(
        platform, "constraints", "ticket_messages"
    )
    async with world_on(platform_url) as world:
        with pytest.raises(NotAuthenticated):
            await world.ticket(9999)
    await platform.execute("delete from tickets where id = 100")
    assert not await platform.fetchval("select count(*) from ticket_messages where ticket_id = 100")


# --- the service on it ------------------------------------------------------------------------------------------------


async def test_the_service_works_on_it(in_use: PostgresWorld) -> None:
    opened = await in_use.ticket(42, subject="New on the old platform")
    await in_use.reply(opened.id, ADMIN, "Welcome.")
    await in_use.service.change_status(opened.id, Status.RESOLVED, by=ADMIN)
    detail = await in_use.service.read(opened.id, by=Actor.user(42))

    assert detail.user_email == "user42@example.com"
    assert [m.sender_type for m in detail.messages] == [Side.USER, Side.ADMIN]
    assert await in_use.flags(opened.id) == (False, True)


async def test_an_old_thread_goes_on(in_use: PostgresWorld) -> None:
    await in_use.reply(5000, ADMIN, "Is this still so?")
    old = await in_use.service.read(5000, by=ADMIN)

    assert len(old.messages) == old.ticket.message_count == 51
    assert old.ticket.last_message == "Is this still so?"
    assert await in_use.flags(5000) == (True, False)


async def test_lists_page_through_all_of_it_and_the_figures_add_up(
    taken_over: TakenOver, taken: Connection
) -> None:
    expected = await taken.fetch(
        """
        select id, status, category, admin_unread, user_id, user_unread from tickets
         order by admin_unread desc, updated_at desc, id desc
        """
    )

    async with world_on(taken_over.url) as world:
        shown = await all_admin_rows(world)
        billing = await all_admin_rows(world, category=Category.BILLING, status=Status.CLOSED)
        own = await all_user_rows(world, 42)
        stats = await world.views.admin_stats()
        unread_counts = (await world.views.admin_unread(), await world.views.user_unread(42))

    assert [row.id for row in shown] == [row["id"] for row in expected]
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
        rows += page.rows
        if not page.more:
            return rows
        after = rows[-1].position


async def all_user_rows(world: PostgresWorld, user_id: int) -> list[UserRow]:
    rows: list[UserRow] = []
    after: UserPosition | None = None
    while True:
        page = await world.views.user_list(user_id, status=None, after=after, limit=7)
        rows += page.rows
        if not page.more:
            return rows
        after = rows[-1].position


async def test_a_login_of_the_platform_signs_in(taken_over: TakenOver) -> None:
    async with Database(taken_over.url).open() as database:
        users = PostgresTokenLookup(database, Identity.named("sessions"))
        found = [await users.by_token(token) for token in ("valid", "expired", "unknown")]

    assert found == [42, None, None]


# --- what is refused --------------------------------------------------------------------------------------------------


async def refusal(connection: Connection) -> str:
    """Return why the database is refused; whatever the reason, nothing in it has changed."""
    before = await snapshot(connection)
    with pytest.raises(MigrationError) as caught:
        await Migrator(connection).apply()
    assert await snapshot(connection) == before
    assert await connection.fetchval("select to_regclass('ticket_migrations')") is None
    message = str(caught.value)
    prefix, suffix = "This database cannot be taken over: ", ". Nothing was changed."
    assert message.startswith(prefix)
    assert message.endswith(suffix)
    return message.removeprefix(prefix).removesuffix(suffix)


async def test_rows_that_are_not_known_are_refused_with_a_count_and_examples_of_every_kind(
    platform: Connection,
) -> None:
    await platform.execute(
        """
        alter table tickets alter column category drop not null, alter column subject drop not null,
                            alter column user_id drop not null, drop constraint tickets_user_id_fkey;
        alter table ticket_messages alter column sender_type drop not null, alter column message drop not null,
                            alter column ticket_id drop not null, drop constraint ticket_messages_ticket_id_fkey;
        update tickets set status = 'on hold' where id between 11 and 15;
        update tickets set status = null where id = 10;
        update tickets set category = E'it''s \\n ' || repeat('long', 10) where id = 20;
        update tickets set category = null where id = 21;
        update tickets set subject = null where id = 30;
        update tickets set user_id = 9999 where id = 40;
        update tickets set user_id = null where id = 41;
        update tickets set created_at = 'infinity' where id = 50;
        update tickets set updated_at = '20000-01-01 00:00+00' where id = 51;
        update ticket_messages set sender_type = 'System' where id = 60;
        update ticket_messages set sender_type = null where id = 61;
        update ticket_messages set message = null where id = 70;
        update ticket_messages set ticket_id = 9999 where id = 80;
        update ticket_messages set ticket_id = null where id = 81;
        update ticket_messages set created_at = '0044-03-15 12:00+00 BC' where id = 90;
        set timezone to 'UTC';
        """
    )
    times = await platform.fetch(
        "select concat_ws(' and ', created_at, updated_at) from tickets where id in (50, 51) order by id"
    )

    message = await refusal(platform)

    kinds = message.removeprefix("rows that the specification does not know: ").split("; ")
    assert kinds == [
        "messages with a time that is no date: 1 (id 90: '0044-03-15 12:00:00+00 BC')",
        "messages with an unknown sender_type: 2 (id 60: 'System', id 61: null)",
        "messages without a text: 1 (id 70: null)",
        "messages without a ticket: 2 (id 80: '9999', id 81: null)",
        f"tickets with a time that is no date: 2 (id 50: '{times[0][0][:40]}', id 51: '{times[1][0][:40]}')",
        "tickets with an unknown category: 2 (id 20: 'it''s \n longlonglonglonglonglonglonglongl', id 21: null)",
        "tickets with an unknown status: 6 (id 10: null, id 11: 'on hold', id 12: 'on hold')",
        "tickets without a subject: 1 (id 30: null)",
        "tickets without a user: 2 (id 40: '9999', id 41: null)",
    ]


async def test_ten_thousand_rows_that_are_not_known_make_a_short_message(
    platform: Connection,
) -> None:
    await platform.execute(
        "update tickets set status = repeat('x', 20), category = repeat('y', 50);"
        "update ticket_messages set sender_type = 'bot'"
    )

    message = await refusal(platform)

    assert f"tickets with an unknown status: {TICKETS} (" in message
    assert f"messages with an unknown sender_type: {MESSAGES} (" in message
    assert len(message) < 500


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("alter table tickets drop column other_category", "tickets.other_category is missing"),
        ("alter table users rename email to mail", "users.email is missing"),
        ("alter table tickets alter created_at type timestamp", "tickets.created_at is timestamp without time zone, not timestamptz"),
        ("alter table ticket_messages alter created_at type date", "ticket_messages.created_at is date, not timestamptz"),
        ("alter table tickets alter id type bigint", "tickets.id is bigint, not integer"),
        ("alter table ticket_messages alter ticket_id type bigint", "ticket_messages.ticket_id is bigint, not integer"),
        ("alter table users alter id type bigint", "users.id is bigint, not integer"),
        ("alter table tickets alter subject type varchar(150) using left(subject, 150)", "tickets.subject is character varying(150), not varchar(200)"),
        ("alter table ticket_messages alter message type varchar(4999) using left(message, 4999)", "ticket_messages.message is character varying(4999), not text"),
        ("alter table tickets alter user_unread drop default, alter user_unread type int using 0", "tickets.user_unread is integer, not boolean"),
        ("alter table tickets alter id drop default", "tickets.id has no default that counts it up"),
        ("alter table tickets add version text", "tickets.version is there already, and this service adds a column of that name"),
        ("alter table tickets drop constraint tickets_pkey cascade", "tickets.id is neither a primary key nor unique"),
    ],
)  # fmt: skip
async def test_a_column_that_is_not_the_specifications_is_refused_by_name(
    bare: Connection, damage: str, reason: str
) -> None:
    await bare.execute(damage)

    message = await refusal(bare)

    assert message == f"its columns are not those of the specification: {reason}"


async def test_all_columns_are_named_at_once(bare: Connection) -> None:
    await bare.execute("alter table tickets drop subject, drop status, add version int")

    message = await refusal(bare)

    assert message.partition(": ")[2].split("; ") == [
        "tickets.status is missing",
        "tickets.subject is missing",
        "tickets.version is there already, and this service adds a column of that name",
    ]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("drop table ticket_messages", "there is no table ticket_messages"),
        ("drop table tickets cascade", "there is no table tickets"),
        ("drop table users cascade", "there is no table users"),
        ("drop table users, ticket_messages cascade", "there is no table ticket_messages; there is no table users"),
        ("alter table users rename to accounts; create view users as select * from accounts", "users is not a table"),
        ("alter table tickets rename to t; create view tickets as select * from t", "tickets is not a table"),
    ],
)  # fmt: skip
async def test_half_of_the_tables_are_refused_by_name(
    bare: Connection, damage: str, reason: str
) -> None:
    """Tickets without their threads are a restore that stopped half-way, and no place to begin."""
    await bare.execute(damage)

    message = await refusal(bare)

    assert message == f"it does not have the tables of the specification: {reason}"


async def test_users_alone_are_a_platform_that_had_no_tickets_yet(
    empty_database_url: str, empty: Connection
) -> None:
    await empty.execute(f"{PLATFORM}; drop table tickets, ticket_messages")
    await empty.execute("insert into users (email, password_hash) values ('mara@example.com', '')")

    await Migrator(empty).apply()

    async with world_on(empty_database_url) as world:
        ticket = await world.ticket(1)
        assert (await world.service.read(ticket.id, by=ADMIN)).user_email == "mara@example.com"


async def test_users_alone_are_looked_at_as_well(bare: Connection) -> None:
    await bare.execute("drop table users, tickets, ticket_messages")
    await bare.execute("create table users (id uuid primary key, login text)")

    message = await refusal(bare)

    assert message.endswith("users.email is missing; users.id is uuid, not integer")


async def test_a_database_that_lost_its_record_is_refused(bare: Connection) -> None:
    await Migrator(bare).apply()
    await bare.execute("drop table ticket_migrations")

    message = await refusal(bare)

    assert [part.split()[0] for part in message.partition(": ")[2].split("; ")] == [
        "tickets.last_message",
        "tickets.message_count",
        "tickets.version",
    ]


@pytest.fixture(scope="module")
def latin_url(postgres_url: str) -> Iterator[str]:
    """Return the URL of a database with a quarter of a thousand characters."""
    template = "template0 encoding 'LATIN1' locale_provider libc locale 'C'"
    with database_of_the_module(postgres_url, "latin", template) as url:
        yield url


async def test_a_database_in_another_encoding_is_refused(latin_url: str) -> None:
    async with connected(latin_url) as connection:
        message = await refusal(connection)

    assert message == "its encoding is LATIN1, and people write in every script: it must be UTF8"


# --- where the tables are ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Home:
    """A schema for the platform's tables, and the search_path by which its code finds them."""

    schema: str
    search_path: str


@pytest.mark.parametrize(
    "home",
    [
        Home("helpdesk", "helpdesk"),
        Home("helpdesk", "helpdesk, public"),
        Home("public", '"Platform", public'),
        Home("Platform", 'missing, "Platform", public'),
    ],
    ids=lambda home: home.search_path,
)
async def test_the_tables_are_taken_over_where_the_search_path_finds_them(
    empty_database_url: str, empty: Connection, home: Home
) -> None:
    name = await empty.fetchval("select current_database()")
    await empty.execute(
        f'create schema helpdesk; create schema "Platform"; set search_path to "{home.schema}"'
    )
    await empty.execute(PLATFORM)
    await empty.execute(
        "insert into users (email, password_hash) values ('mara@example.com', '');"
        "insert into tickets (user_id, category, subject) values (1, 'billing', 'From before');"
        "insert into ticket_messages (ticket_id, sender_type, message) values (1, 'user', 'Hello');"
    )
    await empty.execute(f"alter database {name} set search_path to {home.search_path}")
    connection = await asyncpg.connect(empty_database_url)

    await Migrator(connection).apply()

    assert await Migrator(connection).apply() == []
    async with world_on(empty_database_url) as world:
        assert (await world.ticket(1)).id == 2
        (old,) = (await world.service.read(1, by=ADMIN)).messages
    assert old.message == "Hello"
    homes = await empty.fetch(
        "select relnamespace::regnamespace::text from pg_class where relname in ('users', 'tickets', 'ticket_messages')"
    )
    assert {row[0].strip('"') for row in homes} == {home.schema}
    old_indexes = await empty.fetch(
        "select indexname from pg_indexes where indexname ~ '^idx_ticket'"
    )
    assert old_indexes == []
    await connection.close()


# --- while others are at work -----------------------------------------------------------------------------------------


async def test_four_processes_take_it_over_once(platform_url: str, platform: Connection) -> None:
    program = "from tickets.cli.main import main; main(['migrate'])"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TICKETS_")},
        "TICKETS_DATABASE_URL": platform_url,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    processes = []
    async with platform.transaction():
        await platform.execute(load_queries("migrations")["lock_migrations"].sql)
        for _ in range(4):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", program),
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            processes.append(process)
        await seen(
            platform,
            """
            count(*) = 4
              from pg_locks
              join pg_database on pg_database.oid = pg_locks.database
             where datname = current_database() and locktype = 'advisory' and not granted
            """,
        )

    said = [await process.communicate() for process in processes]

    assert [process.returncode for process in processes] == [0] * 4, said
    everything = b"".join(out + complaint for out, complaint in said).decode()
    for migration in load_migrations():
        assert everything.count(migration.title) == 1
    applied = await platform.fetch("select number from ticket_migrations order by number")
    assert [row["number"] for row in applied] == [m.number for m in load_migrations()]
    counted = "select sum(message_count), (select count(*) from ticket_messages) from tickets"
    assert tuple(await platform.fetchrow(counted)) == (MESSAGES, MESSAGES)


WAITING = "exists (select from pg_locks where relation = 'tickets'::regclass and not granted)"


async def test_a_refusal_waits_for_nobody(platform_url: str, platform: Connection) -> None:
    await platform.execute("update tickets set status = 'lost' where id = 1")
    async with connected(platform_url) as writer, writer.transaction():
        await writer.execute("update tickets set subject = 'half-way' where id = 2")

        async with asyncio.timeout(PATIENCE):
            message = await refusal(platform)

    assert "tickets with an unknown status: 1 (" in message


async def test_an_open_transaction_of_the_platform_is_waited_for_and_counted(
    platform_url: str, platform: Connection
) -> None:
    reply = (
        "insert into ticket_messages (ticket_id, sender_type, message) values (5000, 'admin', $1)"
    )
    async with connected(platform_url) as writer, connected(platform_url) as reader:
        async with writer.transaction():
            await writer.execute(reply, "one")
            await writer.execute("update tickets set updated_at = now() where id = 5000")

            migrating = asyncio.create_task(Migrator(platform).apply())
            await seen(reader, WAITING)
            async with asyncio.timeout(PATIENCE):
                visible = await reader.fetchval("select count(*) from tickets")
            waited = not migrating.done()
            await writer.execute(reply, "two")
        await migrating

    assert waited
    assert visible == TICKETS
    ticket = await platform.fetchrow(
        "select message_count, last_message from tickets where id = 5000"
    )
    assert tuple(ticket) == (52, "two")


async def test_a_session_that_has_read_and_then_writes_is_not_ended(
    platform_url: str, platform: Connection
) -> None:
    """What a form does: it reads in its transaction, thinks, and writes; two locks on one table."""
    async with connected(platform_url) as form, connected(platform_url) as watcher:
        async with form.transaction():
            await form.fetch("select id, subject from tickets where id = 4999")

            migrating = asyncio.create_task(Migrator(platform).apply())
            await seen(watcher, WAITING)
            await form.execute("update tickets set subject = 'Changed meanwhile' where id = 4999")
            await form.execute("update users set password_hash = '' where id = 1")
        await migrating

    stored = await platform.fetchval("select subject from tickets where id = 4999")
    assert stored == "Changed meanwhile"


async def test_what_is_written_during_the_look_is_looked_at_again(
    platform_url: str, platform: Connection
) -> None:
    async with connected(platform_url) as writer, connected(platform_url) as watcher:
        async with writer.transaction():
            await writer.execute("update tickets set status = 'lost' where id = 4999")

            migrating = asyncio.create_task(Migrator(platform).apply())
            await seen(watcher, WAITING)

        with pytest.raises(MigrationError, match="tickets with an unknown status: 1 "):
            await migrating


async def test_the_rest_of_the_platform_writes_its_users_meanwhile(
    platform_url: str, platform: Connection
) -> None:
    """Somebody signs up in an open transaction; what is locked is the tickets."""
    async with connected(platform_url) as signing_up, signing_up.transaction():
        await signing_up.execute(
            "insert into users (email, password_hash) values ('new@x.org', '')"
        )

        async with asyncio.timeout(PATIENCE):
            applied = await Migrator(platform, load_migrations()[:1]).apply()

    assert [migration.title for migration in applied] == ["0001_tickets"]
