"""What the verifier finds of the desk: orphans, assignees, links between tickets, functions."""

from __future__ import annotations

import pytest

from tests.databases import with_setting
from tests.postgres.verification.conftest import Verification
from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.function_bodies import function_bodies
from tickets.adapters.postgres.verification import verifier as verifier_module
from tickets.domain.people import Actor
from tickets.domain.ticket import Status

TABLES = ("ticket_events", "ticket_deliveries", "ticket_notes")


async def ticket_with_everything(world: PostgresWorld) -> int:
    """Return a ticket with a note and deliveries."""
    ticket = await world.ticket()
    await world.note(ticket.id, "Called them.")
    await world.reply(ticket.id, ADMIN)
    return ticket.id


async def delete_without_triggers(url: str, *ticket_ids: int) -> None:
    """Delete tickets as a session does that replicates: what belongs to them stays."""
    async with connected(with_setting(url, "session_replication_role=replica")) as connection:
        for table, column in (("ticket_messages", "ticket_id"), ("tickets", "id")):
            await connection.execute(
                f"delete from {table} where {column} = any ($1)",  # noqa: S608 - constants
                ticket_ids,
            )


async def rows_of(world: PostgresWorld, ticket_id: int) -> list[int]:
    """Return how many rows each table has of a ticket."""
    return [
        await world.database.fetchval(
            f"select count(*) from {table} where ticket_id = $1",  # noqa: S608 - constants
            ticket_id,
        )
        for table in TABLES
    ]


async def test_events_and_deliveries_of_no_ticket_are_deleted_and_notes_are_named(
    verification: Verification,
    world: PostgresWorld,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verifier_module, "BATCH_SIZE", 2)
    await world.channel("webhook", "https://a.example", "ticket.created", "message.created")
    ids = [await ticket_with_everything(world) for _ in range(7)]
    # what waits for a channel that is off is not stuck
    await world.stop("https://a.example")
    gone, kept = [ids[0], ids[3], ids[6]], ids[1]
    rows = await rows_of(world, kept)
    await delete_without_triggers(database_url, *gone)
    # the trigger that counts did not fire, either
    (counts,) = [line for line in await verification.repair() if line.startswith("ticket counts")]
    assert counts.endswith("(repaired)")

    left = [await rows_of(world, ticket_id) for ticket_id in gone]

    assert left == [[0, 0, 1]] * 3
    assert await rows_of(world, kept) == rows
    shown = ", ".join(map(str, gone))
    assert await verification.find() == [
        f"orphans: 3 rows of ticket_notes without a ticket (ids {shown})"
    ]
    assert await verification.repair() == await verification.find()


async def test_orphans_are_found_without_a_repair(
    verification: Verification, world: PostgresWorld, database_url: str
) -> None:
    gone = await ticket_with_everything(world)
    await ticket_with_everything(world)
    await delete_without_triggers(database_url, gone)

    found = [line for line in await verification.find() if line.startswith("orphans")]

    events, _, notes = await rows_of(world, gone)
    assert found == [
        f"orphans: {events} rows of ticket_events without a ticket (ids {gone})",
        f"orphans: {notes} row of ticket_notes without a ticket (ids {gone})",
    ]
    assert (await rows_of(world, gone))[0] == events


async def test_nothing_is_deleted_where_the_tickets_may_be_restored_later(
    verification: Verification, world: PostgresWorld, database_url: str
) -> None:
    gone = await ticket_with_everything(world)
    before = await rows_of(world, gone)
    await delete_without_triggers(database_url, gone)

    await verification.repair()

    assert await rows_of(world, gone) == before


async def test_a_disabled_admin_stays_the_stored_assignee(
    verification: Verification, world: PostgresWorld
) -> None:
    ticket, anna = await world.ticket(), await world.admin("Anna")
    await world.reply(ticket.id, Actor.named(anna))
    await world.disable(anna)

    assert await verification.find() == []
    assert await world.database.fetchval("select assignee_id from tickets") == anna.id


async def test_a_link_to_a_ticket_of_somebody_else_is_removed(
    verification: Verification, world: PostgresWorld
) -> None:
    mine = await world.ticket(status=Status.CLOSED)
    theirs = await world.ticket(status=Status.CLOSED)
    follow_up = await world.ticket(mine.user_id)
    set_follows = "update tickets set follows = $2 where id = $1"
    await world.database.fetch(set_follows, follow_up.id, mine.id)
    assert await verification.find() == []

    for wrong in (theirs.id, follow_up.id):
        await world.database.fetch(set_follows, follow_up.id, wrong)
        assert await verification.repair() == [
            f"threads: follows is wrong in 1 ticket (ids {follow_up.id}) (repaired)"
        ]

    assert (await world.tickets.get(follow_up.id)).follows is None
    assert await verification.find() == []


async def test_the_functions_in_use_are_those_of_the_migrations(world: PostgresWorld) -> None:
    """So that each one is compared."""
    rows = await world.database.fetch(
        "select proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace"
    )

    assert {row["proname"]: row["prosrc"] for row in rows} == function_bodies()


async def test_a_function_that_is_missing_is_named(
    verification: Verification, world: PostgresWorld
) -> None:
    await world.database.fetch("drop function ticket_threads_grow")

    assert (
        "functions: function ticket_threads_grow is missing: restore it from a backup of the schema"
    ) in await verification.find()
