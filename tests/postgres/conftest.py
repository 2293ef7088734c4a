"""Fixtures of processes with listeners, for the tests of their caches."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.postgres.processes import Process, a_process
from tests.throwaway_postgres import OPTIONS
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migrations import Migrator
from tickets.embedded_postgres.cluster import EmbeddedPostgres


@pytest.fixture
async def processes(database_url: str) -> AsyncIterator[tuple[Process, Process]]:
    """Return two processes on one database, each with a listener."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(a_process(database_url))
        yield one, await stack.enter_async_context(a_process(database_url))


@pytest.fixture
async def process(database_url: str) -> AsyncIterator[Process]:
    async with a_process(database_url) as process:
        yield process


async def migrate(url: str) -> None:
    async with connected(url) as connection:
        await Migrator(connection).apply()


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[str]:
    """Return the URL of the database `tickets` of a module's own cluster, which trusts clients."""
    folder = Path(tempfile.mkdtemp(prefix="tickets-own-"))
    folder.chmod(0o711)
    with EmbeddedPostgres(folder / "cluster", options=OPTIONS) as postgres:
        asyncio.run(migrate(postgres.url))
        yield postgres.url
    shutil.rmtree(folder, ignore_errors=True)
