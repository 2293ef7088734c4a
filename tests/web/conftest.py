"""Fixtures of the browser journeys: one browser, one `tickets serve`, emptied for each test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.commands.conftest import TICKETS, Running, free_port
from tests.databases import new_database
from tests.http.conftest import ADMIN_TOKENS
from tests.web import chromium
from tests.web.site import Site
from tests.web.visits import TIMEOUT, Contexts, Visits
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.database import Database

HERE = Path(__file__).parent

NETWORK_CHANGED = pytest.StashKey[bool]()
"""Whether Chromium has dropped its connections during this test."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the browser tests on one event loop; rerun one that failed as the network changed.

    Chromium drops every connection, those to its own machine included, whenever a network interface
    comes or goes, as with each container that somebody starts. There is no switch against that.
    """
    expect.set_options(timeout=TIMEOUT)
    for item in items:
        if not item.path.is_relative_to(HERE):
            continue
        if pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        changed = partial(item.stash.get, NETWORK_CHANGED, False)  # noqa: FBT003 - the default
        item.add_marker(pytest.mark.flaky(reruns=1, condition=changed))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Return the one browser of all journeys."""
    async with async_playwright() as playwright:
        try:
            browser = await chromium.launch(playwright)
        except chromium.NoBrowser as error:
            pytest.fail(str(error), pytrace=False)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Contexts:
    """Return the browser's contexts."""
    return Contexts(browser)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served_database(postgres_url: str, migrated_template: str) -> AsyncIterator[str]:
    """Return the URL of the one database of all journeys."""
    async with new_database(postgres_url, migrated_template) as url:
        yield url


@pytest.fixture(scope="session")
def host() -> str:
    """Return the origin of a host platform whose pages may call the API; nothing listens yet."""
    return f"http://127.0.0.1:{free_port()}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(served_database: str, host: str) -> AsyncIterator[str]:
    """Return the address of the real service, in a process of its own."""
    root = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [TICKETS, "serve", "--port", root.rpartition(":")[2]],
        env=os.environ
        | {
            "TICKETS_DATABASE_URL": served_database,
            "TICKETS_ADMIN_TOKEN": ",".join(ADMIN_TOKENS),
            "TICKETS_CLOSE_RESOLVED_AFTER": "0",
            "TICKETS_CORS_ORIGINS": host,
            # the journeys expire tokens directly in the database
            "TICKETS_TOKEN_CACHE": "0",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    running = Running(process)
    try:
        running.wait_for("Stop with Ctrl-C")
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            try:
                (await client.get(f"{root}/health/ready")).raise_for_status()
            except httpx.HTTPError:
                pytest.fail(
                    f"the service does not respond; its output:\n{running.output}", pytrace=False
                )
        yield root
    finally:
        running.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pool(served_database: str) -> AsyncIterator[Database]:
    """Return the tests' own connections to the database."""
    async with Database(served_database, pool_size=2).open() as database:
        yield database


@pytest_asyncio.fixture(loop_scope="session")
async def site(service: str, pool: Database) -> AsyncIterator[Site]:
    """Return the service without users and tickets."""
    await pool.fetch("truncate users cascade")
    async with httpx.AsyncClient(base_url=service, trust_env=False, timeout=60) as client:
        yield Site(service, client, PostgresWorld(pool))


@pytest_asyncio.fixture(loop_scope="session")
async def visit(
    site: Site, contexts: Contexts, request: pytest.FixtureRequest
) -> AsyncIterator[Visits]:
    """Return what opens pages; after the test, fail if a page had an unexpected problem."""
    visits = Visits(contexts, site.root)
    yield visits
    await visits.close()
    request.node.stash[NETWORK_CHANGED] = "net::ERR_NETWORK_CHANGED" in str(visits.problems)
    assert visits.unexpected_problems() == []
