"""Query plans on a database of some size: indexes only, and few more rows read than returned."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import asyncpg
import pytest

from tests.databases import in_database
from tests.postgres.query_plans import BUSY_USER, FILL, FROM, LONG_THREAD, TICKETS, plan_of
from tickets.adapters.postgres.sql_loader import load_queries, sql_folder
from tickets.domain.history import MAX_PAGE_EVENTS
from tickets.domain.read_models import MAX_FOLLOW_UPS, MAX_PAGE_BYTES, MAX_PAGE_MESSAGES
from tickets.domain.ticket import MAX_ID
from tickets.domain.ticket import MAX_MESSAGES as MESSAGES


@pytest.fixture(scope="module")
def full_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """Return the URL of a database with many tickets, which no test changes."""
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
    """Return a connection in a transaction that is rolled back."""
    connection = await asyncpg.connect(full_url)
    transaction = connection.transaction()
    await transaction.start()
    # as the service does: one plan for all values
    await connection.execute("set local plan_cache_mode = force_generic_plan")
    yield connection
    await transaction.rollback()
    await connection.close()


STATUSES = ["open", "in_progress", "resolved", "closed"]
CATEGORIES = ["support", "billing", "feature_suggestion", "other"]
LIMIT = 50
PAGE = LIMIT + 1  # one row shows whether more follow
LATEST = datetime.max.replace(tzinfo=UTC)
TOP = {"after_updated_at": LATEST, "after_id": MAX_ID, "limit": LIMIT}
MIDDLE = TOP | {"after_updated_at": FROM + timedelta(minutes=10) * (TICKETS // 2)}

Values = dict[str, object]

PAGES: dict[str, tuple[str, Values]] = {
    "a user's first page": ("user_list", {"user_id": BUSY_USER, "statuses": STATUSES} | TOP),
    "a user's later page": ("user_list", {"user_id": BUSY_USER, "statuses": STATUSES} | MIDDLE),
    "a user's closed tickets": ("user_list", {"user_id": BUSY_USER, "statuses": ["closed"]} | TOP),
    "the admins' first page": ("admin_list", {"after_unread": True} | TOP),
    "the admins' first page of read tickets": ("admin_list", {"after_unread": False} | TOP),
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
async def test_a_page_reads_at_most_one_page_for_each_status_or_category(
    connection: asyncpg.Connection[asyncpg.Record], page: str
) -> None:
    query, values = PAGES[page]
    plan = await plan_of(connection, "ticket_views", query, **values)

    assert plan.rows == 1
    assert plan.rows_read >= PAGE
    assert plan.sequential_scans == set()
    assert plan.rows_read <= (4 + 1) * PAGE  # for each status or category, and their users
    assert plan.rows_sorted <= (4 + 1) * PAGE  # the rows of the page may be sorted once more


async def test_a_short_page_reads_only_its_own_rows(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    values: Values = {"user_id": 2, "statuses": STATUSES} | TOP
    plan = await plan_of(connection, "ticket_views", "user_list", **values)

    assert plan.rows == 1
    assert 0 < plan.rows_read < PAGE
    assert plan.sequential_scans == set()


async def test_an_unread_count_reads_only_the_unread_tickets_of_its_user(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    query = load_queries("ticket_views")["user_unread"].bind(user_id=BUSY_USER)
    count = await connection.fetchval(*query)

    plan = await plan_of(connection, "ticket_views", "user_unread", user_id=BUSY_USER)

    assert 0 < count < TICKETS / 40
    assert plan.rows_read == count
    assert plan.sequential_scans == set()


@pytest.mark.parametrize("query", ["admin_stats", "admin_unread"])
async def test_admin_figures_read_the_counters_and_not_the_tickets(
    connection: asyncpg.Connection[asyncpg.Record], query: str
) -> None:
    plan = await plan_of(connection, "ticket_views", query)

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
    "last_ordinal": MESSAGES + 1,
    "user_seen": 1,
    "admin_seen": 1,
    "waiting_since": FROM,
    "priority": "high",
    "assigns": True,
    "assignee_id": 2,
    "last_sender": "user",
    "first_replied_at": None,
    "resolved_at": None,
    "events_recorded": 3,
}
NEWEST: Values = {
    "before": MAX_ID,
    "limit": MAX_PAGE_MESSAGES,
    "max_bytes": MAX_PAGE_BYTES,
    "max_follow_ups": MAX_FOLLOW_UPS,
    "viewer": "admin",
    "events_before": 2**63 - 1,
    "max_events": MAX_PAGE_EVENTS,
}
WHOLE: Values = {name: value for name, value in NEWEST.items() if name != "before"}
A_MESSAGE: Values = {
    "sender_type": "user",
    "sender_name": None,
    "sender_admin_id": None,
    "sender_id": 1,
    "message": "It stops.",
    "sent_at": FROM,
    "events": ["message", None, None, "waiting", None, "began"],
    "event_at": FROM,
    "event_by": "user",
    "event_admin_id": None,
    "event_admin_name": None,
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


SINGLE_ROWS: dict[str, tuple[str, str, Values]] = {
    "a ticket": ("tickets", "get_ticket", {"ticket_id": 1234}),
    "an unknown ticket": ("tickets", "get_ticket", {"ticket_id": MAX_ID}),
    "a ticket with its thread": (
        "tickets",
        "get_ticket_with_whole_thread",
        {"ticket_id": 1234} | WHOLE,
    ),
    "a ticket with a page of its thread": (
        "tickets",
        "get_ticket_with_thread",
        {"ticket_id": 1234} | NEWEST,
    ),
    "when the service took over": ("tickets", "taken_over_at", {}),
    "a save": ("tickets", "save_ticket", A_SAVE | NO_KEY | NO_LIMIT),
    "a save of the state alone": ("tickets", "save_state", A_STATE),
    "a save that returns the thread": (
        "tickets",
        "save_with_thread",
        A_STATE | {"ticket_id": 1234, "shown_after": 0} | NEWEST,
    ),
    "a save with an idempotency key": ("tickets", "save_ticket", A_SAVE | A_KEY | NO_LIMIT),
    "a save with a rate limit": ("tickets", "save_ticket", A_SAVE | NO_KEY | A_LIMIT),
    "a stale save": ("tickets", "save_ticket", A_SAVE | A_KEY | A_LIMIT | {"version": 9}),
    "a save with deliveries": (
        "tickets",
        "save_ticket_and_deliver",
        A_SAVE | A_KEY | A_LIMIT,
    ),
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
    "a person by the host's id": ("people", "find_person", {"external_id": "host-8"}),
    "a user by the platform's id": ("people", "find_platform_user", {"user_id": 7}),
    "a customer by id": ("customer_lookup", "customer_by_id", {"user_id": 7}),
    "customers by address": (
        "customer_lookup",
        "customers_by_email",
        {"email": "User7@example.com"},
    ),
    "a user's tokens": ("token_admin", "list_tokens", {"user_id": 7}),
    "a revoked token": ("token_admin", "revoke_token", {"token_id": 7}),
    "a user's revoked tokens": ("token_admin", "revoke_all_tokens", {"user_id": 7}),
    "readiness": ("store_health", "count_known_migrations", {"highest": 9}),
}


@pytest.mark.parametrize("case", SINGLE_ROWS)
async def test_a_query_for_a_single_row_reads_at_most_eight(
    connection: asyncpg.Connection[asyncpg.Record], case: str
) -> None:
    file, query, values = SINGLE_ROWS[case]
    if query == "save_ticket":
        await connection.execute("update ticket_channels set disabled_at = now()")
    plan = await plan_of(connection, file, query, **values)

    assert plan.sequential_scans == set()
    assert plan.rows_read <= 8
    assert plan.rows_sorted <= 2


@pytest.mark.parametrize("before", [MAX_ID, MESSAGES // 2, 300])
@pytest.mark.parametrize("limit", [200, 1])
@pytest.mark.parametrize("query", ["get_ticket_with_thread", "save_with_thread"])
async def test_a_page_of_the_longest_thread_reads_its_own_messages_and_one_more(
    connection: asyncpg.Connection[asyncpg.Record], query: str, before: int, limit: int
) -> None:
    values = NEWEST | {"ticket_id": LONG_THREAD, "before": before, "limit": limit}
    if query == "save_with_thread":
        owner = await connection.fetchval("select user_id from tickets where id = $1", LONG_THREAD)
        values |= A_STATE | {"user_id": owner, "shown_after": MESSAGES}

    plan = await plan_of(connection, "tickets", query, **values)

    messages = [node for node in plan.all() if node.table == "ticket_messages"]
    assert sum(node.read for node in messages) == limit + 1
    events = [node for node in plan.all() if node.table == "ticket_events"]
    assert sum(node.read for node in events) == MAX_PAGE_EVENTS + 1
    assert plan.rows_read <= limit + 1 + MAX_PAGE_EVENTS + 1 + 5
    assert plan.sequential_scans == set()
    assert plan.rows == 1


async def test_a_thread_that_is_longer_than_a_page_is_not_read_whole(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    values = WHOLE | {"ticket_id": LONG_THREAD}

    plan = await plan_of(connection, "tickets", "get_ticket_with_whole_thread", **values)

    assert sum(node.read for node in plan.all() if node.table == "ticket_messages") == 0
    assert plan.rows == 1


async def test_a_thread_that_is_longer_than_its_ticket_says_is_read_to_a_page_and_one_more(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    await connection.execute("update tickets set message_count = 1 where id = $1", LONG_THREAD)
    values = WHOLE | {"ticket_id": LONG_THREAD}

    plan = await plan_of(connection, "tickets", "get_ticket_with_whole_thread", **values)

    messages = [node for node in plan.all() if node.table == "ticket_messages"]
    assert sum(node.read for node in messages) == MAX_PAGE_MESSAGES + 1
    assert plan.sequential_scans == set()


async def test_a_page_of_the_longest_texts_is_bounded_in_bytes(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    values = NEWEST | {"ticket_id": LONG_THREAD}
    row = await connection.fetchrow(
        *load_queries("tickets")["get_ticket_with_thread"].bind(**values)
    )

    assert row is not None
    assert 0.97 * MAX_PAGE_BYTES < len(row["messages"]) < 1.01 * MAX_PAGE_BYTES


@pytest.mark.parametrize(
    ("query", "page"), [("get_ticket_with_whole_thread", WHOLE), ("get_ticket_with_thread", NEWEST)]
)
async def test_the_follow_ups_of_a_ticket_are_found_by_index(
    connection: asyncpg.Connection[asyncpg.Record], query: str, page: Values
) -> None:
    followed = await connection.fetchval("select follows from tickets where follows is not null")

    plan = await plan_of(connection, "tickets", query, ticket_id=followed, **page)

    assert plan.sequential_scans == set()
    assert plan.rows_read <= 5


async def test_auto_close_finds_its_tickets_through_the_index_of_resolved_ones(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    plan = await plan_of(
        connection,
        "tickets",
        "resolved_since",
        moment=FROM + timedelta(minutes=10) * (TICKETS // 2),
        after_updated_at=FROM,
        after_id=0,
        limit=500,
    )

    assert plan.rows == 500
    # each with its newest message; and those whose customer waits, which are passed over
    assert plan.rows_read <= 1.1 * 2 * 500
    assert plan.rows_sorted == 0
    assert plan.sequential_scans == set()


async def test_expired_idempotency_keys_are_found_by_age(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    plan = await plan_of(
        connection, "idempotency", "delete_responses_before", moment=LATER, limit=500
    )

    assert plan.sequential_scans == set()
    # each is found, locked and deleted
    assert plan.rows_read <= 3 * 500


BATCH = 500
SOME_TICKETS = list(range(LONG_THREAD + 1, LONG_THREAD + 1 + BATCH))
A_NOTE: Values = {
    "admin_id": None,
    "admin_name": None,
    "note": "A note.",
    "created_at": LATER,
    "max_notes": 1000,
}
DESK: dict[str, tuple[str, str, Values, int]] = {
    "the newest notes": (
        "notes",
        "notes_of_ticket",
        {"ticket_id": 7, "before": MAX_ID, "limit": 21},
        21,
    ),
    "a note": ("notes", "add_note", {"ticket_id": 7} | A_NOTE | NO_KEY, 110),
    "a note with a key": ("notes", "add_note", {"ticket_id": 7} | A_NOTE | A_KEY, 110),
}
"""Queries of the desk that read one ticket's notes: file, name, values, rows read at most."""


