"""The host platform's database: the schema of the specification, filled by years of use."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

import asyncpg
import pytest

from tests.databases import in_database
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.connect import CommandConnection
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.schema.migrations import MigrationError, Migrator

Connection: TypeAlias = CommandConnection
Row: TypeAlias = Mapping[str, Any]

TICKETS = 5000
MESSAGES = sum(n // 100 if n % 100 == 0 else n % 9 for n in range(1, TICKETS + 1))

# What the platform ran at its start: the tables of section 2 of the specification.
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

# Threads of 0 to 50 messages, in turns, some dated back; texts from before there were limits; and
# nulls where a value was never set. All of it is computed, so it is the same in each run.
YEARS_OF_USE = """
insert into users (email, password_hash)
select 'user' || n || '@example.com', md5(n::text) from generate_series(1, 200) n;

insert into sessions (token, user_id, expires_at, created_at)
values ('valid', 42, now() at time zone 'utc' + interval '1 hour', now() at time zone 'utc'),
       ('expired', 42, now() at time zone 'utc' - interval '1 second', now() at time zone 'utc');

insert into tickets (user_id, category, other_category, subject, status, priority,
                     user_unread, admin_unread, created_at, updated_at)
select 1 + n * 7919 % 199,
       (array['support', 'billing', 'feature_suggestion', 'other'])[1 + n % 4],
       case when n % 12 = 3 then 'Data protection' when n % 50 = 1 then 'left over' end,
       case when n % 97 = 0 then '?' when n % 89 = 0 then repeat('🕰', 200) else 'Ticket ' || n end,
       (array['open', 'in_progress', 'resolved', 'closed'])[1 + n / 4 % 4],
       case when n % 53 = 0 then null when n % 11 = 0 then 'urgent' else 'normal' end,
       (array[true, false, null])[1 + n / 16 % 3],
       (array[true, false, null])[1 + n / 48 % 3],
       case when n % 61 <> 0 then '2024-01-01'::timestamptz + n * interval '1 hour' end,
       case when n % 67 <> 0
            then '2024-01-01'::timestamptz + n * 7919 % 5000 * interval '3 hours' end
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
            else '2024-01-01'::timestamptz + n * interval '1 hour'
                 + k * 19 % 50 * interval '7 minutes'
       end
  from generate_series(1, 5000) n
 cross join generate_series(0, 49) k
 where k < case when n % 100 = 0 then n / 100 else n % 9 end
 order by k, n * 7919 % 5000;
"""

OLD_COLUMNS = {
    "users": "id, email, password_hash, created_at",
    "sessions": "token, user_id, expires_at, created_at",
    "tickets": "id, user_id, category, other_category, subject, status, priority, "
    "user_unread, admin_unread, created_at, updated_at",
    "ticket_messages": "id, ticket_id, sender_type, sender_id, message, created_at",
}


async def execute(url: str, *scripts: str) -> None:
    connection = await asyncpg.connect(url)
    for script in scripts:
        await connection.execute(script)
    await connection.close()


@contextmanager
def session_database(server_url: str, name: str, template: str) -> Iterator[str]:
    """Return the URL of a database that all tests of the folder share."""
    name = f"{name}_{os.getpid()}"
    asyncio.run(execute(server_url, f"create database {name} template {template}"))
    yield in_database(server_url, name)
    asyncio.run(execute(server_url, f"drop database {name} with (force)"))


@asynccontextmanager
async def world_on(url: str) -> AsyncIterator[PostgresWorld]:
    async with Database(url).open() as database:
        yield PostgresWorld(database)


async def old_rows(connection: Connection) -> dict[str, list[Row]]:
    """Return the platform's rows, by table: its own columns, in the order of the primary key."""
    rows: dict[str, list[Row]] = {}
    for table, columns in OLD_COLUMNS.items():
        query = f"select {columns} from {table} order by 1"  # noqa: S608 - our own constants
        rows[table] = [dict(row) for row in await connection.fetch(query)]
    return rows


async def snapshot(connection: Connection) -> dict[str, list[str]]:
    """Return what a dump would hold: schema, rows and the last values of sequences."""
    schema = {
        "columns": """
            select concat_ws(' ', table_schema, table_name, column_name, data_type,
                             character_maximum_length, is_nullable, column_default)
              from information_schema.columns
             where table_schema not in ('pg_catalog', 'information_schema')""",
        "indexes": "select indexdef from pg_indexes where schemaname not like 'pg%'",
        "constraints": """
            select concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
              from pg_constraint
             where conrelid > 0 and conrelid::regclass::text !~ '^(pg_|information_schema)'""",
        "triggers": """
            select tgrelid::regclass || ' ' || tgname || tgenabled::text
              from pg_trigger where not tgisinternal""",
        "sequences": """
            select concat_ws(' ', schemaname, sequencename, last_value) from pg_sequences""",
    }
    found = {
        what: sorted(row[0] for row in await connection.fetch(query))
        for what, query in schema.items()
    }
    tables = await connection.fetch(
        """select oid::regclass::text
             from pg_class
            where relkind = 'r' and relnamespace::regnamespace::text !~ '^(pg_|info)'"""
    )
    for (table,) in tables:
        query = f"select t::text from {table} t"  # noqa: S608 - the name is from the catalogue
        rows = await connection.fetch(query)
        found[table] = sorted(row[0] for row in rows)
    return found


async def names(connection: Connection, kind: str, table: str) -> set[str]:
    """Return the names of a table's constraints or indexes."""
    query = {
        "constraints": """
            select conname from pg_constraint where contype <> 'n' and conrelid = $1::regclass""",
        "indexes": """
            select indexrelid::regclass::text from pg_index where indrelid = $1::regclass""",
    }
    return {row[0] for row in await connection.fetch(query[kind], table)}


async def refusal(connection: Connection) -> str:
    """Return why a take-over refuses the database; check that it has changed nothing."""
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
