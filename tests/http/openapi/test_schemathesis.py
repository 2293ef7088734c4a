"""Schemathesis: generated requests never get a response that the OpenAPI document lacks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.http.conftest import ADMIN_TOKENS, application_on
from tests.http.routes import API_ROUTES
from tests.http.serving import as_a_command, in_a_thread
from tests.world import MemoryWorld, PostgresWorld, World
from tickets.adapters.postgres.connection.database import Database

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")

EXAMPLES = os.environ.get("TICKETS_TEST_FUZZ", "")
"""Examples per operation in a long run, at random (`just fuzz`); else few, always the same."""

FEW = "24"


async def fill(world: World) -> str:
    """Open 20 tickets, most of them by one user; return that user's token."""
    mara, otto = await world.user(), await world.user()
    for number in range(20):
        await world.ticket(otto if number % 4 == 3 else mara)
    return await world.token(mara)


@contextlib.contextmanager
def in_memory(_url: str) -> Iterator[tuple[str, str]]:
    world = MemoryWorld()
    token = asyncio.run(fill(world))
    with in_a_thread(application_on(world)) as root:
        yield root, token


@contextlib.contextmanager
def on_postgres(url: str) -> Iterator[tuple[str, str]]:
    async def filled() -> str:
        async with Database(url).open() as database:
            return await fill(PostgresWorld(database))

    token = asyncio.run(filled())
    with as_a_command(url) as service:
        yield service.root, token


def schemathesis(root: str, token: str, folder: Path) -> str:
    """Run Schemathesis against the service, in a temporary folder; return its output."""
    command = [str(SCHEMATHESIS), "--config-file", str(CONFIGURATION)]
    command += ["run", f"{root}/schema/openapi.json", "--no-color", "--continue-on-failure"]
    command += ["--request-timeout", "20", "--max-examples", EXAMPLES or FEW]
    command += [] if EXAMPLES else ["--generation-deterministic"]
    done = subprocess.run(
        command,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "USER_TOKEN": token,
            "ADMIN_TOKEN": ADMIN_TOKENS[0],
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if EXAMPLES:
        sys.stdout.write(done.stdout)
    return done.stdout


@pytest.mark.parametrize("served", [in_memory, on_postgres])
def test_no_operation_gives_a_response_that_the_document_lacks(
    served: Callable[[str], contextlib.AbstractContextManager[tuple[str, str]]],
    database_url: str,
    tmp_path: Path,
) -> None:
    with served(database_url) as (root, token):
        output = schemathesis(root, token, tmp_path)

    operations = re.search(r"Tested: +(\d+)", output)
    links = re.search(r"API Links: +(\d+) covered / (\d+) selected", output)
    assert operations, output
    # the API and the health checks: two addresses, two methods each
    assert int(operations[1]) == len(API_ROUTES) + 4
    # fields of one response are used in the next request
    assert links, output
    assert int(links[1]) == int(links[2]) > 0
