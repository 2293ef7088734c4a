"""The wheel, installed in a clean environment outside the checkout: complete, and it serves."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.packaging.journey import (
    ADMIN_TOKEN,
    CHECKOUT,
    TICKET,
    free_port,
    run,
    user_of,
    wait_until,
)

VERSION = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]

# Run by the Python that has the wheel: prints how many queries each file has.
LOAD_EVERY_QUERY = """
from tickets.adapters.postgres.sql_loader import load_queries, sql_folder
for file in sorted((sql_folder() / "queries").iterdir(), key=lambda file: file.name):
    print(sql_folder(), file.name, len(load_queries(file.name.removesuffix(".sql"))))
"""


@dataclass(frozen=True)
class Installed:
    """A clean environment with the wheel, and a working folder outside the checkout."""

    wheel: Path
    programs: Path
    folder: Path

    def environment(self, **variables: str) -> Mapping[str, str]:
        """Return the environment of a new account, without this process's variables."""
        # on macOS sockets are in TMPDIR; elsewhere it is not set
        stored = {name: os.environ[name] for name in ("TMPDIR",) if name in os.environ}
        return {**stored, "HOME": str(self.folder), "PATH": os.defpath, **variables}

    def run(self, program: str, *arguments: str, **variables: str) -> str:
        """Run an installed program and return its output."""
        return run(
            [self.programs / program, *arguments],
            environment=self.environment(**variables),
            folder=self.folder,
        )


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    """Build the sdist and from it the wheel, and install it over the versions in the lock file."""
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv, "the wheel is built and installed with uv, which is not on the PATH"
    top = Path(tempfile.mkdtemp(prefix="tickets-wheel-"))
    # root's PostgreSQL runs as another account, which must be able to enter
    top.chmod(0o711)
    try:
        (top / "work").mkdir()
        (top / "work").chmod(0o711)

        def tool(*arguments: str | Path) -> None:
            run([uv, *arguments], environment=os.environ, folder=top, seconds=600)

        python = top / "venv" / "bin" / "python"
        tool("build", "--out-dir", top / "dist", CHECKOUT)
        (wheel,) = (top / "dist").glob("*.whl")
        tool("venv", "--python", sys.executable, top / "venv")
        lock = CHECKOUT / "requirements.lock"
        tool("pip", "install", "--python", python, "--require-hashes", "--requirement", lock)
        tool("pip", "install", "--python", python, "--no-deps", wheel)
        # the locked versions satisfy the wheel's requirements
        tool("pip", "check", "--python", python)
        yield Installed(wheel, python.parent, top / "work")
    finally:
        shutil.rmtree(top, ignore_errors=True)


def files_of(folder: Path) -> Iterator[Path]:
    """Yield the files that belong in the wheel, relative to the folder."""
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
            yield path.relative_to(folder)


def test_the_wheel_has_every_file_of_the_code_and_the_sql(installed: Installed) -> None:
    code = {str(path) for path in files_of(CHECKOUT / "src")}
    sql = {f"tickets/sql/{path}" for path in files_of(CHECKOUT / "sql")}

    with zipfile.ZipFile(installed.wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert sql
    assert inside == code | sql


def test_the_wheel_has_the_licence(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        (licence,) = [name for name in archive.namelist() if name.endswith("/licenses/LICENSE")]
        assert archive.read(licence) == (CHECKOUT / "LICENSE").read_bytes()


def test_every_query_is_loaded_from_the_wheel(installed: Installed) -> None:
    printed = installed.run("python", "-c", LOAD_EVERY_QUERY).splitlines()

    folders, names, counts = zip(*(line.rsplit(" ", 2) for line in printed), strict=True)
    assert {Path(folder).is_relative_to(installed.programs.parent) for folder in folders} == {True}
    assert set(names) == {path.name for path in files_of(CHECKOUT / "sql" / "queries")}
    assert all(int(count) for count in counts)


def test_the_command_prints_its_version(installed: Installed) -> None:
    assert installed.run("tickets", "--version").split()[-1] == VERSION


@contextmanager
def serving(installed: Installed, port: int, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `tickets serve` during the block; wait until it is ready, and kill it at the end."""
    log = installed.folder / "serve.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [installed.programs / "tickets", "serve", "--port", str(port)],
            cwd=installed.folder,
            env=installed.environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        ) as process,
    ):

        def is_ready() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                ready = f"http://127.0.0.1:{port}/health/ready"
                return httpx.get(ready, timeout=5, trust_env=False).is_success
            except httpx.TransportError:
                return False

        try:
            wait_until(is_ready, seconds=60, otherwise=log.read_text)
            yield process
        finally:
            process.kill()


def processes_of(installed: Installed) -> list[str]:
    """Return processes of the environment or on its data; none on systems without /proc."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if str(installed.folder.parent) in command + str((process / "cwd").readlink()):
                found.append(command)
    return found


def test_it_serves_from_the_wheel_and_stops_with_its_postgresql(installed: Installed) -> None:
    port = free_port()
    data = installed.folder / "data" / "postgres"
    settings = {"TICKETS_DATA_FOLDER": str(data), "TICKETS_ADMIN_TOKEN": ADMIN_TOKEN}

    with serving(installed, port, **settings) as service:
        token = installed.run("tickets", "user", "add", "ada@example.com", **settings).strip()
        with closing(user_of(f"http://127.0.0.1:{port}", token)) as user:
            made = user.post("/", TICKET)["ticket"]
            listed = user.get("/")["tickets"]
        assert list(data.glob("postgres-*/postmaster.pid"))
        service.send_signal(signal.SIGTERM)
        code = service.wait(timeout=60)

    assert [(row["id"], row["subject"]) for row in listed] == [(made["id"], TICKET["subject"])]
    assert code == 0, (installed.folder / "serve.log").read_text()
    assert not list(data.glob("postgres-*/postmaster.pid"))
    assert processes_of(installed) == []
