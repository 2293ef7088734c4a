"""Periodic jobs: what a running service does every five minutes, besides serving requests.

Each process runs every job, so a job must be safe to run in any number of processes at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from tickets.background import background_task
from tickets.domain.errors import TicketsError

logger = logging.getLogger("tickets")

INTERVAL_SECONDS = 300.0
"""From the end of one run of all jobs to the start of the next."""


@dataclass(frozen=True, slots=True)
class Job:
    """A periodic job: a name for logs and metrics, and a function that returns a count of items."""

    name: str
    work: Callable[[], Awaitable[int]]


OnRun = Callable[[str, int | None], None]
"""Called after each run of a job, with its name and the number of items; None if it failed."""


def ignore_run(_name: str, _items: int | None) -> None:
    """Do nothing after a run."""


def periodic_jobs(
    jobs: Sequence[Job], *, interval: float = INTERVAL_SECONDS, on_run: OnRun = ignore_run
) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """Return a lifespan that runs these jobs one after the other, every `interval` seconds.

    A job that fails is logged, and retried in the next run; the other jobs run all the same.
    """

    async def run_until_cancelled() -> None:
        while True:
            for job in jobs:
                on_run(job.name, await _run(job))
            await asyncio.sleep(interval)

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with background_task(run_until_cancelled()):
            yield

    return lifespan


async def _run(job: Job) -> int | None:
    try:
        items = await job.work()
    except TicketsError as error:
        logger.warning("periodic job %r will be retried: %s", job.name, error)
        return None
    except Exception:
        # a bug in one job must not stop all jobs until the process is restarted
        logger.exception("periodic job %r failed and will be retried", job.name)
        return None
    if items:
        logger.info("%s: %d", job.name, items)
    return items
