"""Fixtures of processes with listeners, for the tests of their caches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.postgres.processes import Process, a_process


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
