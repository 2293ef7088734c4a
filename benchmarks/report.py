"""The report in Markdown: which goals are met, and the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.long_thread import Shared
from benchmarks.measure import Cell, Round
from benchmarks.systems import SERVICE

READS = (
    "user unread count",
    "user list",
    "ticket detail",
    "admin list",
    "admin list, by status",
    "admin list, by category",
    "admin list, by both",
    "admin unread count",
    "admin stats",
    "admin detail",
    "first view",
)

Key = tuple[str, str, int]
"""Size, operation, concurrency."""


@dataclass
class Results:
    """All results of one run."""

    conditions: list[str] = field(default_factory=list)
    figures: dict[str, Mapping[str, object]] = field(default_factory=dict)
    cells: dict[Key, dict[str, Cell]] = field(default_factory=dict)
    memory: list[tuple[int, int, int]] = field(default_factory=list)
    """Responses so far; bytes of the service's worker; bytes of PostgreSQL."""
    long_thread: list[Shared] = field(default_factory=list)
    """The mix and a badge, without readers of a thread of 10,000 messages, and with ten."""
    workers: tuple[Cell, Cell] | None = None
    """The mix on one worker and one core, and on two workers and two cores."""

    def pairs(self, first: str, second: str) -> Iterator[tuple[Key, Cell, Cell]]:
        """Yield the cells of two systems, wherever both were measured."""
        for key, cells in self.cells.items():
            if first in cells and second in cells:
                yield key, cells[first], cells[second]


def report(results: Results) -> str:
    """Return the whole report."""
    sections = [
        ("Conditions", [f"- {line}" for line in results.conditions]),
        ("Goals", _goal_rows(results)),
    ]
    sizes = dict.fromkeys((size, connections) for size, _, connections in results.cells)
    for size, connections in sizes:
        title = f"{size}, concurrency {connections}"
        sections.append((title, _table(results, size, connections)))
    if len(results.figures) > 1:
        sections.append(("L against S", _growth(results)))
    if results.memory:
        sections.append(("Memory under the mix", _memory(results)))
    if results.long_thread:
        sections.append(("Beside a thread of 10,000 messages", _long_thread(results.long_thread)))
    if results.workers:
        sections.append(("Two workers", _workers(*results.workers)))
    return "\n\n".join("\n".join([f"## {title}", "", *lines]) for title, lines in sections) + "\n"


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def _head(*cells: str) -> list[str]:
    return [_row(*cells), _row("---", *("---:" for _ in cells[1:]))]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f}"


def _table(results: Results, size: str, connections: int) -> list[str]:
    rows = {
        operation: cells
        for (its_size, operation, its_connections), cells in results.cells.items()
        if (its_size, its_connections) == (size, connections)
    }
    names = list(dict.fromkeys(name for cells in rows.values() for name in cells))
    against = [name for name in names if name != SERVICE]
    lines = _head(
        "operation",
        *(f"{name} req/s" for name in names),
        *(f"service / {name}" for name in against),
        *(f"by CPU, service / {name}" for name in against if name != "static"),
        *(f"{name} p50, p99, longest (ms)" for name in names if name in (SERVICE, "ceiling")),
        *(f"{name} CPU µs, PostgreSQL's" for name in names if name != "static"),
    )
    for operation, cells in rows.items():
        lines.append(
            _row(
                operation,
                *(_rate(cells.get(name)) for name in names),
                *(_ratio(cells.get(SERVICE), cells.get(name)) for name in against),
                *(
                    _cpu_ratio(cells.get(SERVICE), cells.get(name))
                    for name in against
                    if name != "static"
                ),
                *(_latency(cells.get(name)) for name in names if name in (SERVICE, "ceiling")),
                *(_cpu(cells.get(name)) for name in names if name != "static"),
            )
        )
    return lines


def _rate(cell: Cell | None) -> str:
    return "" if cell is None else f"{cell.rate:,.0f} ± {cell.spread / 2:.0%}"


def _ratio(cell: Cell | None, other: Cell | None) -> str:
    return "" if cell is None or other is None else f"{cell.rate / other.rate:.2f}"


def _cpu_ratio(cell: Cell | None, other: Cell | None) -> str:
    """The ratio of CPU per request: less sensitive to other load on the machine than the rate."""
    return "" if cell is None or other is None else f"{other.cpu / cell.cpu:.2f}"


def _latency(cell: Cell | None) -> str:
    if cell is None:
        return ""
    longest = max(round_.longest for round_ in cell.rounds)
    return f"{_ms(cell.median(_p50))}, {_ms(cell.median(_p99))}, {_ms(longest)}"


def _cpu(cell: Cell | None) -> str:
    if cell is None:
        return ""
    postgres = cell.median(lambda round_: round_.postgres_cpu)
    return f"{cell.cpu * 1e6:,.0f}, {postgres * 1e6:,.0f}"


def _p50(round_: Round) -> float:
    return round_.p50


def _p99(round_: Round) -> float:
    return round_.p99


