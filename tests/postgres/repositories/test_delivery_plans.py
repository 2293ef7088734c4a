"""Plans of the outbox's queries, with many delivered rows and a target that fails.

The statistics are from before the outbox was filled, as it fills and empties faster than they are
made.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests.postgres.query_plans import plan_of

AT = datetime(2026, 2, 3, tzinfo=UTC)
DELIVERED, BLOCKED, OPEN = 30_000, 2_000, 50

FILL = f"""
insert into ticket_channels (channel, target, events)
select 'webhook', 'https://' || n || '.example', '{{}}' from generate_series(1, 3) n;
insert into ticket_channels (channel, target, events) values ('mail', 'customer', '{{}}');

insert into ticket_deliveries (channel, event, event_id, ticket_id, target, body, due_at, outcome,
                               closed_at)
select 'webhook', 'message.created', n, n, 'https://1.example', '{{}}',
       timestamptz '{AT}' - n * interval '1 minute', 'sent',
       timestamptz '{AT}' - n * interval '1 minute'
  from generate_series(1, {DELIVERED}) n;
-- behind the oldest delivery of ticket 1, which waits for its next attempt
insert into ticket_deliveries (channel, event, event_id, ticket_id, target, body, due_at)
select 'webhook', 'message.created', n, 1, 'https://2.example', '{{}}',
       timestamptz '{AT}' + case n when 1 then interval '1 hour' else interval '-1 hour' end
  from generate_series(1, {BLOCKED}) n;
insert into ticket_deliveries (channel, event, event_id, ticket_id, target, body, due_at)
select channel, 'message.created', n, n, target,
       jsonb_build_object('ticket', jsonb_build_object('user_id', n % 10)),
       timestamptz '{AT}' - interval '1 minute'
  from generate_series(1, {OPEN}) n
 cross join (values ('webhook', 'https://3.example'), ('mail', 'customer')) as c (channel, target);
analyze ticket_channels;
"""  # noqa: S608 - the numbers are constants of this file


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(database_url)
    await connection.execute(FILL)
    await connection.execute("set plan_cache_mode = force_generic_plan")
    yield connection
    await connection.close()


async def test_a_claim_reads_open_deliveries_alone(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    plan = await plan_of(
        connection,
        "deliveries",
        "claim_deliveries",
        channel="webhook",
        at=AT,
        until=AT + timedelta(minutes=2),
        targets=["https://3.example"],
        busy=[1],
        share=3,
        limit=8,
    )

    assert plan.rows == 2
    assert plan.sequential_scans <= {"ticket_channels"}
    # each of those that are blocked is looked at, with the one before it
    assert plan.rows_read <= 3 * BLOCKED + 4 * OPEN


async def test_a_claim_of_mail_reads_the_mail_of_its_recipient(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    plan = await plan_of(
        connection,
        "deliveries",
        "claim_mail",
        at=AT,
        until=AT + timedelta(minutes=2),
        fresh_before=AT,
        max_tickets=100,
    )

    assert plan.rows == OPEN // 10
    assert plan.sequential_scans <= {"ticket_channels"}
    assert plan.rows_read <= 4 * OPEN


async def test_figures_and_pruning_read_no_more_than_they_have_to(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    figures = await plan_of(connection, "deliveries", "delivery_figures", at=AT)
    await connection.execute("deallocate planned")
    pruning = await plan_of(
        connection,
        "deliveries",
        "delete_closed_deliveries",
        before=AT - timedelta(days=1),
        limit=100,
    )

    assert figures.sequential_scans <= {"ticket_channels"}
    assert figures.rows_read <= BLOCKED + 2 * OPEN + 10
    assert pruning.sequential_scans == set()
    assert pruning.rows_read <= 300


@pytest.mark.parametrize("query", ["close_delivery", "retry_delivery", "release_delivery"])
async def test_an_outcome_is_written_by_the_primary_key(
    connection: asyncpg.Connection[asyncpg.Record], query: str
) -> None:
    outcomes: dict[str, dict[str, object]] = {
        "close_delivery": {"outcome": "sent", "at": AT, "error": None},
        "retry_delivery": {"due_at": AT, "error": "500", "unconfirmed": 0},
        "release_delivery": {"error": "away"},
    }
    plan = await plan_of(
        connection, "deliveries", query, delivery_id=DELIVERED + 1, lease=AT, **outcomes[query]
    )

    assert plan.sequential_scans == set()
    assert plan.rows_read <= 1
