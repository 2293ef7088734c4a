"""Every query on tables of some size: by an index, and no more rows read than a page needs, whoever asks."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import asyncpg
import pytest

from tests.databases import in_database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.ticket import MAX_ID

TICKETS = int(os.environ.get("TICKETS_TEST_PLANS", "60000"))  # `just plans` makes a million
USERS = TICKETS // 30
KEYS = 20_000
FROM = datetime(2024, 1, 1, tzinfo=UTC)
BUSY_USER = 1  # who has a third of all tickets
A_FEW_ROWS = "ticket_migrations"  # one for each file of this version
LONG_THREAD = 777  # a ticket with 2,000 messages

# Most tickets are closed, two in a hundred are unread, and one user writes more than all others.
FILL = f"""
-- the visibility map, and with it an index-only scan, waits for commits to be on disk
set synchronous_commit = on;
set session_replication_role = replica;  -- what is made here needs no look-up of each foreign key

insert into users (email) select 'user' || n || '@example.com' from generate_series(1, {USERS}) n;

insert into tickets (user_id, category, subject, status, user_unread, admin_unread, message_count, last_message,
                     created_at, updated_at)
select case when n % 3 = 0 then {BUSY_USER} else 2 + n * 7919 % {USERS - 1} end,
       (array['support', 'support', 'support', 'support', 'billing', 'billing', 'feature_suggestion', 'other'])[1 + n % 8],
       'The export stops half-way, for the ' || n || 'th time this week',
       case n / 8 % 40 when 0 then 'open' when 1 then 'in_progress' when 2 then 'resolved' when 3 then 'open'
            else 'closed' end,
       n % 50 = 7, n % 50 = 11, 2, left(repeat('It stops after the first hundred rows. ', 3), 101),
       '{FROM}'::timestamptz + n * interval '10 minutes',
       '{FROM}'::timestamptz + n * 7919 % {TICKETS} * interval '10 minutes'
  from generate_series(1, {TICKETS}::bigint) n;

insert into ticket_counts select 0, status, category, count(*), count(*) filter (where admin_unread) from tickets group by 2, 3;

insert into ticket_messages (ticket_id, sender_type, message, created_at)
select n % {TICKETS} + 1, case when n % 2 = 0 then 'admin' else 'user' end, 'It stops.',
       '{FROM}'::timestamptz + n * interval '1 minute'
  from generate_series(1, {TICKETS}::bigint) n
 union all
select {LONG_THREAD}, 'user', 'And again.', '{FROM}'::timestamptz + n * interval '1 second'
  from generate_series(1, 2000) n;

insert into ticket_tokens (token_sha256, user_id, expires_at)
select sha256(n::text::bytea), n, now() + interval '1 day' from generate_series(1, {USERS}) n;

insert into ticket_rates (subject, arrival, seen_at, tolerance)
select 'replies:' || n, now(), now(), '1 hour' from generate_series(1, 5000) n;
insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at)
select case when n % 3 = 0 then 'admin' else 'user:' || n % {USERS} end, 'key ' || n, sha256(n::text::bytea), 'true',
       '{FROM}'::timestamptz + n * interval '1 second'
  from generate_series(1, {KEYS}) n;

create table sessions (token text primary key, user_id integer, expires_at timestamp, created_at timestamp);
insert into sessions select n::text, n, now() at time zone 'utc' + interval '1 day' from generate_series(1, {USERS}) n;
"""  # noqa: S608 - the numbers are this file's own


@pytest.fixture(scope="module")
def full_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """Return the URL of a database with many tickets, which these tests leave as it is."""
    name = f"plans_{os.getpid()}"
    url = in_database(postgres_url, name)

    async def run(url: str, *scripts: str) -> None:
        connection = await asyncpg.connect(url)
        for script in scripts:
            await connection.execute(script)
        await connection.close()

    asyncio.run(run(postgres_url, f"create database {name} template {migrated_template}"))
    asyncio.run(run(url, FILL, "vacuum analyze"))
    yield url
    asyncio.run(run(postgres_url, f"drop database {name} with (force)"))


@pytest.fixture
async def connection(full_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Return a connection on which nothing that is done stays done."""
    connection = await asyncpg.connect(full_url)
    transaction = connection.transaction()
    await transaction.start()
    # what the server settles on for a statement that is used often, blind to its arguments
    await connection.execute("set local plan_cache_mode = force_generic_plan")
    yield connection
    await transaction.rollback()
    await connection.close()


