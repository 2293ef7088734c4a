"""Break things while clients write, and count what is there afterwards: `just faults`, `just faults --short`.

Everything that is stopped or killed was started by this script, in a throwaway folder, on this machine alone.
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
from scripts.faults.run import Outcome, run

SHORT_SECONDS, LONG_SECONDS = 1.0, 8.0

HEAD = """\
| fault | sent | acknowledged | found | doubled | lost | 503 | 409 | no answer | other answers | longest wait | longest outage | back after |
| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |"""


@contextmanager
def throwaway_cluster() -> Iterator[tuple[Cluster, Path]]:
    """Return a running cluster, and the folder around it, both gone in the end."""
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
    """Return the outcome as a line of the table."""
    usual = [outcome.answers[kind] for kind in ("503", "409", "no answer")]
    others = outcome.answers.total() - sum(usual)
    figures = [outcome.sent, outcome.acknowledged, outcome.found, outcome.doubled, outcome.lost]
    seconds = [outcome.longest_wait, outcome.longest_outage, outcome.back_after]
    cells = [outcome.title, *figures, *usual, others, *(f"{figure:.1f} s" for figure in seconds)]
    return f"| {' | '.join(map(str, cells))} |"


def main() -> int:
    """Run the faults that were asked for; return 1 where something is not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="about a minute for all of them")
    parser.add_argument("faults", nargs="*", choices=[[], *FAULTS], help="all where none is named")
    options = parser.parse_args()
    seconds = SHORT_SECONDS if options.short else LONG_SECONDS
    complaints = []
    with throwaway_cluster() as (cluster, folder):
        print(HEAD)
        for name in options.faults or FAULTS:
            outcome = asyncio.run(run(FAULTS[name], cluster, folder, seconds=seconds))
            print(row(outcome), flush=True)
            complaints += [f"{outcome.title}: {complaint}" for complaint in outcome.complaints]
    print(*complaints, sep="\n", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
