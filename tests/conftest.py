"""What the tests run on: a throwaway PostgreSQL, a fresh database per test, and both adapters side by side."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from tests.world import MemoryWorld, PostgresWorld, World
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.schema.migrations import Migrator
from tickets.embedded_postgres.cluster import EmbeddedPostgres

CHOICE = "TICKETS_TEST_POSTGRES"
IMAGE = "postgres:18-alpine"

# A throwaway cluster need not survive a power cut, and many tests mean many connections.
THROWAWAY = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300"]


def chosen_postgres() -> str:
    """Return what the variable forces, else what this machine can do.

    That is "container", "embedded", or the URL of the maintenance database of a server that is
    there already, on which the tests make and drop databases of their own.
    """
    choice = os.environ.get(CHOICE, "")
    if choice in ("container", "embedded") or choice.startswith("postgresql://"):
        return choice
    if choice:
        message = f"{CHOICE} must be container, embedded or a postgresql:// URL, not {choice!r}"
        raise pytest.UsageError(message)
    return "container" if _container_engine_answers() else "embedded"


def _container_engine_answers() -> bool:
    import docker  # noqa: PLC0415 - only where nothing was forced

    # with a version, so that nothing is asked, and no socket left open, before there is something to close
    version = docker.constants.MINIMUM_DOCKER_API_VERSION
    client = docker.APIClient(version=version, timeout=5, **docker.utils.kwargs_from_env())
    with warnings.catch_warnings():
        # The library leaves the socket of a refused connection, as of an engine that has stopped, to the garbage
        # collector, which would tell the first test of it.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            client.ping()
            answers = True
        except (docker.errors.DockerException, OSError):
            answers = False
        finally:
            client.close()
        gc.collect()
    return answers


def pytest_configure(config: pytest.Config) -> None:
    """Choose once, so that the header says what the tests then use."""
    config.stash[POSTGRES] = chosen_postgres()


POSTGRES = pytest.StashKey[str]()


def pytest_report_header(config: pytest.Config) -> str:
    """Say which PostgreSQL the integration tests run on, and how to choose."""
    choice = config.stash[POSTGRES]
    where = {
        "container": f"a throwaway container ({IMAGE})",
        "embedded": "a throwaway embedded one",
    }
    return (
        f"PostgreSQL: {where.get(choice, 'the server that was named')}; "
        f"{CHOICE}=container, embedded or a postgresql:// URL forces it"
    )


@contextlib.contextmanager
def _container() -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - only where it is used

    flags = " ".join(f"-c {option}" for option in THROWAWAY)
    container = PostgresContainer(IMAGE, driver=None).with_command(f"postgres {flags}")
    with container as postgres:
        yield postgres.get_connection_url()


@contextlib.contextmanager
def _embedded() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="tickets-test-"))
    # root's PostgreSQL runs as another account, which has to get there
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder / "cluster", options=THROWAWAY) as postgres:
            yield postgres.url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """Return the URL of a server's maintenance database."""
    choice = pytestconfig.stash[POSTGRES]
    start = {"container": _container, "embedded": _embedded}.get(
        choice, lambda: contextlib.nullcontext(choice)
    )
    with start() as url:
        yield url


_numbers = itertools.count(1)


def in_database(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    server, _, options = url.partition("?")
    return f"{server.rpartition('/')[0]}/{name}{'?' if options else ''}{options}"


async def _make_database(server_url: str, template: str) -> str:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"create database {name} template {template} strategy file_copy")
    await connection.close()
    return name


async def _drop_database(server_url: str, name: str) -> None:
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@contextlib.asynccontextmanager
async def new_database(server_url: str, template: str) -> AsyncIterator[str]:
    """Return the URL of a database of one's own, cloned from a template, and dropped in the end."""
    name = await _make_database(server_url, template)
    yield in_database(server_url, name)
    await _drop_database(server_url, name)


class Clones:
    """Databases with the schema and nothing in them; the next one is made while a test has the last."""

    def __init__(self, server_url: str, thread: ThreadPoolExecutor) -> None:
        """Make the template of all of them, and the first."""
        self._url = server_url
        self._thread = thread
        self.template = thread.submit(asyncio.run, self._migrated()).result()
        self._next = self._make()

    def take(self) -> str:
        """Return the name of one, which is the caller's to drop."""
        made, self._next = self._next, self._make()
        return made.result()

    async def drop_rest(self) -> None:
        """Drop what nobody has taken."""
        await _drop_database(self._url, self.template)
        await _drop_database(self._url, self._next.result())

    def _make(self) -> Future[str]:
        return self._thread.submit(asyncio.run, _make_database(self._url, self.template))

    async def _migrated(self) -> str:
        name = await _make_database(self._url, "template0")
        connection = await asyncpg.connect(in_database(self._url, name))
        await Migrator(connection).apply()
        await connection.close()
        return name


@pytest.fixture(scope="session")
def clones(postgres_url: str) -> Iterator[Clones]:
    """Return where migrated databases come from."""
    with ThreadPoolExecutor(1) as thread:
        clones = Clones(postgres_url, thread)
        yield clones
        thread.submit(asyncio.run, clones.drop_rest()).result()


@pytest.fixture(scope="session")
def migrated_template(clones: Clones) -> str:
    """Return the name of a database with the schema and nothing in it, to be cloned."""
    return clones.template


@pytest.fixture
async def empty_database_url(postgres_url: str) -> AsyncIterator[str]:
    """Return the URL of a database of this test's own with nothing in it, no schema either."""
    async with new_database(postgres_url, "template0") as url:
        yield url


@pytest.fixture
async def database_url(postgres_url: str, clones: Clones) -> AsyncIterator[str]:
    """Return the URL of a migrated database of this test's own: what it commits is committed."""
    name = clones.take()
    yield in_database(postgres_url, name)
    await _drop_database(postgres_url, name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Return the pool on this test's own database."""
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


@pytest.fixture(params=["memory", "postgres"])
def world(request: pytest.FixtureRequest) -> World:
    """Return the ports on each adapter in turn: a test that takes this runs once on either."""
    result: World = request.getfixturevalue(f"{request.param}_world")
    return result
