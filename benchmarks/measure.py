"""Interleaved rounds: each system in turn, so that other load on the machine affects all alike."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.load import measure
from benchmarks.machine import Tree, busy
from benchmarks.systems import System
from benchmarks.workload import Operation


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement of one system: times in seconds, shares of one core."""

    rate: float
    p50: float
    p99: float
    longest: float
    service_cpu: float  # per request
    postgres_cpu: float  # per request
    system_share: float  # of its core: service and PostgreSQL
    load_share: float  # of its core: the load generator
    others: float  # cores that other programs used


@dataclass
class Cell:
    """The rounds of one system, one operation, at one size and concurrency."""

    rounds: list[Round] = field(default_factory=list)

    def median(self, value: Callable[[Round], float]) -> float:
        """The median over the rounds."""
        return statistics.median(value(round_) for round_ in self.rounds)

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.median(lambda round_: round_.rate)

    @property
    def spread(self) -> float:
        """Range of the rounds' rates, as a share of their median."""
        rates = [round_.rate for round_ in self.rounds]
        return (max(rates) - min(rates)) / self.rate

    @property
    def cpu(self) -> float:
        """CPU seconds per request, service and PostgreSQL together."""
        return self.median(lambda round_: round_.service_cpu + round_.postgres_cpu)


@dataclass(frozen=True, slots=True)
class Pace:
    """Number and length of the rounds; times in seconds."""

    rounds: int
    seconds: float
    warm_up: float


async def round_of(
    system: System,
    operation: Operation,
    postgres: Tree,
    *,
    connections: int,
    pace: Pace,
    max_requests: int | None = None,
) -> Round:
    """Measure one system once."""
    edges: list[tuple[float, float, float]] = []

    def record_edge() -> None:
        edges.append((system.tree.cpu(), postgres.cpu(), busy()))

    load = await measure(
        system.port,
        operation.stream(),
        connections=connections,
        warm_up=0 if operation.unread else pace.warm_up,
        seconds=pace.seconds,
        max_requests=max_requests,
        on_edge=record_edge,
    )
    (service_from, postgres_from, busy_from), (service_to, postgres_to, busy_to) = edges
    service, database = service_to - service_from, postgres_to - postgres_from
    responses = len(load.latencies)
    return Round(
        rate=load.rate,
        p50=load.percentile(0.5),
        p99=load.percentile(0.99),
        longest=max(load.latencies),
        service_cpu=service / responses,
        postgres_cpu=database / responses,
        system_share=(service + database) / load.seconds,
        load_share=load.own_cpu,
        others=max(0.0, (busy_to - busy_from - service - database) / load.seconds - load.own_cpu),
    )


async def interleaved(
    systems: Sequence[System],
    operation: Operation,
    postgres: Tree,
    *,
    connections: int,
    pace: Pace,
    prepare: Callable[[Operation, System], Awaitable[None]],
) -> dict[str, Cell]:
    """Measure the systems in turn. The first of one round is the last of the next."""
    cells = {system.name: Cell() for system in systems}
    for number in range(pace.rounds):
        start = number % len(systems)
        for system in (*systems[start:], *systems[:start]):
            await prepare(operation, system)
            measured = await round_of(
                system, operation, postgres, connections=connections, pace=pace
            )
            cells[system.name].rounds.append(measured)
    return cells
