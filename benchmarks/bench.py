"""One run: the data, the systems on it, what is measured of them, and under which conditions."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import asyncpg
import msgspec

from benchmarks import data, machine
from benchmarks.compare import compare
from benchmarks.load import measure
from benchmarks.measure import Cell, Pace, Round, interleaved, round_of
from benchmarks.report import Results
from benchmarks.systems import BEFORE, CHANGED, RIVALS, SERVICE, System, running
from benchmarks.workload import Operation, operations

# Concurrency, who is measured at it, and how. What is left of a full run's time goes to the data and to the long mix.
Paces = Mapping[int, tuple[Sequence[str], Pace]]
FULL: Paces = {
    16: ((SERVICE, "ceiling", "plain", "static"), Pace(rounds=5, seconds=0.7, warm_up=0.2)),
    1: ((SERVICE, "ceiling"), Pace(rounds=3, seconds=0.5, warm_up=0.15)),
    64: ((SERVICE, "ceiling"), Pace(rounds=3, seconds=0.6, warm_up=0.25)),
}
QUICK: Paces = {
    16: ((SERVICE, "ceiling", "plain", "static"), Pace(rounds=3, seconds=0.4, warm_up=0.15)),
}

HOUR = 150_000
"""Requests of the mix in an hour in which a thousand pages are open, which ask for the badge every 30 seconds."""

LOOKS = 10
"""How often the memory is looked at in that hour."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody wants to have measured; an operation is named by any part of its name."""

    sizes: Sequence[str]
    operations: Sequence[str]
    rivals: Sequence[str]
    variants: Sequence[str]
    before: Path | None
    paces: Paces
    rounds: int | None

    def pace(self, connections: int) -> Pace:
        """Return how this concurrency is measured."""
        pace = self.paces[connections][1]
        return pace if self.rounds is None else replace(pace, rounds=self.rounds)

    @property
    def systems(self) -> Sequence[str]:
        """Who is measured, the service first: what everybody is compared with."""
        before = [] if self.before is None else [BEFORE]
        return [SERVICE, *before, *self.variants, *(name for name in RIVALS if name in self.rivals)]

    @property
    def everything(self) -> bool:
        """Whether no operation is left out."""
        return "" in self.operations


