"""One person's longest thread: what its readers cost everybody else."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

import asyncpg

from benchmarks import data
from benchmarks.load import Load, WireRequest, measure
from benchmarks.measure import Pace
from benchmarks.systems import System
from benchmarks.workload import badge_of, operations, thread_of

LONG_THREAD = "long thread"
"""Its name, for `--only`."""

LONG_THREAD_READERS = 10
"""Clients that fetch the thread, each again as soon as it has its page."""

BADGES = 2
"""Connections that ask for another user's unread count all the time."""

ROUND_SECONDS = 5.0
"""The length of a round: a page of the longest texts takes tens of milliseconds."""


@dataclass(frozen=True, slots=True)
class Target:
    """A ticket with as many messages as one may have, each with the longest text; its user."""

    ticket_id: int
    user_id: int
    other_user_id: int


@dataclass(frozen=True, slots=True)
class Shared:
    """A measurement beside readers: times in seconds, sizes in bytes."""

    readers: int
    badge: Load
    mix: Load
    pages: Load | None
    page_size: int
    """Bytes of the newest page."""

    memory: int
    """Of the largest process of the service, at the end."""

    def __str__(self) -> str:
        """Return the figures in one line."""
        return (
            f"badge p99 {self.badge.percentile(0.99) * 1000:.1f} ms, mix {self.mix.rate:,.0f}/s, "
            f"pages {self.pages.rate if self.pages else 0:,.1f}/s of "
            f"{self.page_size / 1e6:.2f} MB, {self.memory / 2**20:.1f} MiB"
        )


async def longest_thread(url: str) -> Target:
    """Lengthen the thread of one ticket to the maximum, and return it."""
    connection = await asyncpg.connect(url)
    (ticket_id, user_id), (_, other_user_id) = await connection.fetch(
        data.SQL["tickets_outside_the_mix"], 2
    )
    await connection.execute(data.SQL["lengthen_thread"], ticket_id)
    await connection.close()
    return Target(ticket_id, user_id, other_user_id)


async def beside_readers(
    system: System, url: str, target: Target, *, readers: int, pace: Pace
) -> Shared:
    """Measure another user's badge and the mix, while so many clients fetch the thread."""
    *_, mix = await operations(url)
    page = thread_of(target.ticket_id, target.user_id)
    badge = badge_of(target.other_user_id)
    _, body = system.send(page)

    def load(requests: itertools.cycle[WireRequest], connections: int) -> asyncio.Task[Load]:
        return asyncio.create_task(
            measure(
                system.port,
                requests,
                connections=connections,
                warm_up=pace.warm_up,
                seconds=ROUND_SECONDS,
            )
        )

    pages = load(itertools.cycle([page]), readers) if readers else None
    badges = load(itertools.cycle([badge]), BADGES)
    mixed = load(itertools.cycle(mix.requests), 16)
    return Shared(
        readers=readers,
        badge=await badges,
        mix=await mixed,
        pages=None if pages is None else await pages,
        page_size=len(body),
        memory=max(system.tree.resident()),
    )
