"""Auto-close on PostgreSQL, where the host platform writes messages as well."""

from __future__ import annotations

from datetime import timedelta

from tests.world import START, PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.domain.ticket import Status


async def test_auto_close_counts_messages_of_the_platform_that_did_not_change_updated_at(
    database: Database, postgres_world: PostgresWorld
) -> None:
    world = postgres_world
    ticket = await world.ticket(status=Status.RESOLVED)
    await database.fetch(
        """insert into ticket_messages (ticket_id, sender_type, message, created_at)
           values ($1, 'user', 'It broke again.', $2)""",
        ticket.id,
        START + timedelta(hours=100),
    )
    week = timedelta(hours=168)

    world.clock.moment = START + timedelta(hours=200)
    assert await world.auto_close.close_due(week) == 0
    world.clock.moment = START + timedelta(hours=270)
    assert await world.auto_close.close_due(week) == 1
