"""A deterministic scheduler: runs tasks one statement at a time, in every order that matters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tickets.domain.ports import Notes, Tickets

READS = frozenset({"get", "get_with_thread"})


class Gate:
    """Where a task waits before each of its statements, until the scheduler lets it go."""

    def __init__(self, arrive: Callable[[], None]) -> None:
        self.next = ""
        """The statement that waits; empty when the task is done."""
        self._arrive = arrive

    async def wait(self, statement: str) -> None:
        self.next = statement
        self._turn = asyncio.get_running_loop().create_future()
        self._arrive()
        await self._turn

    def let_go(self) -> None:
        self.next = ""
        self._turn.set_result(None)


class GatedPort:
    """A port, such as `Tickets`, where every call waits at the gate."""

    def __init__(self, port: Tickets | Notes, gate: Gate) -> None:
        self._port = port
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)

        async def gated(*args: Any, **kwargs: Any) -> Any:
            await self._gate.wait(name)
            return await call(*args, **kwargs)

        return gated


@dataclass(frozen=True)
class Step:
    """One statement: the task that ran it, and the tasks that could have gone instead."""

    chosen: int
    choices: Sequence[int]


Work = Callable[[Gate], Awaitable[None]]


async def run(works: Sequence[Work], prefix: Sequence[int]) -> tuple[list[Step], bool]:
    """Run the tasks in the order of the prefix, then always the first that can go, to the end.

    Returns the steps, and whether they count. Of two reads in a row only one order counts, since
    swapping them makes no difference.
    """
    arrived = asyncio.Event()
    gates = [Gate(arrived.set) for _ in works]

    async def work(number: int) -> None:
        try:
            await works[number](gates[number])
        finally:
            arrived.set()

    tasks = []
    for number in range(len(works)):
        arrived.clear()
        tasks.append(asyncio.create_task(work(number)))
        await arrived.wait()
    steps: list[Step] = []
    before, read = -1, False
    try:
        while runnable := [number for number, gate in enumerate(gates) if gate.next]:
            choices = [
                number
                for number in runnable
                if not (read and number < before and gates[number].next in READS)
            ]
            if not choices:
                return steps, False
            at = len(steps)
            chosen = prefix[at] if at < len(prefix) else choices[0]
            steps.append(Step(chosen, choices))
            before, read = chosen, gates[chosen].next in READS
            arrived.clear()
            gates[chosen].let_go()
            await arrived.wait()
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return steps, True


async def every_order(
    works: Callable[[], Awaitable[Sequence[Work]]], check: Callable[[], Awaitable[None]]
) -> int:
    """Run new tasks in every order, depth first; check after each; return how many orders."""
    prefix: list[int] | None = []
    orders = 0
    while prefix is not None:
        steps, counts = await run(await works(), prefix)
        if counts:
            orders += 1
            await check()
        prefix = _next(steps)
    return orders


def _next(steps: Sequence[Step]) -> list[int] | None:
    for at in range(len(steps) - 1, -1, -1):
        later = [choice for choice in steps[at].choices if choice > steps[at].chosen]
        if later:
            return [*(step.chosen for step in steps[:at]), later[0]]
    return None