class Bench:
    """One run, on a server that has the data."""

    def __init__(self, server: data.Server, choice: Choice) -> None:
        self._server = server
        self._choice = choice
        self._postgres = machine.Tree(server.pid)
        self._cores = sorted(os.sched_getaffinity(0))
        self._results = Results()

    @property
    def _core(self) -> int:
        """Where the service and PostgreSQL are."""
        return self._cores[-1]

    async def run(self) -> Results:
        """Measure everything, on the cores as they are needed."""
        with machine.on_cores(self._cores[:1]):
            self._postgres.move([self._core])
            await self._describe()
            for size in self._choice.sizes:
                await self._size(size)
            if self._choice.everything:
                await self._long_mix(self._choice.sizes[-1])
                await self._two_workers(self._choice.sizes[0])
        self._describe_noise()
        return self._results

    async def _size(self, size: str) -> None:
        url = await data.copy(self._server, size)
        self._results.figures[size] = await data.figures(url)
        found = ", ".join(
            f"{name.replace('_', ' ')} {value}"
            for name, value in self._results.figures[size].items()
        )
        self._results.conditions.append(f"{size}: {found}")
        chosen = [
            operation
            for operation in await operations(url)
            if any(part in operation.name for part in self._choice.operations)
        ]
        self._connection = await asyncpg.connect(url)
        with ExitStack() as held:
            systems = [
                held.enter_context(
                    running(name, url, cores=[self._core], before=self._choice.before)
                )
                for name in self._choice.systems
                if name != "static"
            ]
            answers = {
                operation.name: (await compare(operation, systems, self._prepare))[SERVICE]
                for operation in chosen
            }
            # the size of the data means nothing to it
            if "static" in self._choice.systems and self._choice.everything and size == "S":
                systems.append(held.enter_context(_static(url, answers, self._core)))
            for operation in chosen:
                await self._operation(size, operation, systems)
        await self._connection.close()

    async def _prepare(self, operation: Operation, system: System) -> None:
        """Bring about what was before: limits that nobody is near, tickets that are unread, and shown."""
        if operation.writes:
            await self._connection.execute(data.SQL["rest_limits"])
        before = list(operation.shown)
        if operation.unread and system.name in RIVALS:
            await self._connection.fetch(data.SQL["mark_unread"], operation.unread)
        else:
            before += operation.marks
        if before:
            await measure(system.port, before, connections=16, warm_up=0, seconds=600)

    async def _operation(self, size: str, operation: Operation, systems: Sequence[System]) -> None:
        if operation.polled:
            for system in systems:
                await round_of(
                    system,
                    operation,
                    self._postgres,
                    connections=16,
                    pace=Pace(rounds=1, seconds=600, warm_up=0),
                    most=len(operation.requests),
                )
        for connections, (names, _) in self._choice.paces.items():
            cells = await interleaved(
                [
                    system
                    for system in systems
                    if system.name in names
                    or system.name not in RIVALS
                    or (operation.name == "mix" and system.name == "plain")
                ],
                operation,
                self._postgres,
                connections=connections,
                pace=self._choice.pace(connections),
                prepare=self._prepare,
            )
            self._results.cells[size, operation.name, connections] = cells
            rates = ", ".join(f"{name} {cell.rate:,.0f}" for name, cell in cells.items())
            _tell(f"{size}, {operation.name}, {connections} at once: {rates} requests per second")

    async def _long_mix(self, size: str) -> None:
        url = await data.copy(self._server, size)
        *_, mix = await operations(url)
        requests = HOUR if self._choice.paces is FULL else HOUR // 10
        pace = Pace(rounds=1, seconds=600, warm_up=0)
        with running(SERVICE, url, cores=[self._core]) as service:
            self._look_at_memory(service, 0)
            for look in range(LOOKS):
                await round_of(
                    service,
                    mix,
                    self._postgres,
                    connections=16,
                    pace=pace,
                    most=requests // LOOKS,
                )
                self._look_at_memory(service, (look + 1) * requests // LOOKS)

    def _look_at_memory(self, service: System, requests: int) -> None:
        memory = (requests, max(service.tree.resident()), self._postgres.proportional())
        self._results.memory.append(memory)
        _tell(f"memory after {requests:,} requests: {memory[1] / 2**20:.1f} MiB")

    async def _two_workers(self, size: str) -> None:
        """Compare one worker on one core with two on two; with only two, the load is on the same ones in both cases."""
        url = await data.copy(self._server, size)
        *_, mix = await operations(url)
        alone = len(self._cores) > 2  # noqa: PLR2004 - a core that is left for the load
        one, two = ([self._core], self._cores[-2:])
        pace = self._choice.pace(16)
        cells = Cell(), Cell()
        with (
            running(SERVICE, url, cores=one) as single,
            running(SERVICE, url, cores=two, workers=2) as double,
        ):
            for _ in range(pace.rounds):
                for system, cores, cell in ((single, one, cells[0]), (double, two, cells[1])):
                    self._postgres.move(cores)
                    with machine.on_cores(self._cores[:1] if alone else cores):
                        measured = await round_of(
                            system, mix, self._postgres, connections=32, pace=pace
                        )
                    cell.rounds.append(measured)
        self._postgres.move([self._core])
        self._results.workers = cells
        where = "on a core of its own" if alone else "on those same cores in both cases"
        self._results.conditions.append(f"one worker against two: the load generator is {where}")

    async def _describe(self) -> None:
        connection = await asyncpg.connect(self._server.url)
        names = [setting.partition("=")[0] for setting in data.settings()]
        shown = [f"{name} {await connection.fetchval(f'show {name}')}" for name in names]
        number = await connection.fetchval("show server_version")
        await connection.close()
        libraries = (
            "litestar",
            "uvicorn",
            "asyncpg",
            "msgspec",
            "fastapi",
            "sqlalchemy",
            "pydantic",
        )
        self._results.conditions += [
            *machine.description(),
            f"embedded PostgreSQL {number}: {', '.join(shown)}; everything else as it comes",
            ", ".join(f"{library} {version(library)}" for library in libraries),
            f"service and PostgreSQL on core {self._core}, the load generator on core {self._cores[0]}",
            f"`tickets serve`, one worker, its settings as they come but for {', '.join(CHANGED)}",
            "its limits per user are as they come; before each round of writes whoever has used half of one gets it back",
            *(
                f"concurrency {number}: {pace.rounds} rounds of {pace.seconds} s, after {pace.warm_up} s of the same"
                for number in self._choice.paces
                for pace in (self._choice.pace(number),)
            ),
        ]

    def _describe_noise(self) -> None:
        rounds: list[Round] = [
            round_
            for cells in self._results.cells.values()
            for cell in cells.values()
            for round_ in cell.rounds
        ]
        load = [round_.load_share for round_ in rounds]
        others = [round_.others for round_ in rounds]
        self._results.conditions += [
            f"load generator: {statistics.median(load):.0%} of its core in the median round, {max(load):.0%} in the busiest",
            f"other programs: {statistics.median(others):.2f} cores in the median round, {max(others):.2f} in the noisiest",
        ]


@contextmanager
def _static(url: str, answers: Mapping[str, bytes], core: int) -> Iterator[System]:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(
            msgspec.json.encode({name: b64encode(body).decode() for name, body in answers.items()})
        )
        file.flush()
        with running(
            "static", url, cores=[core], environment={"BENCH_ANSWERS": file.name}
        ) as system:
            yield system


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
