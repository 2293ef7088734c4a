"""Plans of the mailbook's queries: by keys and indexes, with many tickets and events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import asyncpg
import pytest

from tests.postgres.query_plans import plan_of
from tickets.adapters.postgres.sql_loader import load_queries

AT = datetime(2026, 2, 3, tzinfo=UTC)

FILL = """
set session_replication_role = replica;
insert into users (email) select n || '@example.com' from generate_series(1, 1000) n;
insert into tickets (user_id, category, subject, status, message_count, last_message, last_ordinal)
select n % 1000 + 1, 'support', 'A subject', 'open', 1, '', 1 from generate_series(1, 5000) n;
insert into ticket_messages (ticket_id, sender_type, message, created_at, ordinal)
select n, 'user', 'A text.', now(), 1 from generate_series(1, 5000) n;
insert into ticket_events (ticket_id, at, kind, by)
select n % 5000 + 1, now(), (array['status', 'message', 'assignee'])[n % 3 + 1], 'admin'
  from generate_series(1, 30000) n;
insert into ticket_mail_counts select 'customer:' || n, '2026-02-03', 1
  from generate_series(1, 5000) n;
insert into ticket_mail_refusals select n || '@example.com', 1, '550'
  from generate_series(1, 5000) n;
insert into ticket_mail_unsubscribed select n from generate_series(1, 900) n;
analyze;
"""

VALUES: dict[str, dict[str, object]] = {
    "mailed_tickets": {"ticket_ids": [7, 8]},
    "mailed_messages": {"message_ids": [7, 8]},
    "mailed_first_messages": {"ticket_ids": [7, 8]},
    "mails_sent": {"counters": ["customer:7", "customer:8"], "day": date(2026, 2, 3)},
    "count_mail": {"counters": ["customer:7", "x"], "day": date(2026, 2, 3)},
    "suspended_addresses": {"addresses": ["7@example.com"]},
    "refuse_address": {"address": "a@b", "error": "550", "suspended_after": 2, "at": AT},
    "forget_refusals": {"addresses": ["7@example.com"]},
    "release_address": {"address": "7@example.com"},
    "is_subscribed": {"user_id": 7},
    "unsubscribe_user": {"user_id": 7, "at": AT},
    "subscribe_user": {"user_id": 7},
}

OTHERS = {
    # over the two rows of mail
    *("mail_key", "switch_mail_off", "switch_mail_on"),
    # a job's, over the mails of two days
    "delete_old_mail_counts",
}


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(database_url)
    await connection.execute(FILL)
    await connection.execute("set plan_cache_mode = force_generic_plan")
    yield connection
    await connection.close()


async def test_each_query_reads_few_rows_by_an_index(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    read = {}
    for query, values in VALUES.items():
        plan = await plan_of(connection, "mail", query, **values)
        await connection.execute("deallocate planned")
        assert plan.sequential_scans <= {"ticket_channels"}, query
        read[query] = plan.rows_read

    assert max(read.values()) <= 40, read
    assert set(VALUES) | OTHERS == set(load_queries("mail"))
