"""The demo's data: complete, also after a telling that was interrupted."""

from __future__ import annotations

import asyncio

import pytest

from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.demo import seed as demo
from tickets.demo.sample_tickets import TICKETS


async def test_the_stories_are_told_as_they_were_written(
    database: Database, postgres_world: PostgresWorld
) -> None:
    await demo.fill(database)

    views = postgres_world.views
    page = await views.admin_list(status=None, category=None, after=None, limit=200)
    told = {row.subject: row for row in page.rows}
    assert set(told) == {sample.subject for sample in TICKETS}
    for sample in TICKETS:
        row = told[sample.subject]
        assert (row.status, row.category, row.user_email) == (
            sample.status,
            sample.category,
            sample.email,
        )
        assert row.message_count == len(sample.messages)
        assert row.admin_unread == (not sample.read_by_admin)
        assert await postgres_world.texts(row.id) == [message.text for message in sample.messages]


async def test_a_telling_that_was_interrupted_begins_anew(
    database: Database, postgres_world: PostgresWorld
) -> None:
    telling = asyncio.create_task(demo.fill(database))
    while (await postgres_world.views.admin_stats()).total_count < 3:
        assert not telling.done()
    telling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telling

    await demo.fill(database)
    await demo.fill(database)

    assert (await postgres_world.views.admin_stats()).total_count == len(TICKETS)
