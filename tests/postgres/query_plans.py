"""A database of some size, and the plans of queries on it as they were executed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg

from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.ticket import MAX_MESSAGES as MESSAGES

TICKETS = int(os.environ.get("TICKETS_TEST_PLANS", "60000"))  # `just plans` makes a million
USERS = TICKETS // 30
KEYS = 20_000
FROM = datetime(2024, 1, 1, tzinfo=UTC)
BUSY_USER = 1  # has a third of all tickets
# may be read from end to end: one row for each migration, admin, channel
SMALL_TABLES = {"ticket_migrations", "ticket_admins", "ticket_channels"}
LONG_THREAD = 777  # a ticket with as many messages as a ticket can hold, of the longest texts

# Most tickets are closed, one in fifty is unread for each side, and one user writes the most.
FILL = f"""
-- index-only scans need the visibility map, which needs commits that are on disk
set synchronous_commit = on;
set session_replication_role = replica;  -- no checks of foreign keys: these rows are right

insert into users (email) select 'user' || n || '@example.com' from generate_series(1, {USERS}) n;

insert into ticket_people (external_id, user_id, name)
select 'host-' || id, id, 'Person ' || id from users where id % 2 = 0;

insert into ticket_admins (name, email)
select 'Admin ' || n, 'admin' || n || '@example.com' from generate_series(1, 20) n;

insert into tickets (user_id, category, subject, status, user_unread, admin_unread,
                     message_count, last_message, created_at, updated_at,
                     last_ordinal, user_seen, admin_seen, waiting_since, follows, assignee_id)
select case when n % 3 = 0 then {BUSY_USER} else 2 + n * 7919 % {USERS - 1} end,
       (array['support', 'support', 'support', 'support',
              'billing', 'billing', 'feature_suggestion', 'other'])[1 + n % 8],
       'The export stops half-way, for the ' || n || 'th time this week',
       case n / 8 % 40
            when 0 then 'open' when 1 then 'in_progress' when 2 then 'resolved' when 3 then 'open'
            else 'closed' end,
       n % 50 = 7, n % 50 = 11, 2, left(repeat('It stops after the first hundred rows. ', 3), 101),
       '{FROM}'::timestamptz + n * interval '10 minutes',
       '{FROM}'::timestamptz + n * 7919 % {TICKETS} * interval '10 minutes',
       1, 1, 1, case when n % 100 = 0 then '{FROM}'::timestamptz end,
       case when n % 100 = 0 then n - 1 end,
       nullif(n % 21, 0)
  from generate_series(1, {TICKETS}::bigint) n;

update tickets set message_count = {MESSAGES}, last_ordinal = {MESSAGES} where id = {LONG_THREAD};

insert into ticket_notes (ticket_id, note, created_at)
select 1 + n % 500, 'A note.', timestamptz '{FROM:%Y-%m-%d} 10:00+00'
  from generate_series(1, 50000) n;

insert into ticket_counts
select 0, status, category, count(*), count(*) filter (where admin_unread)
  from tickets group by 2, 3;

insert into ticket_messages (ticket_id, sender_type, message, created_at, ordinal)
select n % {TICKETS} + 1, case when n % 2 = 0 then 'admin' else 'user' end, 'It stops.',
       '{FROM}'::timestamptz + n * interval '1 minute', 1
  from generate_series(1, {TICKETS}::bigint) n
 union all
select {LONG_THREAD}, 'user', repeat(chr(128165), 5000),
       '{FROM}'::timestamptz + n * interval '1 second', n
  from generate_series(2, {MESSAGES}) n;

-- the events of each ticket; in the longest thread one for each message, and some to show
insert into ticket_events (ticket_id, at, kind, by, after)
select n, '{FROM}'::timestamptz, kind, 'user', case kind when 'status' then 'closed' end
  from generate_series(1, {TICKETS}) n
 cross join unnest(array['created', 'message', 'waiting', 'status']) as kind
 union all
select {LONG_THREAD}, '{FROM}'::timestamptz,
       case when n % 50 = 0 then 'status' else 'message' end, 'admin', null
  from generate_series(2, {MESSAGES}) n;

insert into ticket_channels (channel, target, events)
values ('webhook', 'https://example.com/hook', '{{ticket.created}}');

insert into ticket_tokens (token_sha256, user_id, expires_at)
select sha256(n::text::bytea), n, now() + interval '1 day' from generate_series(1, {USERS}) n;

insert into ticket_rates (subject, arrival, seen_at, tolerance)
select 'replies:' || n, now(), now(), '1 hour' from generate_series(1, 5000) n;
insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at)
select case when n % 3 = 0 then 'admin' else 'user:' || n % {USERS} end, 'key ' || n,
       sha256(n::text::bytea), 'true', '{FROM}'::timestamptz + n * interval '1 second'
  from generate_series(1, {KEYS}) n;

create table sessions (
    token text primary key, user_id integer, expires_at timestamp, created_at timestamp);
insert into sessions
select n::text, n, now() at time zone 'utc' + interval '1 day' from generate_series(1, {USERS}) n;
"""  # noqa: S608 - the numbers are constants of this file


@dataclass(frozen=True)
class Node:
    """One step of a plan as it was executed."""

    kind: str
    table: str | None
    rows: float  # returned, in all loops
    read: float  # returned or filtered out
    children: Sequence[Node]

    @classmethod
    def of(cls, plan: dict[str, Any]) -> Node:
        loops = plan["Actual Loops"]
        filtered_out = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
        return cls(
            kind=plan["Node Type"],
            table=plan.get("Relation Name"),
            rows=plan["Actual Rows"] * loops,
            read=(plan["Actual Rows"] + sum(plan.get(name, 0) for name in filtered_out)) * loops,
            children=[cls.of(child) for child in plan.get("Plans", ())],
        )

    def all(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.all()

    @property
    def sequential_scans(self) -> set[str]:
        """Tables that are read from end to end, without an index."""
        tables = {node.table for node in self.all() if node.kind == "Seq Scan" and node.table}
        return tables - SMALL_TABLES

    @property
    def rows_sorted(self) -> float:
        sorts = [node for node in self.all() if "Sort" in node.kind]
        return sum(node.children[0].rows for node in sorts)

    @property
    def rows_read(self) -> float:
        """Rows or index entries that were read, in all tables."""
        return sum(
            node.read for node in self.all() if node.table and node.table not in SMALL_TABLES
        )


async def plan_of(
    connection: asyncpg.Connection[asyncpg.Record], file: str, query: str, **values: object
) -> Node:
    """Run the query with the generic plan that the service uses; return the plan."""
    sql, *arguments = load_queries(file)[query].bind(**values)
    await connection.execute(f"prepare planned as {sql}")
    call = f"planned ({', '.join(map(literal, arguments))})" if arguments else "planned"
    plan = await connection.fetchval(
        f"explain (analyze, buffers, timing off, format json) execute {call}"
    )
    return Node.of(json.loads(plan)[0]["Plan"])


def literal(value: object) -> str:
    match value:
        case bool() | int():
            return str(value)
        case None:
            return "null"
        case bytes():
            return rf"'\x{value.hex()}'"
        case list():
            return "'{" + ",".join(map(str, value)) + "}'"
        case _:
            return f"'{value}'"
