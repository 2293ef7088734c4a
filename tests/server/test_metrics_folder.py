"""The shared folder of the metrics is removed, by the next start where the service was killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tickets.server.metrics_folder import (
    hold_metrics_folder,
    remove_abandoned_metrics,
    shared_metrics_folder,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")

KILLED = """
import os, signal
from tickets.server.metrics_folder import shared_metrics_folder
with shared_metrics_folder():
    os.kill(os.getpid(), signal.SIGKILL)
"""

HOLDING = """
import sys
from tickets.server.metrics_folder import hold_metrics_folder
hold_metrics_folder(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder for temporary files of this test and its processes."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_the_folder_is_there_for_the_block() -> None:
    with shared_metrics_folder() as folder:
        (folder / "counter_1.db").touch()
        remove_abandoned_metrics()
        assert (folder / "counter_1.db").exists()
    assert not folder.exists()


def test_the_folder_of_a_killed_service_is_removed(temporary: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED], check=False)
    (left,) = temporary.iterdir()

    remove_abandoned_metrics()

    assert not left.exists()


def test_the_folder_stays_while_a_worker_outlives_its_killed_supervisor(temporary: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED], check=False)
    (left,) = temporary.iterdir()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, left], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"held\n"
        remove_abandoned_metrics()
        assert left.exists()

    remove_abandoned_metrics()

    assert not left.exists()


def test_what_is_not_an_abandoned_folder_of_the_service_stays(temporary: Path) -> None:
    """A folder without a lock may be one that is being created, or of another program."""
    (temporary / "tickets-metrics-new").mkdir()
    (temporary / "tickets-metrics-file").touch()
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lock").touch()
    (temporary / "tickets-metrics-link").symlink_to(elsewhere)
    before = sorted(temporary.rglob("*"))

    remove_abandoned_metrics()

    assert sorted(temporary.rglob("*")) == before


def test_a_worker_holds_the_folder_beside_its_supervisor() -> None:
    with shared_metrics_folder() as folder:
        hold_metrics_folder(str(folder))
