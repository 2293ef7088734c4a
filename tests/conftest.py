"""Fixtures: a throwaway PostgreSQL, a fresh database per test, and the ports over both adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests import throwaway_postgres
from tests.databases import MigratedDatabases, drop_database, in_database, new_database
from tests.world import MemoryWorld, PostgresWorld, World
from tickets.adapters.postgres.connection.database import Database

MARKERS = {
    "postgres_url": "postgres",
    "cluster": "postgres",
    "own_cluster": "postgres",
    "holders": "postgres",
    "shell": "command",
}
"""Markers of the tests that take these fixtures."""

LONG_FOLDERS = {"commands", "openapi", "packaging", "web"}

POSTGRES = pytest.StashKey[str]()
"""The PostgreSQL that the tests ran on, in words; absent as long as none was needed."""


def pytest_configure() -> None:
    """Refuse a wrong setting at once. No container engine is looked for before a test needs one."""
    throwaway_postgres.setting()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the slow fixtures that they need, so that `just test-fast` leaves them out."""
    for item in items:
        for fixture, marker in MARKERS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)
    # With whole files as the units of a parallel run, a long one that starts last runs alone.
    items.sort(key=_starts_early)


def _starts_early(item: pytest.Item) -> int:
    """Return 0 for tests of folders whose files run for long, 1 for others."""
    return 0 if LONG_FOLDERS.intersection(item.path.parts) else 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the name of the PostgreSQL from a worker of pytest-xdist to the controller."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["postgres"] = session.config.stash.get(POSTGRES, "")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Receive it there."""
    if used := getattr(node, "workeroutput", {}).get("postgres"):
        node.config.stash[POSTGRES] = used


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Report which PostgreSQL the tests ran on, and how to choose another."""
    if used := config.stash.get(POSTGRES, ""):
        how = f"{throwaway_postgres.VARIABLE}=container, embedded or a postgresql:// URL chooses"
        terminalreporter.write_line(f"PostgreSQL: {used}. {how}.")


@pytest.fixture(scope="session")
def postgres_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """Return the URL of a server's maintenance database."""
    with throwaway_postgres.running() as url:
        pytestconfig.stash[POSTGRES] = throwaway_postgres.description()
        yield url


@pytest.fixture(scope="session")
def migrated_databases(postgres_url: str) -> Iterator[MigratedDatabases]:
    """Return the source of migrated databases."""
    with ThreadPoolExecutor(1) as thread:
        databases = MigratedDatabases(postgres_url, thread)
        yield databases
        thread.submit(asyncio.run, databases.drop_rest()).result()


@pytest.fixture(scope="session")
def migrated_template(migrated_databases: MigratedDatabases) -> str:
    """Return the name of a migrated, empty database, to be cloned."""
    return migrated_databases.template


@pytest.fixture
async def empty_database_url(postgres_url: str) -> AsyncIterator[str]:
    """Return the URL of a new database without a schema."""
    async with new_database(postgres_url, "template0") as url:
        yield url


@pytest.fixture
async def database_url(
    postgres_url: str, migrated_databases: MigratedDatabases
) -> AsyncIterator[str]:
    """Return the URL of a new migrated database. What the test commits is committed."""
    name = migrated_databases.take()
    yield in_database(postgres_url, name)
    await drop_database(postgres_url, name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Return a connection pool on this test's database."""
    async with Database(database_url, pool_size=20).open() as opened:
        yield opened


@pytest.fixture
async def postgres_world(database: Database) -> World:
    """Return the ports on PostgreSQL."""
    return PostgresWorld(database)


@pytest.fixture
def memory_world() -> World:
    """Return the ports in memory."""
    return MemoryWorld()


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest) -> World:
    """Return the ports of each adapter: a test that takes this runs once on each."""
    result: World = request.getfixturevalue(f"{request.param}_world")
    return result