def _growth(results: Results) -> list[str]:
    lines = _head("operation", "concurrency", "S p50 (ms)", "L p50 (ms)", "L / S", "ceiling L / S")
    for (size, operation, connections), large in results.cells.items():
        small = results.cells.get(("S", operation, connections))
        if size != "L" or small is None:
            continue
        ratios = {
            name: large[name].median(_p50) / small[name].median(_p50)
            for name in large
            if name in small
        }
        lines.append(
            _row(
                operation,
                connections,
                _ms(small[SERVICE].median(_p50)),
                _ms(large[SERVICE].median(_p50)),
                f"{ratios[SERVICE]:.2f}",
                f"{ratios['ceiling']:.2f}" if "ceiling" in ratios else "",
            )
        )
    return lines


def _memory(results: Results) -> list[str]:
    lines = _head("requests", "service (MiB)", "PostgreSQL (MiB)")
    for requests, service, postgres in results.memory:
        lines.append(_row(f"{requests:,}", f"{service / 2**20:.1f}", f"{postgres / 2**20:.0f}"))
    return lines


def _long_thread(measured: Sequence[Shared]) -> list[str]:
    lines = _head(
        "readers",
        "badge p50, p99, longest (ms)",
        "mix req/s",
        "pages/s",
        "page (MB)",
        "service (MiB)",
    )
    for shared in measured:
        latencies = (
            shared.badge.percentile(0.5),
            shared.badge.percentile(0.99),
            max(shared.badge.latencies),
        )
        lines.append(
            _row(
                shared.readers,
                ", ".join(map(_ms, latencies)),
                f"{shared.mix.rate:,.0f}",
                f"{shared.pages.rate:,.1f}" if shared.pages else "",
                f"{shared.page_size / 1e6:.2f}",
                f"{shared.memory / 2**20:.1f}",
            )
        )
    return lines


def _workers(one: Cell, two: Cell) -> list[str]:
    lines = _head("the mix on", "req/s", "p50, p99, longest (ms)")
    lines.append(_row("one worker, one core", _rate(one), _latency(one)))
    lines.append(_row("two workers, two cores", _rate(two), _latency(two)))
    return lines


def _goal_rows(results: Results) -> list[str]:
    lines = ["| goal | result | reached |", "| --- | --- | --- |"]
    lines += [
        _row(goal, found, "yes" if reached else "**no**")
        for goal, found, reached in _evaluate(results)
    ]
    return lines


def _worst(values: Sequence[tuple[float, str]], pick: str) -> str:
    value, where = min(values) if pick == "least" else max(values)
    return f"{value:.2f} ({where})"


def _where(key: Key) -> str:
    size, operation, connections = key
    return f"{operation}, {size}, {connections}"


def _evaluate(results: Results) -> Iterator[tuple[str, str, bool]]:
    against = [
        (key, service.rate / ceiling.rate, service, ceiling)
        for key, service, ceiling in results.pairs(SERVICE, "ceiling")
    ]
    for goal, operations, least in (
        *((f"{name}: 0.90 of the ceiling", (name,), 0.90) for name in (*READS, "create")),
        ("reply: 0.75 of the ceiling", ("reply",), 0.75),
        ("user unread count: 1.5 times the ceiling", ("user unread count",), 1.5),
    ):
        found = [(ratio, _where(key)) for key, ratio, *_ in against if key[1] in operations]
        if found:
            yield goal, f"{_worst(found, 'least')} to {max(found)[0]:.2f}", min(found)[0] >= least
    plain = [
        (service.rate / plain.rate, _where(key))
        for key, service, plain in results.pairs(SERVICE, "plain")
        if key[1] == "mix"
    ]
    if plain:
        reached = min(plain)[0] >= 7  # noqa: PLR2004
        yield "mix: 7 times the plain rival", _worst(plain, "least"), reached
    growth = [
        (cells[SERVICE].median(_p50) / small[SERVICE].median(_p50), _where((size, name, number)))
        for (size, name, number), cells in results.cells.items()
        if size == "L" and (small := results.cells.get(("S", name, number)))
    ]
    if growth:
        over = sum(ratio > 1.25 for ratio, _ in growth)  # noqa: PLR2004
        found_growth = f"{_worst(growth, 'most')}; {over} of {len(growth)} above"
        yield "L against S at p50: at most 1.25", found_growth, over == 0
    tails = [
        (_tail(service) / _tail(ceiling), _where(key))
        for key, _, service, ceiling in against
        if key[2] == 64  # noqa: PLR2004
    ]
    if tails:
        over = sum(ratio > 1 for ratio, _ in tails)
        found_tails = f"{_worst(tails, 'most')}; {over} of {len(tails)} above 1"
        yield "p99 / p50 at 64, against the ceiling's", found_tails, over == 0
    if results.memory:
        most = max(service for _, service, _ in results.memory) / 2**20
        half, end = results.memory[len(results.memory) // 2][1], results.memory[-1][1]
        grown = (end - half) / 2**20
        found_memory = f"{most:.0f} MiB, {grown:+.1f} in the second half"
        yield "memory: under 120 MiB, flat", found_memory, most < 120 and grown < 2  # noqa: PLR2004
    if results.workers:
        one, two = results.workers
        speedup = two.rate / one.rate
        yield "two workers: 1.7 times one", f"{speedup:.2f}", speedup >= 1.7  # noqa: PLR2004


def _tail(cell: Cell) -> float:
    return cell.median(_p99) / cell.median(_p50)
