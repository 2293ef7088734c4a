"""A bounded worker pool over the outbox: claims what is due, and hands it to its senders.

Any number of processes drain one outbox. Each asks every second, and at once when a sender is free
again, since the next delivery of a ticket can be claimed only after the one before.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from tickets.domain.errors import TicketsError

logger = logging.getLogger("tickets")

IDLE_SECONDS = 1.0
"""From one claim that found nothing to the next."""

GATHERING_SECONDS = 0.02
"""From the end of a send to the next claim, so that one claim serves several free senders."""

RETRY_SECONDS = 5.0
"""From a claim that failed to the next."""

STOP_SECONDS = 3.0
"""How long the end of the service waits for what is being sent. What was cut off is sent again by
another process when its lease has ended."""

Work = TypeVar("Work")


class Drain(Generic[Work]):
    """Sends work of one channel, at most `senders` at a time in this process."""

    def __init__(
        self,
        name: str,
        claim: Callable[[Mapping[str, int], int], Awaitable[Sequence[Work]]],
        send: Callable[[Work], Awaitable[None]],
        *,
        target_of: Callable[[Work], str],
        senders: int,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """Call `claim` with the number of busy senders by target, and how many are free."""
        self._name = name
        self._claim = claim
        self._send = send
        self._target_of = target_of
        self._senders = senders
        self._idle_seconds = idle_seconds
        self._busy = Counter[str]()
        self._tasks = set[asyncio.Task[None]]()
        self._freed = asyncio.Event()
        self._is_failing = False

    async def run(self) -> None:
        """Drain until cancelled, then wait for the senders for a moment."""
        try:
            while True:
                self._freed.clear()
                wait = await self._claim_once()
                await self._until_freed(wait)
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)

    async def _claim_once(self) -> float:
        """Claim for the free senders; return how long to wait for another claim."""
        free = self._senders - len(self._tasks)
        if free <= 0:
            return self._idle_seconds
        try:
            claimed = await self._claim(+self._busy, free)
        except TicketsError as error:
            if not self._is_failing:
                logger.warning("the outbox of %s cannot be read: %s", self._name, error)
            self._is_failing = True
            return RETRY_SECONDS
        except Exception:
            logger.exception("unhandled exception in the claim of %s", self._name)
            return RETRY_SECONDS
        self._is_failing = False
        for work in claimed:
            target = self._target_of(work)
            self._busy[target] += 1
            task = asyncio.create_task(self._run(work, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return 0.0 if len(claimed) >= free else self._idle_seconds

    async def _run(self, work: Work, target: str) -> None:
        try:
            await self._send(work)
        except TicketsError as error:
            # the lease ends, and the delivery is claimed again
            logger.warning("an outcome of %s could not be stored: %s", self._name, error)
        except Exception:
            logger.exception("unhandled exception while sending to %s", self._name)
        finally:
            self._busy[target] -= 1
            self._freed.set()

    async def _until_freed(self, seconds: float) -> None:
        if seconds:
            try:
                async with asyncio.timeout(seconds):
                    await self._freed.wait()
            except TimeoutError:
                return
        await asyncio.sleep(GATHERING_SECONDS)