@dataclass(frozen=True)
class Node:
    """One step of a plan as it was executed."""

    kind: str
    table: str | None
    rows: float  # handed on, in all loops
    read: float  # handed on or thrown away
    children: Sequence[Node]

    @classmethod
    def of(cls, plan: dict[str, Any]) -> Node:
        loops = plan["Actual Loops"]
        dropped = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
        return cls(
            kind=plan["Node Type"],
            table=plan.get("Relation Name"),
            rows=plan["Actual Rows"] * loops,
            read=(plan["Actual Rows"] + sum(plan.get(name, 0) for name in dropped)) * loops,
            children=[cls.of(child) for child in plan.get("Plans", ())],
        )

    def all(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.all()

    @property
    def read_from_end_to_end(self) -> set[str]:
        """Tables without an index between them and the query."""
        tables = {node.table for node in self.all() if node.kind == "Seq Scan" and node.table}
        return tables - {A_FEW_ROWS}

    @property
    def rows_sorted(self) -> float:
        sorts = [node for node in self.all() if "Sort" in node.kind]
        return sum(node.children[0].rows for node in sorts)

    @property
    def rows_read(self) -> float:
        """Rows or index entries that were looked at, in all tables."""
        return sum(node.read for node in self.all() if node.table not in (None, A_FEW_ROWS))


async def plan_of(
    connection: asyncpg.Connection[asyncpg.Record], file: str, query: str, **values: object
) -> Node:
    """Run the query as the service would after a while, and return what was done."""
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


STATUSES = ["open", "in_progress", "resolved", "closed"]
CATEGORIES = ["support", "billing", "feature_suggestion", "other"]
PAGE = 51  # fifty, and the one that tells whether more follow
LATEST = datetime.max.replace(tzinfo=UTC)
TOP = {"after_updated_at": LATEST, "after_id": MAX_ID, "limit": PAGE}
MIDDLE = TOP | {"after_updated_at": FROM + timedelta(minutes=10) * (TICKETS // 2)}

Values = dict[str, object]

PAGES: dict[str, tuple[str, Values]] = {
    "a user's first page": ("user_list", {"user_id": BUSY_USER, "statuses": STATUSES} | TOP),
    "a user's later page": ("user_list", {"user_id": BUSY_USER, "statuses": STATUSES} | MIDDLE),
    "a user's closed tickets": ("user_list", {"user_id": BUSY_USER, "statuses": ["closed"]} | TOP),
    "the admins' first page": ("admin_list", {"after_unread": True} | TOP),
    "the admins' first page of what is read": ("admin_list", {"after_unread": False} | TOP),
    "a later page of the admins": ("admin_list", {"after_unread": False} | MIDDLE),
    "the admins' closed tickets": (
        "admin_list_filtered",
        {"statuses": ["closed"], "categories": CATEGORIES, "after_unread": True} | TOP,
    ),
    "the admins' support tickets": (
        "admin_list_filtered",
        {"statuses": STATUSES, "categories": ["support"], "after_unread": False} | MIDDLE,
    ),
    "the admins' open billing tickets": (
        "admin_list_filtered",
        {"statuses": ["open"], "categories": ["billing"], "after_unread": True} | TOP,
    ),
}


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_reads_a_page_of_each_kind_it_is_made_of(
    connection: asyncpg.Connection[asyncpg.Record], page: str
) -> None:
    query, values = PAGES[page]
    plan = await plan_of(connection, "ticket_views", query, **values)

    assert plan.rows == PAGE
    assert plan.read_from_end_to_end == set()
    assert plan.rows_read <= (4 + 1) * PAGE  # of each status or category, and their users
    assert plan.rows_sorted <= 4 * PAGE


async def test_a_page_of_little_reads_little(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    values: Values = {"user_id": 2, "statuses": STATUSES} | TOP
    plan = await plan_of(connection, "ticket_views", "user_list", **values)

    assert 0 < plan.rows < PAGE
    assert plan.rows_read == plan.rows
    assert plan.read_from_end_to_end == set()


async def test_an_unread_count_reads_what_it_counts(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    query = load_queries("ticket_views")["user_unread"].bind(user_id=BUSY_USER)
    count = await connection.fetchval(*query)

    plan = await plan_of(connection, "ticket_views", "user_unread", user_id=BUSY_USER)

    assert 0 < count < TICKETS / 40
    assert plan.rows_read == count
    assert plan.read_from_end_to_end == set()


@pytest.mark.parametrize("figures", ["admin_stats", "admin_unread"])
async def test_figures_read_what_is_counted_and_not_the_tickets(
    connection: asyncpg.Connection[asyncpg.Record], figures: str
) -> None:
    plan = await plan_of(connection, "ticket_views", figures)

    assert {node.table for node in plan.all() if node.table} == {"ticket_counts"}
    assert plan.rows_read == len(STATUSES) * len(CATEGORIES)


LATER = FROM + timedelta(days=1)

A_STATE: Values = {
    "ticket_id": LONG_THREAD,
    "version": 1,
    "user_id": 1,
    "status": "open",
    "user_unread": False,
    "admin_unread": True,
    "message_count": 3,
    "last_message": "",
    "updated_at": FROM,
}
A_MESSAGE: Values = {
    "sender_type": "user",
    "sender_id": 1,
    "message": "It stops.",
    "sent_at": FROM,
}
NO_LIMIT: Values = dict.fromkeys(("subject_of_hit", "interval", "period"))
A_LIMIT: Values = {
    "subject_of_hit": "replies:7",
    "interval": timedelta(seconds=12),
    "period": timedelta(hours=1),
}
NO_KEY: Values = dict.fromkeys(("caller", "key", "fingerprint", "response", "recorded_at"))
A_KEY: Values = {
    "caller": "admin",
    "key": "a new key",
    "fingerprint": sha256(b"").digest(),
    "response": '"open"',
    "recorded_at": LATER,
}
A_SAVE = A_STATE | A_MESSAGE


def key(value: str, since: datetime) -> Values:
    return {"caller": "admin", "key": value, "since": since}


POINTS: dict[str, tuple[str, str, Values]] = {
    "a ticket": ("tickets", "get_ticket", {"ticket_id": 1234}),
    "a ticket that is not there": ("tickets", "get_ticket", {"ticket_id": MAX_ID}),
    "a ticket with its thread": ("tickets", "get_ticket_with_thread", {"ticket_id": 1234}),
    "a save": ("tickets", "save_ticket", A_SAVE | NO_KEY | NO_LIMIT),
    "a save of the state alone": ("tickets", "save_state", A_STATE),
    "a save that shows the thread": (
        "tickets",
        "save_with_thread",
        A_STATE | {"ticket_id": 1234},
    ),
    "a save with an idempotency key": ("tickets", "save_ticket", A_SAVE | A_KEY | NO_LIMIT),
    "a save with a rate limit": ("tickets", "save_ticket", A_SAVE | NO_KEY | A_LIMIT),
    "a stale save": ("tickets", "save_ticket", A_SAVE | A_KEY | A_LIMIT | {"version": 9}),
    "a hit": ("rate_limits", "record_hit", A_LIMIT),
    "the wait for a hit": ("rate_limits", "time_until_hit", A_LIMIT),
    "a stored response": ("idempotency", "find_response", key("key 3", FROM)),
    "an expired response": ("idempotency", "find_response", key("key 3", LATER)),
    "the deletion of an expired response": (
        "idempotency",
        "delete_expired_response",
        key("key 3", LATER),
    ),
    "a response that was not stored": ("idempotency", "find_response", key("key 1", FROM)),
    "a user by address": ("token_admin", "find_user", {"email": "User7@example.com"}),
    "a user by token": (
        "identity_tokens",
        "user_by_token_sha256",
        {"token_sha256": sha256(b"7").digest()},
    ),
    "a user by the platform's token": ("identity_sessions", "user_by_token", {"token": "7"}),
    "a user's tokens": ("token_admin", "list_tokens", {"user_id": 7}),
    "a revoked token": ("token_admin", "revoke_token", {"token_id": 7}),
    "a user's revoked tokens": ("token_admin", "revoke_all_tokens", {"user_id": 7}),
    "readiness": ("readiness", "count_known_migrations", {"highest": 9}),
}


@pytest.mark.parametrize("point", POINTS)
async def test_a_single_thing_is_a_few_steps_away(
    connection: asyncpg.Connection[asyncpg.Record], point: str
) -> None:
    file, query, values = POINTS[point]
    plan = await plan_of(connection, file, query, **values)

    assert plan.read_from_end_to_end == set()
    assert plan.rows_read <= 5
    assert plan.rows_sorted <= 1


async def test_a_thread_is_read_along_its_index_and_nothing_else(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    plan = await plan_of(connection, "tickets", "get_ticket_with_thread", ticket_id=LONG_THREAD)

    messages = [node for node in plan.all() if node.table == "ticket_messages"]
    assert sum(node.read for node in messages) == 2001
    assert plan.rows_read <= 2001 + 2
    assert plan.read_from_end_to_end == set()


async def test_settled_tickets_are_found_among_the_resolved(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    plan = await plan_of(
        connection,
        "tickets",
        "resolved_since",
        moment=FROM + timedelta(minutes=10) * (TICKETS // 2),
        limit=500,
    )

    assert plan.rows == plan.rows_read == 500
    assert plan.rows_sorted == 0


async def test_old_keys_are_found_by_age(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    plan = await plan_of(
        connection, "idempotency", "delete_responses_before", moment=LATER, limit=500
    )

    assert plan.read_from_end_to_end == set()
    # found by age, locked, and removed
    assert plan.rows_read <= 3 * 500


def test_no_query_is_left_out() -> None:
    planned = {query for query, _values in PAGES.values()}
    planned |= {query for _file, query, _values in POINTS.values()}
    planned |= {"user_unread", "admin_stats", "admin_unread"}
    planned |= {"resolved_since", "delete_responses_before"}

    files = (
        "ticket_views",
        "tickets",
        "idempotency",
        "rate_limits",
        "token_admin",
        "identity_tokens",
        "identity_sessions",
        "readiness",
    )
    queries = {name for file in files for name in load_queries(file)}

    # Every row of a small table, every few minutes: an index on the time would be written by every
    # reply, or by every token. And every unread entry of an index, for a scrape.
    planned |= {"delete_expired_rate_limits", "delete_expired_tokens", "unread_totals"}
    inserts = {"add_ticket", "add_ticket_with_context", "store_response", "add_user", "add_token"}
    assert planned == queries - inserts