@pytest.mark.parametrize("case", DESK)
async def test_notes_are_read_of_one_ticket_alone(
    connection: asyncpg.Connection[asyncpg.Record], case: str
) -> None:
    file, query, values, most = DESK[case]
    plan = await plan_of(connection, file, query, **values)

    assert plan.sequential_scans == set()
    assert 0 < plan.rows_read <= most


@pytest.mark.parametrize(
    ("query", "values"), [("list_admins", {}), ("assigned_to", {"admin_id": 1, "after": 0})]
)
async def test_the_tickets_of_an_admin_are_found_by_their_index(
    connection: asyncpg.Connection[asyncpg.Record], query: str, values: Values
) -> None:
    limit = {"limit": 500} if query == "assigned_to" else {}
    plan = await plan_of(connection, "admins", query, **values, **limit)

    assert plan.sequential_scans <= {"ticket_admins"}
    open_tickets = await connection.fetchval(
        "select count(*) from tickets where assignee_id is not null and status <> 'closed'"
    )
    assert 0 < plan.rows_read <= open_tickets + 2 * 100


VERIFICATION: dict[str, Values] = {
    "next_tickets": {"after": 1000, "size": BATCH},
    "sample_of_tickets": {"newest": 100, "places": 40, "at_each": 10},
    "find_wrong_threads": {"ticket_ids": SOME_TICKETS},
    "repair_threads": {"ticket_ids": SOME_TICKETS},
    "lock_ticket": {"ticket_id": 1234},
    "number_messages": {"ticket_id": 1234},
}


