"""One run: clients write, a fault happens, then the stored rows are compared with the responses."""

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
from scripts.faults.stages import Pooler, cluster_on_a_small_disk
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.token_admin import TokenAdmin
from tickets.adapters.postgres.schema.migrations import Migrator
from tickets.clock import SystemClock

CLIENTS = 12

MAX_WAIT = 3 * DATABASE_TIMEOUT + 2
"""Seconds within which every request has a response.

It waits for a connection, for a statement, and for the cancellation of the statement."""

RECOVERY_LIMIT = 10.0
"""Seconds after a fault within which a write must be acknowledged."""

EXPECTED = ("503", "409", "no response")


@dataclass(frozen=True)
class Outcome:
    """The result of a run."""

    title: str
    sent: int
    acknowledged: int
    found: int
    duplicated: int
    lost: int
    failures: Counter[str]
    longest_wait: float
    longest_outage: float
    recovered_after: float
    violations: list[str]


@contextlib.asynccontextmanager
async def _users(cluster: Cluster) -> AsyncIterator[list[str]]:
    """Migrate and empty the database; yield the token of one new user per client."""
    async with connected(cluster.url) as connection:
        await Migrator(connection).apply()
        await connection.execute("truncate users cascade")
    async with Database(cluster.url, pool_size=1).open() as database:
        token_admin = TokenAdmin(database, SystemClock())
        users = [await token_admin.user(f"user{number}@example.com") for number in range(CLIENTS)]
        yield [await token_admin.new_token(user, lifetime=timedelta(hours=1)) for user in users]


async def run(fault: Fault, cluster: Cluster, folder: Path, *, seconds: float) -> Outcome:
    """Run the clients before, during and after the fault; compare their record with the database.

    Each of the three takes at least `seconds`. Raises `CannotRun` where the machine lacks what the
    fault needs.
    """
    with contextlib.ExitStack() as stage:
        if fault.needs_small_disk:
            cluster, folder = stage.enter_context(cluster_on_a_small_disk())
        database = {"TICKETS_DATABASE_URL": cluster.url}
        pooler = None
        if fault.needs_pooler:
            pooler = stage.enter_context(Pooler.running(cluster))
            statements = {"TICKETS_DATABASE_STATEMENT_CACHE": "0"}
            database = {"TICKETS_DATABASE_URL": pooler.url, **statements}
        if fault.is_embedded:
            database = {"TICKETS_DATA_FOLDER": str(folder)}
            # the service has started it with other settings than those of the other faults
            stage.callback(_restart, cluster)
        scene = Scene(cluster, folder, seconds, database, pooler)
        return await _run(fault, scene)


def _restart(cluster: Cluster) -> None:
    cluster.stop()
    cluster.start()


async def _run(fault: Fault, scene: Scene) -> Outcome:
    cluster, seconds = scene.cluster, scene.seconds
    async with _users(cluster) as tokens:
        pass
    record = Record()
    stop = asyncio.Event()
    try:
        await scene.serve(workers=fault.workers)
        clients = [
            asyncio.create_task(
                Client(record, scene.addresses, token, seed).write_until(stop, RECOVERY_LIMIT)
            )
            for seed, token in enumerate(tokens)
        ]
        begin = time.monotonic()
        await asyncio.sleep(seconds)
        await asyncio.wait_for(fault.inject(scene), 2 * PATIENCE + seconds)
        repaired_at = time.monotonic()
        await asyncio.sleep(seconds)
        # until a write is acknowledged, or the limit is over
        give_up = repaired_at + RECOVERY_LIMIT
        while time.monotonic() < give_up:
            if record.first_after(repaired_at) <= RECOVERY_LIMIT:
                break
            await asyncio.sleep(0.1)
        end = time.monotonic()
        stop.set()
        await asyncio.gather(*clients)
    finally:
        for service in scene.services:
            service.clean_up()
    found, wrong = await _count(cluster)
    violations = [
        *scene.violations,
        *_row_violations(record, found),
        *_response_violations(fault, scene, record),
    ]
    if wrong:
        violations.append(f"{wrong} tickets have wrong counters or flags")
    if record.first_after(repaired_at) > RECOVERY_LIMIT:
        violations.append(f"the service did not recover within {RECOVERY_LIMIT:.0f} s")
    return Outcome(
        title=fault.title,
        sent=len(record.writes),
        acknowledged=sum(write.acknowledged for write in record.writes),
        found=sum(write.marker in found for write in record.writes),
        duplicated=sum(found[write.marker] > 1 for write in record.writes),
        lost=sum(write.acknowledged and write.marker not in found for write in record.writes),
        failures=record.failures,
        longest_wait=record.longest_wait,
        longest_outage=record.longest_gap(begin, end),
        recovered_after=record.first_after(repaired_at),
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


def _row_violations(record: Record, found: Counter[str]) -> Iterator[str]:
    """Yield a sentence about each write that is stored twice, or lost."""
    for write in record.writes:
        if found[write.marker] > 1:
            yield f"{write.marker} is stored {found[write.marker]} times"
        if write.acknowledged and not found[write.marker]:
            yield f"{write.marker} was acknowledged and is missing"
    if given_up := sum(write.keyed and not write.acknowledged for write in record.writes):
        yield f"{given_up} writes with a key were never acknowledged"


def _response_violations(fault: Fault, scene: Scene, record: Record) -> Iterator[str]:
    """Yield a sentence about each response that no client may get."""
    for kind, count in record.failures.items():
        if kind not in EXPECTED or (kind == "no response" and not fault.cuts_connections):
            yield f"{count} times: {kind}"
    if fault.is_noticed and not record.failures:
        yield "no request failed during the fault, so the run proves nothing"
    # a request that arrives while the service starts waits until it is ready
    start = max(service.slowest_start for service in scene.services)
    if record.longest_wait > MAX_WAIT + (start if fault.cuts_connections else 0):
        yield f"a client waited {record.longest_wait:.1f} s for a response"
