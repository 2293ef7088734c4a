"""The demo's sample data: complete and as written, also after a fill that was interrupted."""

from __future__ import annotations

import asyncio

import pytest

from tests.world import PostgresWorld, rows_of
from tickets.adapters.postgres.connection.database import Database
from tickets.demo.sample_data import load_sample_data
from tickets.demo.seed import fill
from tickets.domain.read_models import AdminRow

SAMPLES = load_sample_data()


async def test_the_sample_tickets_are_stored_as_they_are_in_the_data_file(
    database: Database, postgres_world: PostgresWorld
) -> None:
    await fill(database, SAMPLES)

    views = postgres_world.views
    page = await views.admin_list(status=None, category=None, after=None, limit=200)
    rows = {row.subject: row for row in rows_of(page, AdminRow)}
    assert set(rows) == {sample.subject for sample in SAMPLES.tickets}
    for sample in SAMPLES.tickets:
        row = rows[sample.subject]
        assert (row.status, row.category, row.user_email) == (
            sample.status,
            sample.category,
            sample.email,
        )
        assert row.message_count == len(sample.messages)
        assert row.admin_unread == (not sample.read_by_admin)
        assert await postgres_world.texts(row.id) == [message.text for message in sample.messages]


async def test_a_fill_that_was_interrupted_starts_again(
    database: Database, postgres_world: PostgresWorld
) -> None:
    filling = asyncio.create_task(fill(database, SAMPLES))
    while (await postgres_world.views.admin_stats()).total_count < 3:
        assert not filling.done()
    filling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await filling

    await fill(database, SAMPLES)
    await fill(database, SAMPLES)

    assert (await postgres_world.views.admin_stats()).total_count == len(SAMPLES.tickets)


def test_sample_messages_get_newer_and_belong_to_a_user_of_the_demo() -> None:
    for sample in SAMPLES.tickets:
        hours_ago = [message.hours_ago for message in sample.messages]
        assert hours_ago == sorted(hours_ago, reverse=True)
        assert sample.email in SAMPLES.users