@pytest.mark.parametrize("query", VERIFICATION)
async def test_verification_reads_only_the_tickets_of_its_batch(
    connection: asyncpg.Connection[asyncpg.Record], query: str
) -> None:
    plan = await plan_of(connection, "verification", query, **VERIFICATION[query])

    assert plan.sequential_scans == set()
    # each with its messages, of which some are read once more for the newest
    assert plan.rows_read <= 7 * BATCH


A_QUEUE: Values = {
    "statuses": None,
    "category": None,
    "assignee": None,
    "priority": None,
    "unread_only": False,
    "waiting_only": False,
    "limit": LIMIT,
}
SORTED: Values = {
    "sort": "priority",
    "priorities": "urgent,high,normal,low",
    "is_ascending": True,
    "after_rank": -1,
    "after_place": "0",
    "after_tie": 0,
}
FIRST_WAITING: Values = {"after_at": "-infinity", "after_id": 0}
NEWEST_FIRST: Values = {"after_at": "infinity", "after_id": 0}
QUEUES: dict[str, tuple[str, Values, int]] = {
    "waiting": ("queue_waiting", FIRST_WAITING, 1),
    "mine": ("queue_of_assignee", FIRST_WAITING | {"assignee": 3}, 1),
    "unassigned": ("queue_of_assignee", FIRST_WAITING | {"assignee": 0}, 1),
    "open": ("queue_open", NEWEST_FIRST, 1),
}


