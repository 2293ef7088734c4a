"""SIGKILL between any two statements: nothing is lost, and duplicates carry the same id."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import defaultdict
from pathlib import Path

import msgspec
import pytest

from tests.commands.conftest import inherited
from tests.delivery.receiver import a_receiver
from tests.world import ADMIN, PostgresWorld
from tickets.domain.deliveries import LEASE
from tickets.domain.webhooks import EVENTS

CHECKOUT = Path(__file__).parents[2]

STATEMENTS = 10
"""More than two deliveries of a ticket need: two claims, and three statements for each."""


async def work(database_url: str, statements: int, ahead: float) -> int:
    """Run a worker to its end; return its exit code."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.delivery.killed_worker"),
        *(database_url, str(statements), str(ahead)),
        cwd=CHECKOUT,
        env=inherited(),
    )
    return await process.wait()


@pytest.mark.command
async def test_nothing_is_lost_by_a_kill_between_any_two_statements(
    postgres_world: PostgresWorld, database_url: str
) -> None:
    world = postgres_world
    async with a_receiver(None) as receiver:
        url = f"http://127.0.0.1:{receiver.port}/hook"
        await world.channel("webhook", url, *EVENTS)
        # each worker is killed one statement later, and is ahead of the leases of those before it
        for statements in range(1, STATEMENTS):
            ticket = await world.ticket()
            await world.reply(ticket.id, ADMIN, "Done.")
            ahead = statements * LEASE.total_seconds() * 1.1
            assert await work(database_url, statements, ahead) == -signal.SIGKILL
        ahead = STATEMENTS * LEASE.total_seconds() * 1.1
        assert await work(database_url, 0, ahead) == 0

    assert {outcome for outcome, _, _ in await world.outcomes()} == {"sent"}
    bodies: defaultdict[str, set[bytes]] = defaultdict(set)
    order: defaultdict[int, list[str]] = defaultdict(list)
    for request in receiver.received:
        bodies[request.headers["webhook-id"]].add(request.body)
        message = msgspec.json.decode(request.body)
        if message["type"] not in order[ticket_id := message["data"]["ticket"]["id"]]:
            order[ticket_id].append(message["type"])
    # every delivery arrived, some of them twice, under one id and with one body
    assert len(bodies) == 2 * (STATEMENTS - 1) < len(receiver.received)
    assert {len(each) for each in bodies.values()} == {1}
    assert {tuple(each) for each in order.values()} == {("ticket.created", "message.created")}
