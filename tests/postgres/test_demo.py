"""The demo's sample data: complete and as written, also after a fill that was interrupted."""

from __future__ import annotations

import asyncio

import pytest

from tests.world import PostgresWorld, messages_of, rows_of
from tickets.adapters.postgres.connection.database import Database
from tickets.demo.sample_data import load_sample_data
from tickets.demo.seed import fill, token_of
from tickets.domain.people import Side
from tickets.domain.read_models import AdminRow, DetailRequest

SAMPLES = load_sample_data()
NAMES: dict[str | None, str] = {admin.email: admin.name for admin in SAMPLES.admins}


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
        detail = await postgres_world.tickets.get_with_thread(row.id, DetailRequest(Side.ADMIN))
        assert [(m.message, m.sender_name) for m in messages_of(detail)] == [
            (message.text, NAMES.get(message.admin)) for message in sample.messages
        ]
        notes = (await postgres_world.notes.page(row.id)).notes
        assert [(note.note, note.admin and note.admin.name) for note in notes] == [
            (note.text, NAMES[note.admin]) for note in sample.notes
        ]
    entries = await postgres_world.admins.entries()
    assert {(entry.name, entry.email) for entry in entries} == {
        (admin.name, admin.email) for admin in SAMPLES.admins
    }
    assert len(entries) == 3
    saved_replies = await postgres_world.saved_replies.all()
    assert {reply.title for reply in saved_replies} == {
        reply.title for reply in SAMPLES.saved_replies
    }


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
        for message in sample.messages:
            assert (message.admin in NAMES) is (message.sender is Side.ADMIN)


async def test_the_demo_has_an_admin_with_a_new_token_at_each_start(
    database: Database, postgres_world: PostgresWorld
) -> None:
    tokens = [await token_of(database, SAMPLES.admins[0]) for _ in range(2)]

    by_token = postgres_world.admin_lookup.by_token
    admin = await by_token(tokens[1])
    assert admin is not None
    assert (admin.name, await by_token(tokens[0])) == (SAMPLES.admins[0].name, None)
    await postgres_world.disable(admin)
    assert await by_token(await token_of(database, SAMPLES.admins[0])) == admin
