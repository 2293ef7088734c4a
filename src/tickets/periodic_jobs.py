"""What a running service does every few minutes by itself; any number of processes may do it at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass

from tickets.domain.errors import TicketsError

logger = logging.getLogger("tickets")

INTERVAL_SECONDS = 300.0
"""From the end of one round to the beginning of the next."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done again and again: what it is called, and what does it and counts."""

    name: str
    work: Callable[[], Awaitable[int]]


Done = Callable[[str, int | None], None]
"""Is told which chore was done, and how much came of it; None where it failed."""


def ignore_outcome(_chore: str, _count: int | None) -> None:
    """Take no notice."""


def periodic_jobs(
    jobs: Sequence[Job], *, interval: float = INTERVAL_SECONDS, done: Done = ignore_outcome
) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """Return what does these chores every `interval` seconds, while the application runs.

    One that fails is logged, and tried again in the next round; the others do not suffer from it.
    `done` is told of each.
    """

    async def rounds() -> None:
        while True:
            for job in jobs:
                done(job.name, await _do(job))
            await asyncio.sleep(interval)

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        task = asyncio.create_task(rounds())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return lifespan


async def _do(job: Job) -> int | None:
    try:
        count = await job.work()
    except TicketsError as error:
        logger.warning("%s will be tried again: %s", job.name, error)
        return None
    except Exception:
        # a defect here must not end the rounds for the life of the process
        logger.exception("%s failed; it will be tried again", job.name)
        return None
    if count:
        logger.info("%s: %d", job.name, count)
    return count
