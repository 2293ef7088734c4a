"""`tickets verify` shows deliveries that are parked, and those that have been due for long."""

from __future__ import annotations

from tests.postgres.verification.conftest import Verification
from tests.world import PostgresWorld
from tickets.domain.deliveries import LEASE, Channel, Outcome


async def test_a_verification_names_what_is_stuck_by_channel_and_target(
    postgres_world: PostgresWorld, verification: Verification
) -> None:
    world = postgres_world
    await world.channel("webhook", "https://a.example/hook", "ticket.created")
    await world.ticket()
    await world.ticket()
    at = world.clock.now()
    (delivery,) = await world.outbox.claim(
        Channel.WEBHOOK, at=at, until=at + LEASE, busy={}, share=1, limit=1
    )
    await world.outbox.close(delivery, Outcome.PARKED, at=at, error="KeyError: 'ticket'")

    # the clock of the test is far behind the database's
    (line,) = await verification.find()

    assert line == (
        "deliveries: webhook to https://a.example/hook: 1 parked, 1 due for more than an hour "
        f"(ids {delivery.id}, {delivery.id + 1}): KeyError: 'ticket'"
    )
    await world.stop("https://a.example/hook")
    assert await verification.find() == []


async def test_what_is_due_for_less_than_an_hour_is_not_stuck(
    postgres_world: PostgresWorld, verification: Verification
) -> None:
    await postgres_world.channel("mail", "customer", "ticket.created")
    await postgres_world.ticket()
    await postgres_world.database.fetch("update ticket_deliveries set due_at = now()")

    assert await verification.find() == []
