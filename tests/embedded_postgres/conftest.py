"""Folders and clusters for the tests of the embedded PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded_postgres.clusters import (
    Holders,
    new_folder,
    opened,
    stop_leftover_servers,
)


@pytest.fixture
def holders() -> Iterator[Holders]:
    started = Holders()
    yield started
    started.kill()


@pytest.fixture
def folder(holders: Holders) -> Iterator[Path]:
    """Yield an empty folder."""
    folder = new_folder()
    yield folder
    holders.kill()
    stop_leftover_servers(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    folder = new_folder()
    with opened(folder / "pg"):
        pass
    yield folder / "pg"
    shutil.rmtree(folder)


@pytest.fixture
def cluster(shared: Path, holders: Holders) -> Iterator[Path]:
    """Yield a cluster that exists and does not run; a module's tests share it, as it is costly."""
    yield shared
    holders.kill()
    stop_leftover_servers(shared.parent)
