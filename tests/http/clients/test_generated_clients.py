"""Clients that are generated from docs/openapi.json: they type-check, and run a journey.

openapi-typescript with openapi-fetch, and openapi-python-client, as their users would run them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.http.conftest import application_on
from tests.http.serving import as_a_command, in_a_thread
from tests.world import MemoryWorld, PostgresWorld, World
from tickets.adapters.postgres.connection.database import Database

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]
DOCUMENT = CHECKOUT / "docs" / "openapi.json"
SCRIPTS = Path(sys.executable).parent
TOOLS = HERE / "typescript"


def run(*command: str | Path, cwd: Path, **environment: str) -> None:
    """Run a command; it must succeed."""
    path = os.pathsep.join([str(SCRIPTS), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a generated TypeScript client, beside which its journey is."""
    installed = TOOLS / "node_modules" / ".package-lock.json"
    lock = TOOLS / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        run("npm", "ci", "--silent", cwd=TOOLS)
    folder = tmp_path_factory.mktemp("typescript")
    for name in ("package.json", "tsconfig.json", "journey.ts"):
        shutil.copy(TOOLS / name, folder)
    (folder / "node_modules").symlink_to(TOOLS / "node_modules")
    generator = folder / "node_modules" / ".bin" / "openapi-typescript"
    run(generator, DOCUMENT, "--output", "schema.ts", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a generated Python client, beside which its journey is."""
    folder = tmp_path_factory.mktemp("python")
    run(
        *(SCRIPTS / "openapi-python-client", "generate", "--path", DOCUMENT, "--meta", "none"),
        *("--config", HERE / "python" / "generator.yaml", "--output-path", "tickets_client"),
        "--fail-on-warning",
        cwd=folder,
    )
    shutil.copy(HERE / "python" / "journey.py", folder)
    return folder


@contextlib.contextmanager
def in_memory(_url: str) -> Iterator[dict[str, str]]:
    world = MemoryWorld()
    tokens = asyncio.run(tokens_of(world))
    with in_a_thread(application_on(world)) as root:
        yield {"ROOT": root, **tokens}


@contextlib.contextmanager
def on_postgres(url: str) -> Iterator[dict[str, str]]:
    async def filled() -> dict[str, str]:
        async with Database(url).open() as database:
            return await tokens_of(PostgresWorld(database))

    tokens = asyncio.run(filled())
    with as_a_command(url, TICKETS_CLOSE_RESOLVED_AFTER="168") as service:
        yield {"ROOT": service.root, **tokens}


async def tokens_of(world: World) -> dict[str, str]:
    """Return the tokens of a new user and of a new named admin."""
    _, admin_token = await world.admin_with_token("Nadia Berg")
    return {"USER_TOKEN": await world.token(await world.user()), "ADMIN_TOKEN": admin_token}


Served = Callable[[str], contextlib.AbstractContextManager[dict[str, str]]]


def test_the_typescript_client_compiles(typescript: Path) -> None:
    run(typescript / "node_modules" / ".bin" / "tsc", "--project", ".", cwd=typescript)


def test_the_python_client_type_checks(python: Path) -> None:
    configuration = python / "mypy.ini"
    configuration.write_text("[mypy]\nstrict = true\n", encoding="utf-8")
    run(sys.executable, "-m", "mypy", "--config-file", configuration, ".", cwd=python)


@pytest.mark.parametrize("served", [in_memory, on_postgres])
def test_the_typescript_client_takes_a_ticket_through_the_desk(
    typescript: Path, served: Served, database_url: str
) -> None:
    with served(database_url) as environment:
        run("node", "--no-warnings", "journey.ts", cwd=typescript, **environment)


@pytest.mark.parametrize("served", [in_memory, on_postgres])
def test_the_python_client_takes_a_ticket_through_the_desk(
    python: Path, served: Served, database_url: str
) -> None:
    with served(database_url) as environment:
        run(sys.executable, "journey.py", cwd=python, **environment)
