"""Auto-close on PostgreSQL, where the host platform writes messages as well."""

from __future__ import annotations

from datetime import timedelta

import pytest

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
           values ($1, 'admin', 'We have looked again.', $2)""",
        ticket.id,
        START + timedelta(hours=100),
    )
    week = timedelta(hours=168)

    world.clock.moment = START + timedelta(hours=200)
    assert await world.auto_close.close_due(week) == 0
    world.clock.moment = START + timedelta(hours=270)
    assert await world.auto_close.close_due(week) == 1


async def test_a_ticket_that_a_trigger_of_the_platform_refuses_does_not_stop_the_others(
    database: Database, postgres_world: PostgresWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world = postgres_world
    refused, other = [await world.ticket(status=Status.RESOLVED) for _ in range(2)]
    await database.fetch(
        """create function refuse() returns trigger language plpgsql as
           $$ begin raise exception 'this ticket is frozen'; end $$"""
    )
    await database.fetch(
        f"""create trigger refuse before update on tickets
               for each row when (new.id = {refused.id}) execute function refuse()"""
    )
    world.clock.pass_time(hours=200)

    assert await world.auto_close.close_due(timedelta(hours=168)) == 1

    assert (await world.tickets.get(other.id)).status is Status.CLOSED
    assert (await world.tickets.get(refused.id)).status is Status.RESOLVED
    assert f"ticket {refused.id} could not be closed" in caplog.text
    assert "this ticket is frozen" in caplog.text


async def test_a_ticket_that_nobody_touched_since_the_take_over_keeps_its_place(
    postgres_world: PostgresWorld,
) -> None:
    world = postgres_world
    ticket = await world.ticket(status=Status.RESOLVED)
    taken_over_at = await world.tickets.taken_over_at()
    assert taken_over_at is not None
    world.clock.moment = taken_over_at + timedelta(days=30)
    touched = await world.ticket(status=Status.RESOLVED)
    world.clock.pass_time(hours=200)

    assert await world.auto_close.close_due(timedelta(hours=168)) == 2

    assert (await world.tickets.get(ticket.id)).updated_at == ticket.updated_at
    assert (await world.tickets.get(touched.id)).updated_at > touched.updated_at
