"""Faults, the short form of `just faults`: acknowledged writes are stored exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.faults.__main__ import BEGIN, END, PAGE, SHORT_SECONDS, throwaway_cluster
from scripts.faults.faults import FAULTS
from scripts.faults.processes import Cluster
from scripts.faults.run import run
from scripts.faults.stages import CannotRun

pytestmark = pytest.mark.command


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[Cluster, Path]]:
    """Return a PostgreSQL that may be killed, apart from that of the other tests."""
    with throwaway_cluster() as cluster:
        yield cluster


def test_the_table_in_the_docs_has_a_row_of_every_fault_and_nothing_lost() -> None:
    page = PAGE.read_text(encoding="utf-8")
    generated = page.partition(BEGIN)[2].partition(END)[0]
    rows = [line.split(" | ") for line in generated.splitlines() if line.startswith("| ")][2:]

    assert "`uv run just faults` wrote this on 20" in generated, "run `uv run just faults`"
    assert [row[0].removeprefix("| ") for row in rows] == [fault.title for fault in FAULTS.values()]
    assert all(row[4:6] == ["0", "0"] for row in rows if not row[1].startswith("not run"))


@pytest.mark.parametrize("name", FAULTS)
def test_after_a_fault_every_acknowledged_write_is_stored_exactly_once(
    cluster: tuple[Cluster, Path], name: str
) -> None:
    try:
        outcome = asyncio.run(run(FAULTS[name], *cluster, seconds=SHORT_SECONDS))
    except CannotRun as error:
        pytest.skip(str(error))

    assert outcome.violations == []
    assert (outcome.duplicated, outcome.lost) == (0, 0)
    assert 0 < outcome.acknowledged <= outcome.found <= outcome.sent
