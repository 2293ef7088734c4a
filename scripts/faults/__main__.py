"""Fault injection: break PostgreSQL and the service while clients write, then count. `just faults`.

It stops and kills only processes that it has started itself, in a temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from scripts.faults.faults import FAULTS
from scripts.faults.processes import Cluster
from scripts.faults.run import EXPECTED, Outcome, run
from scripts.faults.stages import CannotRun
from tickets.clock import SystemClock
from tickets.embedded_postgres.data_folder import POSTGRES_MAJOR

PAGE = Path(__file__).parents[2] / "docs/reliability.md"

BEGIN = "<!-- faults:begin -->"
END = "<!-- faults:end -->"

SHORT_SECONDS, LONG_SECONDS = 1.0, 8.0

COLUMNS = (
    *("fault", "sent", "acknowledged", "found", "duplicated", "lost"),
    *("503", "409", "no response", "other responses"),
    *("longest wait", "longest outage", "recovered after"),
)


@contextmanager
def throwaway_cluster() -> Iterator[tuple[Cluster, Path]]:
    """Start a cluster in a temporary folder; remove both at the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="tickets-faults-"))
    folder.chmod(0o711)
    cluster = Cluster(folder)
    cluster.start()
    try:
        yield cluster, folder
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def row(outcome: Outcome) -> str:
    """Return the outcome as a row of the table."""
    expected = [outcome.failures[kind] for kind in EXPECTED]
    others = outcome.failures.total() - sum(expected)
    counts = [outcome.sent, outcome.acknowledged, outcome.found, outcome.duplicated, outcome.lost]
    seconds = [outcome.longest_wait, outcome.longest_outage, outcome.recovered_after]
    cells = [outcome.title, *counts, *expected, others, *(f"{value:.1f} s" for value in seconds)]
    return f"| {' | '.join(map(str, cells))} |"


def table(rows: Sequence[str]) -> str:
    """Return the table with these rows."""
    return "\n".join(
        [
            f"| {' | '.join(COLUMNS)} |",
            f"| --- | {' | '.join(['--:'] * (len(COLUMNS) - 1))} |",
            *rows,
        ]
    )


def write(rows: Sequence[str]) -> None:
    """Replace the table in docs/reliability.md, and the line that says where it comes from."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise ValueError(f"{PAGE} must have {BEGIN} and, below it, {END}")
    origin = (
        f"`uv run just faults` wrote this on {SystemClock().now():%Y-%m-%d} (tickets"
        f" {version('tickets')}, PostgreSQL {POSTGRES_MAJOR},\n"
        f"Python {platform.python_version()}, {os.cpu_count()} cores)."
    )
    page = f"{before}{BEGIN}\n{origin}\n\n{table(rows)}\n{END}{after}"
    PAGE.write_text(page, encoding="utf-8")


def main() -> int:
    """Run the chosen faults; return 1 if a guarantee is broken.

    All of them, in full length, replace the table in docs/reliability.md.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="shorter faults: two minutes for all; writes nothing"
    )
    parser.add_argument("faults", nargs="*", choices=[[], *FAULTS], help="default: all")
    options = parser.parse_args()
    seconds = SHORT_SECONDS if options.short else LONG_SECONDS
    rows, violations = [], []
    with throwaway_cluster() as (cluster, folder):
        print(table([]))
        for name in options.faults or FAULTS:
            fault = FAULTS[name]
            try:
                outcome = asyncio.run(run(fault, cluster, folder, seconds=seconds))
            except CannotRun as error:
                rows.append(f"| {fault.title} | not run: {error} {'| ' * (len(COLUMNS) - 1)}")
            else:
                rows.append(row(outcome))
                violations += [f"{outcome.title}: {violation}" for violation in outcome.violations]
            print(rows[-1], flush=True)
    print(*violations, sep="\n", file=sys.stderr)
    if not (options.short or options.faults or violations):
        write(rows)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