@pytest.mark.parametrize("name", QUEUES)
async def test_a_queue_reads_a_page_whatever_is_closed(
    connection: asyncpg.Connection[asyncpg.Record], name: str
) -> None:
    query, values, branches = QUEUES[name]

    plan = await plan_of(connection, "queues", query, **A_QUEUE | values)

    assert plan.sequential_scans == set()
    # the page from the index, its tickets, their users; one more where it is merged
    assert PAGE <= plan.rows_read <= (2 + branches) * PAGE + 1


SCOPES = {
    "open_work_sorted": TICKETS // 10,
    "customer_sorted": 200,
    "unread_sorted": TICKETS // 50,
}


@pytest.mark.parametrize("query", SCOPES)
async def test_a_sorted_list_reads_its_scope_by_index(
    connection: asyncpg.Connection[asyncpg.Record], query: str
) -> None:
    customer = {"user_id": 2} if query == "customer_sorted" else {}

    plan = await plan_of(connection, "queues", query, **A_QUEUE | SORTED | customer)

    assert plan.rows == 1
    assert plan.sequential_scans == set()
    assert plan.rows_read <= SCOPES[query] + 3 * PAGE


async def test_counting_the_queues_reads_indexes_of_the_open_work_alone(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    plan = await plan_of(connection, "queues", "queue_counts", admin_id=3)

    assert plan.sequential_scans <= {"ticket_counts"}
    # a tenth is not closed, one in a hundred waits
    assert plan.rows_read <= TICKETS // 10 + TICKETS // 50


def test_every_query_has_its_plan_tested() -> None:
    planned = {query for query, _values in PAGES.values()}
    planned |= {query for _file, query, _values in SINGLE_ROWS.values()}
    planned |= {"user_unread", "admin_stats", "admin_unread"}
    planned |= {"resolved_since", "delete_responses_before"}
    planned |= set(VERIFICATION) | {query for _file, query, _values, _most in DESK.values()}
    planned |= {"list_admins", "assigned_to"}
    # by a unique index, or all of a table that has a hundred rows, or five hundred
    planned |= {"admin_by_token_sha256", "get_admin", "email_of_admin"}
    # by a primary key, by a unique index, or in the catalogue
    planned |= set(load_queries("people"))
    # tests/postgres/repositories/test_delivery_plans.py
    planned |= set(load_queries("deliveries"))
    # over the few rows of webhooks; a command's list of deliveries reads those of its webhook
    planned |= set(load_queries("webhooks"))
    # tests/postgres/repositories/test_mail_plans.py
    planned |= set(load_queries("mail"))
    planned |= set(load_queries("admin_accounts")) | set(load_queries("saved_replies"))
    planned |= {query for query, _values, _branches in QUEUES.values()}
    planned |= set(SCOPES) | {"queue_counts"}
    # tests/postgres/repositories/test_ticket_search.py
    planned |= {"own", "everywhere", "everywhere_recent"}
    # one row per status by the index of a user; and a report, which reads whole days
    planned |= {"customer", "report"}

    # not on a request's path, and over a few rows or the catalogue
    others = {"migrations", "listener", "ticket_counts", "demo", "auto_close", "sequences"}
    planned |= set(load_queries("verification")) | {"readiness", "last_verification"}
    folder = sql_folder() / "queries"
    files = {file.name.removesuffix(".sql") for file in folder.iterdir()} - others
    queries = {name for file in files for name in load_queries(file)}

    # Every row of a small table, every few minutes: an index on the time would be written by every
    # reply, or by every token. And every unread entry of an index, for a scrape.
    planned |= {"delete_expired_rate_limits", "delete_expired_tokens", "unread_totals"}
    # the catalogue, and a table of one row
    planned |= {"readiness", "last_verification"}
    inserts = {"add_ticket", "add_ticket_with_context", "add_ticket_and_deliver"}
    inserts |= {"store_response", "add_user", "add_token"}
    assert planned == queries - inserts
