"""One run: clients write, a fault happens, and afterwards every row is counted."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg

from scripts.faults.faults import Fault, Scene
from scripts.faults.load import Client, Told
from scripts.faults.processes import DATABASE_TIMEOUT, PATIENCE, Cluster
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.token_admin import TokenAdmin
from tickets.adapters.postgres.schema.migrations import Migrator
from tickets.clock import SystemClock

CLIENTS = 12

LONGEST_WAIT = 3 * DATABASE_TIMEOUT + 2
"""Seconds within which every request is answered: a wait for a connection, a statement, and giving it up."""

BACK_WITHIN = 10.0
"""Seconds after a fault within which something is acknowledged again."""

EXPECTED = ("503", "409", "no answer")


@dataclass(frozen=True)
class Outcome:
    """What a run has shown."""

    title: str
    sent: int
    acknowledged: int
    found: int
    doubled: int
    lost: int
    answers: Counter[str]
    longest_wait: float
    longest_outage: float
    back_after: float
    complaints: list[str]


@contextlib.asynccontextmanager
async def _users(cluster: Cluster) -> AsyncIterator[list[str]]:
    """Return the tokens of as many users as there are clients, in a migrated database with nothing else in it."""
    connection = await asyncpg.connect(cluster.url)
    await Migrator(connection).apply()
    await connection.execute("truncate users cascade")
    await connection.close()
    async with Database(cluster.url, pool_size=1).open() as database:
        token_admin = TokenAdmin(database, SystemClock())
        users = [await token_admin.user(f"user{number}@example.com") for number in range(CLIENTS)]
        yield [await token_admin.new_token(user, lifetime=timedelta(hours=1)) for user in users]


async def run(fault: Fault, cluster: Cluster, folder: Path, *, seconds: float) -> Outcome:
    """Let the clients write before, during and after the fault; return what is there in the end.

    `seconds` is how long each of the three takes at the least.
    """
    async with _users(cluster) as tokens:
        pass
    scene, told = Scene(cluster, folder, seconds), Told()
    stop = asyncio.Event()
    try:
        await scene.serve(workers=fault.workers)
        clients = [
            asyncio.create_task(
                Client(told, scene.addresses, token, seed).write_until(stop, BACK_WITHIN)
            )
            for seed, token in enumerate(tokens)
        ]
        begin = time.monotonic()
        await asyncio.sleep(seconds)
        await asyncio.wait_for(fault.happen(scene), PATIENCE + seconds)
        healed = time.monotonic()
        await asyncio.sleep(seconds)
        # as long as nothing has been acknowledged since, within what was promised
        while told.first_after(healed) > BACK_WITHIN and time.monotonic() < healed + BACK_WITHIN:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        end = time.monotonic()
        stop.set()
        await asyncio.gather(*clients)
    finally:
        for service in scene.services:
            service.clean_up()
    found, wrong = await _count(cluster)
    complaints = [*scene.complaints, *_rows_wrong(told, found), *_answers_wrong(fault, told)]
    if wrong:
        complaints.append(f"{wrong} tickets have wrong counters or flags")
    if told.first_after(healed) > BACK_WITHIN:
        complaints.append(f"service was not back within {BACK_WITHIN:.0f} s")
    return Outcome(
        title=fault.title,
        sent=len(told.writes),
        acknowledged=sum(write.acknowledged for write in told.writes),
        found=sum(write.marker in found for write in told.writes),
        doubled=sum(found[write.marker] > 1 for write in told.writes),
        lost=sum(write.acknowledged and write.marker not in found for write in told.writes),
        answers=told.answers,
        longest_wait=told.longest_wait,
        longest_outage=told.longest_gap(begin, end),
        back_after=told.first_after(healed),
        complaints=complaints,
    )


async def _count(cluster: Cluster) -> tuple[Counter[str], int]:
    """Return how often each marker is there, and how many tickets do not count their messages right."""
    connection = await asyncpg.connect(cluster.url)
    texts = await connection.fetch("select message from ticket_messages")
    wrong = await connection.fetchval(
        """select count(*)
             from tickets t
            where message_count <> (select count(*) from ticket_messages m where m.ticket_id = t.id)
               or not admin_unread
               or user_unread"""
    )
    await connection.close()
    return Counter(row["message"].removeprefix("Message ") for row in texts), wrong


def _rows_wrong(told: Told, found: Counter[str]) -> Iterator[str]:
    """Yield a sentence about every write that is there too often, or not at all."""
    for write in told.writes:
        if found[write.marker] > 1:
            yield f"{write.marker} is there {found[write.marker]} times"
        if write.acknowledged and not found[write.marker]:
            yield f"{write.marker} was acknowledged and is not there"
    if given_up := sum(write.keyed and not write.acknowledged for write in told.writes):
        yield f"{given_up} writes with a key were never acknowledged"


def _answers_wrong(fault: Fault, told: Told) -> Iterator[str]:
    """Yield a sentence about every answer that no client should have had."""
    for kind, count in told.answers.items():
        if kind not in EXPECTED or (kind == "no answer" and not fault.cuts_connections):
            yield f"{count} times: {kind}"
    if fault.is_noticed and not told.answers:
        yield "no client noticed the fault, so nothing is proven"
    if told.longest_wait > LONGEST_WAIT:
        yield f"somebody waited {told.longest_wait:.1f} s for an answer"
