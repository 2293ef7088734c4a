"""An empty database for the tests of the schema."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.postgres.schema.migrators import Connection
from tickets.adapters.postgres.connection.connect import connected


@pytest.fixture
async def connection(empty_database_url: str) -> AsyncIterator[Connection]:
    """Return a connection to an empty database."""
    async with connected(empty_database_url) as connection:
        yield connection
