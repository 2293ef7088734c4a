"""One benchmark run: copies the data, starts the systems, measures each operation of each."""

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

import asyncpg
import msgspec

from benchmarks import data, machine
from benchmarks.compare import compare
from benchmarks.load import measure
from benchmarks.long_thread import (
    LONG_THREAD,
    LONG_THREAD_READERS,
    beside_readers,
    longest_thread,
)
from benchmarks.measure import Cell, Pace, Round, interleaved, round_of
from benchmarks.report import Results
from benchmarks.systems import BEFORE, CHANGED, RIVALS, SERVICE, System, running
from benchmarks.workload import Operation, operations

# Per concurrency: which systems are measured, for how long, and how often.
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
"""Requests in an hour of the mix: a thousand open pages poll the unread count every 30 seconds."""

MEMORY_SAMPLES = 10
"""Samples of the memory in that hour."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What to measure. An operation is chosen by any part of its name."""

    sizes: Sequence[str]
    operations: Sequence[str]
    rivals: Sequence[str]
    variants: Sequence[str]
    before: data.Before | None
    """The version before."""

    paces: Paces
    rounds: int | None

    def pace(self, connections: int) -> Pace:
        """Return the length and number of rounds at this concurrency."""
        pace = self.paces[connections][1]
        return pace if self.rounds is None else replace(pace, rounds=self.rounds)

    @property
    def systems(self) -> Sequence[str]:
        """Names of the systems, the service first: the others are compared with it."""
        before = [] if self.before is None else [BEFORE]
        return [SERVICE, *before, *self.variants, *(name for name in RIVALS if name in self.rivals)]

    @property
    def everything(self) -> bool:
        """Whether all operations are measured."""
        return "" in self.operations


class Bench:
    """One run, on a PostgreSQL server that has the templates."""

    def __init__(self, server: data.Server, choice: Choice) -> None:
        self._server = server
        self._choice = choice
        self._postgres = machine.Tree(server.pid)
        self._cores = sorted(os.sched_getaffinity(0))
        self._results = Results()

    @property
    def _core(self) -> int:
        """The core of the service and PostgreSQL."""
        return self._cores[-1]

    async def run(self) -> Results:
        """Measure everything, the load on the first core and the systems on the last."""
        with machine.on_cores(self._cores[:1]):
            self._postgres.move([self._core])
            await self._describe()
            for size in self._choice.sizes:
                await self._size(size)
            if any(part in LONG_THREAD for part in self._choice.operations):
                await self._long_thread(self._choice.sizes[0])
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
        before = self._choice.before
        urls = {}
        if before is not None and data.template(size) != data.template(size, before):
            urls[BEFORE] = await data.copy(self._server, size, "before", before)
        with ExitStack() as stack:
            systems = [
                stack.enter_context(
                    running(
                        name,
                        urls.get(name, url),
                        cores=[self._core],
                        before=before.tickets if before else None,
                    )
                )
                for name in self._choice.systems
                if name != "static"
            ]
            responses = {
                operation.name: (await compare(operation, systems, self._prepare))[SERVICE]
                for operation in chosen
            }
            # its speed does not depend on the size of the data
            if "static" in self._choice.systems and self._choice.everything and size == "S":
                systems.append(stack.enter_context(_static(url, responses, self._core)))
            for operation in chosen:
                await self._operation(size, operation, systems)

    async def _prepare(self, operation: Operation, system: System) -> None:
        """Reset rate limits, unread flags, and what pages have shown, before a measurement."""
        before = list(operation.shown)
        if operation.writes:
            connection = await asyncpg.connect(system.url)
            await connection.execute(data.SQL["rest_limits"])
            if operation.unread and system.name in RIVALS:
                await connection.fetch(data.SQL["mark_unread"], operation.unread)
            await connection.close()
        if system.name not in RIVALS:
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
                    max_requests=len(operation.requests),
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
            _log(
                f"{size}, {operation.name}, concurrency {connections}: {rates} requests per second"
            )

    async def _long_mix(self, size: str) -> None:
        url = await data.copy(self._server, size)
        *_, mix = await operations(url)
        requests = HOUR if self._choice.paces is FULL else HOUR // 10
        pace = Pace(rounds=1, seconds=600, warm_up=0)
        with running(SERVICE, url, cores=[self._core]) as service:
            self._sample_memory(service, 0)
            for sample in range(MEMORY_SAMPLES):
                await round_of(
                    service,
                    mix,
                    self._postgres,
                    connections=16,
                    pace=pace,
                    max_requests=requests // MEMORY_SAMPLES,
                )
                self._sample_memory(service, (sample + 1) * requests // MEMORY_SAMPLES)

    def _sample_memory(self, service: System, requests: int) -> None:
        memory = (requests, max(service.tree.resident()), self._postgres.proportional())
        self._results.memory.append(memory)
        _log(f"memory after {requests:,} requests: {memory[1] / 2**20:.1f} MiB")

    async def _long_thread(self, size: str) -> None:
        """Measure the mix and a badge while ten clients fetch the longest thread, and without."""
        url = await data.copy(self._server, size)
        target = await longest_thread(url)
        pace = self._choice.pace(16)
        with running(SERVICE, url, cores=[self._core]) as service:
            for readers in (0, LONG_THREAD_READERS):
                shared = await beside_readers(service, url, target, readers=readers, pace=pace)
                self._results.long_thread.append(shared)
                _log(f"{readers} readers of a long thread: {shared}")

    async def _two_workers(self, size: str) -> None:
        """Compare one worker on one core with two workers on two cores.

        With only two cores, the load generator shares them in both cases.
        """
        url = await data.copy(self._server, size)
        *_, mix = await operations(url)
        alone = len(self._cores) > 2  # noqa: PLR2004 - one is left for the load
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
        where = "on a separate core" if alone else "on those same cores in both cases"
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
            f"embedded PostgreSQL {number}: {', '.join(shown)}; other settings: defaults",
            ", ".join(f"{library} {version(library)}" for library in libraries),
            f"service and PostgreSQL: core {self._core}; load generator: core {self._cores[0]}",
            f"`tickets serve`, one worker, default settings except {', '.join(CHANGED)}",
            "default rate limits; before each round of writes, limits that are half used are reset",
            *(
                f"concurrency {number}: {pace.rounds} rounds of {pace.seconds} s,"
                f" each after {pace.warm_up} s of warm-up"
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
        if not rounds:
            return  # the long thread alone
        load = [round_.load_share for round_ in rounds]
        others = [round_.others for round_ in rounds]
        self._results.conditions += [
            (
                f"load generator: {statistics.median(load):.0%} of its core in the median round,"
                f" {max(load):.0%} in the busiest"
            ),
            (
                f"other programs: {statistics.median(others):.2f} cores in the median round,"
                f" {max(others):.2f} in the noisiest"
            ),
        ]


@contextmanager
def _static(url: str, responses: Mapping[str, bytes], core: int) -> Iterator[System]:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(
            msgspec.json.encode(
                {name: b64encode(body).decode() for name, body in responses.items()}
            )
        )
        file.flush()
        with running(
            "static", url, cores=[core], environment={"BENCH_RESPONSES": file.name}
        ) as system:
            yield system


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
