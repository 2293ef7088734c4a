"""Fault injection: break PostgreSQL and the service while clients write, then count. `just faults`.

It stops and kills only processes that it has started itself, in a temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.faults.faults import FAULTS
from scripts.faults.processes import Cluster
from scripts.faults.run import EXPECTED, Outcome, run

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


def main() -> int:
    """Run the chosen faults; return 1 if a guarantee is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="shorter faults: about a minute for all"
    )
    parser.add_argument("faults", nargs="*", choices=[[], *FAULTS], help="default: all")
    options = parser.parse_args()
    seconds = SHORT_SECONDS if options.short else LONG_SECONDS
    violations = []
    with throwaway_cluster() as (cluster, folder):
        print(f"| {' | '.join(COLUMNS)} |")
        print(f"| --- | {' | '.join(['--:'] * (len(COLUMNS) - 1))} |")
        for name in options.faults or FAULTS:
            outcome = asyncio.run(run(FAULTS[name], cluster, folder, seconds=seconds))
            print(row(outcome), flush=True)
            violations += [f"{outcome.title}: {violation}" for violation in outcome.violations]
    print(*violations, sep="\n", file=sys.stderr)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
