"""One run: clients write, a fault happens, then every row is counted and compared."""

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
from scripts.faults.load import Client, Record
from scripts.faults.processes import DATABASE_TIMEOUT, PATIENCE, Cluster
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.token_admin import TokenAdmin
from tickets.adapters.postgres.schema.migrations import Migrator
from tickets.clock import SystemClock

CLIENTS = 12

MAX_WAIT = 3 * DATABASE_TIMEOUT + 2
"""Seconds within which every request has a response: it waits for a connection, for a statement,
and for its cancellation."""

BACK_WITHIN = 10.0
"""Seconds after a fault within which a write is acknowledged again."""

EXPECTED = ("503", "409", "no response")


@dataclass(frozen=True)
class Outcome:
    """The result of a run."""

    title: str
    sent: int
    acknowledged: int
    found: int
    doubled: int
    lost: int
    failures: Counter[str]
    longest_wait: float
    longest_outage: float
    back_after: float
    violations: list[str]


@contextlib.asynccontextmanager
async def _users(cluster: Cluster) -> AsyncIterator[list[str]]:
    """Migrate and empty the database; yield the token of one new user per client."""
    connection = await asyncpg.connect(cluster.url)
    await Migrator(connection).apply()
    await connection.execute("truncate users cascade")
    await connection.close()
    async with Database(cluster.url, pool_size=1).open() as database:
        token_admin = TokenAdmin(database, SystemClock())
        users = [await token_admin.user(f"user{number}@example.com") for number in range(CLIENTS)]
        yield [await token_admin.new_token(user, lifetime=timedelta(hours=1)) for user in users]


async def run(fault: Fault, cluster: Cluster, folder: Path, *, seconds: float) -> Outcome:
    """Let the clients write before, during and after the fault; return what was found.

    Each of the three takes at least `seconds`.
    """
    async with _users(cluster) as tokens:
        pass
    scene, record = Scene(cluster, folder, seconds), Record()
    stop = asyncio.Event()
    try:
        await scene.serve(workers=fault.workers)
        clients = [
            asyncio.create_task(
                Client(record, scene.addresses, token, seed).write_until(stop, BACK_WITHIN)
            )
            for seed, token in enumerate(tokens)
        ]
        begin = time.monotonic()
        await asyncio.sleep(seconds)
        await asyncio.wait_for(fault.happen(scene), PATIENCE + seconds)
        healed = time.monotonic()
        await asyncio.sleep(seconds)
        # until a write is acknowledged, or the promised time is over
        give_up = healed + BACK_WITHIN
        while record.first_after(healed) > BACK_WITHIN and time.monotonic() < give_up:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        end = time.monotonic()
        stop.set()
        await asyncio.gather(*clients)
    finally:
        for service in scene.services:
            service.clean_up()
    found, wrong = await _count(cluster)
    violations = [*scene.violations, *_rows_wrong(record, found), *_failures_wrong(fault, record)]
    if wrong:
        violations.append(f"{wrong} tickets have wrong counters or flags")
    if record.first_after(healed) > BACK_WITHIN:
        violations.append(f"service was not back within {BACK_WITHIN:.0f} s")
    return Outcome(
        title=fault.title,
        sent=len(record.writes),
        acknowledged=sum(write.acknowledged for write in record.writes),
        found=sum(write.marker in found for write in record.writes),
        doubled=sum(found[write.marker] > 1 for write in record.writes),
        lost=sum(write.acknowledged and write.marker not in found for write in record.writes),
        failures=record.failures,
        longest_wait=record.longest_wait,
        longest_outage=record.longest_gap(begin, end),
        back_after=record.first_after(healed),
        violations=violations,
    )


async def _count(cluster: Cluster) -> tuple[Counter[str], int]:
    """Return how often each marker is stored, and how many tickets have wrong counters or flags."""
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


def _rows_wrong(record: Record, found: Counter[str]) -> Iterator[str]:
    """Yield a sentence about every write that is stored twice, or lost."""
    for write in record.writes:
        if found[write.marker] > 1:
            yield f"{write.marker} is stored {found[write.marker]} times"
        if write.acknowledged and not found[write.marker]:
            yield f"{write.marker} was acknowledged and is lost"
    if given_up := sum(write.keyed and not write.acknowledged for write in record.writes):
        yield f"{given_up} writes with a key were never acknowledged"


def _failures_wrong(fault: Fault, record: Record) -> Iterator[str]:
    """Yield a sentence about every response that no client may get."""
    for kind, count in record.failures.items():
        if kind not in EXPECTED or (kind == "no response" and not fault.cuts_connections):
            yield f"{count} times: {kind}"
    if fault.is_noticed and not record.failures:
        yield "no client noticed the fault, so the run proves nothing"
    if record.longest_wait > MAX_WAIT:
        yield f"a client waited {record.longest_wait:.1f} s for a response"
