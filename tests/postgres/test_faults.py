"""Faults, the short form of `just faults`: acknowledged writes are stored exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.faults.__main__ import SHORT_SECONDS, throwaway_cluster
from scripts.faults.faults import FAULTS
from scripts.faults.processes import Cluster
from scripts.faults.run import run

pytestmark = pytest.mark.command


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[Cluster, Path]]:
    """Return a PostgreSQL that may be killed, apart from that of the other tests."""
    with throwaway_cluster() as cluster:
        yield cluster


@pytest.mark.parametrize("name", FAULTS)
def test_after_a_fault_every_acknowledged_write_is_stored_exactly_once(
    cluster: tuple[Cluster, Path], name: str
) -> None:
    outcome = asyncio.run(run(FAULTS[name], *cluster, seconds=SHORT_SECONDS))

    assert outcome.violations == []
    assert (outcome.duplicated, outcome.lost) == (0, 0)
    assert 0 < outcome.acknowledged <= outcome.found <= outcome.sent
