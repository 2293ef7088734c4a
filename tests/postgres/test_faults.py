"""The short form of `just faults`: what is acknowledged while things break is there exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.faults.__main__ import SHORT_SECONDS, throwaway_cluster
from scripts.faults.faults import FAULTS
from scripts.faults.processes import Cluster
from scripts.faults.run import run


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[Cluster, Path]]:
    """Return a PostgreSQL that may be killed, whatever the other tests run on."""
    with throwaway_cluster() as cluster:
        yield cluster


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_acknowledged_is_there_exactly_once_and_service_is_back(
    cluster: tuple[Cluster, Path], name: str
) -> None:
    outcome = asyncio.run(run(FAULTS[name], *cluster, seconds=SHORT_SECONDS))

    assert outcome.violations == []
    assert (outcome.doubled, outcome.lost) == (0, 0)
    assert 0 < outcome.acknowledged <= outcome.found <= outcome.sent
