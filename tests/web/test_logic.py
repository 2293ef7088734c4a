"""The pages' logic without a page: `node --test` over the files beside this one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FILES = sorted(Path(__file__).parent.glob("*.test.mjs"))
OLDEST = 20


def test_the_logic_of_the_pages_holds() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("There is no node here: the pages' logic was tested in the browser alone.")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < OLDEST:
        pytest.skip(
            f"The node here is {version.strip()}; the tests of the pages' logic need v{OLDEST}."
        )

    done = subprocess.run(
        [node, "--test", *FILES], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^(?:#|ℹ) pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed
    assert int(passed[1]) >= len(FILES) > 0
