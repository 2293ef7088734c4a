"""Benchmark of the service and its rivals: `just bench`. See docs/performance.md."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import uvloop

from benchmarks import data
from benchmarks.bench import FULL, QUICK, Bench, Choice
from benchmarks.report import report
from benchmarks.systems import RIVALS, before_command


def main() -> None:
    """Parse the options, run the benchmark, and print the report."""
    arguments = _arguments()
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:  # noqa: PLR2004
        sys.exit("The benchmark runs the load on a separate core: it needs Linux and two cores.")
    with ExitStack() as stack:
        folder = arguments.keep
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tickets-bench-")))
        started = time.monotonic()
        before = None
        if arguments.before:
            before = data.Before(arguments.before, before_command(arguments.before, folder))
        choice = Choice(
            sizes=arguments.sizes.split(","),
            operations=arguments.only.split(","),
            rivals=arguments.rivals.split(","),
            variants=arguments.variant,
            before=before,
            paces=QUICK if arguments.quick else FULL,
            rounds=arguments.rounds,
        )
        server = stack.enter_context(data.server(folder, choice.sizes, before))
        results = uvloop.run(Bench(server, choice).run())
    results.conditions.append(f"the whole run took {(time.monotonic() - started) / 60:.1f} minutes")
    text = report(results)
    print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="just bench", description=__doc__)
    option = parser.add_argument
    option("--quick", action="store_true", help="S alone, concurrency 16, shorter rounds")
    option(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="store the databases here, and reuse those that exist",
    )
    option("--output", type=Path, metavar="FILE", help="write the report to this file, too")
    option("--sizes", help="S, L or S,L (the default)")
    option(
        "--only", default="", help="operations whose names contain one of these, comma-separated"
    )
    option("--rivals", default=",".join(RIVALS), help="rivals to measure, comma-separated")
    option("--rounds", type=int, help="rounds of each measurement; more on a noisy machine")
    option(
        "--variant",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="measure the service with this setting, too",
    )
    option(
        "--before",
        type=Path,
        metavar="CHECKOUT",
        help="measure the version of another checkout, too, on data in its own schema",
    )
    arguments = parser.parse_args()
    arguments.sizes = arguments.sizes or ("S" if arguments.quick else "S,L")
    return arguments


if __name__ == "__main__":
    main()
