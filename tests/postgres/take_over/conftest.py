"""Databases for the tests of the take-over: before it, after it, and without rows."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest

from tests.databases import new_database
from tests.postgres.take_over.platform import (
    PLATFORM,
    YEARS_OF_USE,
    Connection,
    Row,
    execute,
    old_rows,
    session_database,
    world_on,
)
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migrations import Migrator


@pytest.fixture(scope="session")
def platform_template(postgres_url: str) -> Iterator[str]:
    """Return the name of a filled platform database, to be cloned."""
    with session_database(postgres_url, "platform", "template0") as url:
        asyncio.run(execute(url, PLATFORM, YEARS_OF_USE, "analyze"))
        yield f"platform_{os.getpid()}"


@pytest.fixture
async def platform_url(postgres_url: str, platform_template: str) -> AsyncIterator[str]:
    """Return the URL of a filled platform database of this test's own."""
    async with new_database(postgres_url, platform_template) as url:
        yield url


@pytest.fixture
async def platform(platform_url: str) -> AsyncIterator[Connection]:
    """Return a connection to a filled platform database of this test's own."""
    async with connected(platform_url) as connection:
        yield connection


@pytest.fixture
async def empty(empty_database_url: str) -> AsyncIterator[Connection]:
    """Return a connection to an empty database."""
    async with connected(empty_database_url) as connection:
        yield connection


@pytest.fixture(scope="session")
def bare_url(postgres_url: str) -> Iterator[str]:
    """Return the URL of a platform database without rows."""
    with session_database(postgres_url, "bare", "template0") as url:
        asyncio.run(execute(url, PLATFORM))
        yield url


@pytest.fixture
async def bare(bare_url: str) -> AsyncIterator[Connection]:
    """Return a connection to a platform database without rows, in a transaction that rolls back."""
    async with connected(bare_url) as connection:
        transaction = connection.transaction(isolation="read_committed")
        await transaction.start()
        yield connection
        await transaction.rollback()


@dataclass(frozen=True)
class TakenOver:
    """A platform database before and after its take-over, for tests that only read."""

    name: str
    url: str
    started: datetime
    before: dict[str, list[Row]]
    after: dict[str, list[Row]]
    files_before: dict[str, int]
    files_after: dict[str, int]
    rows_written: dict[str, int]


@pytest.fixture(scope="session")
def taken_over(postgres_url: str, platform_template: str) -> Iterator[TakenOver]:
    """Take over a platform database, once for all tests."""
    files = "select relname, pg_relation_filenode(relid)::int from pg_stat_user_tables"
    rows_written = "select relname, n_tup_upd + n_tup_del from pg_stat_user_tables"

    async def take_over(url: str) -> TakenOver:
        async with connected(url) as connection:
            started = await connection.fetchval("select now()")
            before = await old_rows(connection)
            files_before = dict(await connection.fetch(files))
            await Migrator(connection).apply()
            await connection.execute("select pg_stat_force_next_flush()")
            files_after = dict(await connection.fetch(files))
            written = dict(await connection.fetch(rows_written))
            after = await old_rows(connection)
        return TakenOver(
            name=f"taken_over_{os.getpid()}",
            url=url,
            started=started,
            before=before,
            after=after,
            files_before=files_before,
            files_after={table: files_after[table] for table in files_before},
            rows_written={table: written[table] for table in files_before},
        )

    with session_database(postgres_url, "taken_over", platform_template) as url:
        yield asyncio.run(take_over(url))


@pytest.fixture
async def taken_over_connection(taken_over: TakenOver) -> AsyncIterator[Connection]:
    """Return a read-only connection to the database that was taken over."""
    async with connected(taken_over.url) as connection:
        await connection.execute("set default_transaction_read_only = on")
        yield connection


@pytest.fixture
async def taken_over_world(
    postgres_url: str, taken_over: TakenOver
) -> AsyncIterator[PostgresWorld]:
    """Return the ports on a copy of the database that was taken over."""
    async with new_database(postgres_url, taken_over.name) as url, world_on(url) as world:
        yield world
