"""The measured systems: the service as a user starts it, and its rivals, on the same database."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import WireRequest
from benchmarks.machine import Tree, on_cores
from benchmarks.workload import ADMIN_TOKEN, ROOT

SERVICE = "service"
BEFORE = "before"
RIVALS = {
    "ceiling": "benchmarks.rivals.ceiling:app",
    "plain": "benchmarks.rivals.plain:app",
    "static": "benchmarks.rivals.static:app",
}
PATIENCE = 60.0

TICKETS = Path(sys.executable).with_name("tickets")

CHANGED = {
    # a hundred years: the job runs, and closes no ticket
    "TICKETS_CLOSE_RESOLVED_AFTER": "876000",
}
"""Settings of the service that differ from their defaults."""


@dataclass(frozen=True, slots=True)
class System:
    """A running system: its port and its processes."""

    name: str
    port: int
    tree: Tree
    url: str
    """Its database."""

    def send(self, sent: WireRequest) -> tuple[int, bytes]:
        """Send one request; return status and body."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(sent.wire)
            response = http.client.HTTPResponse(connection)
            response.begin()
            return response.status, response.read()


def before_command(checkout: Path, folder: Path) -> Path:
    """Install the version of a checkout, with the dependencies that it locks; return its `tickets`.

    The environment is created in the folder: the versions may differ in what they depend on.
    """
    environment = folder.resolve() / "before"
    uv = os.environ.get("UV", "uv")
    install = [uv, "pip", "install", "--quiet", "--python", str(environment)]
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)],
        [*install, "--compile-bytecode", "--requirement", str(checkout / "requirements.lock")],
        [*install, "--no-deps", "--editable", str(checkout)],
    ):
        subprocess.run(command, check=True)
    return environment / "bin" / "tickets"


@contextmanager
def running(
    name: str,
    url: str,
    *,
    cores: Sequence[int],
    workers: int = 1,
    environment: Mapping[str, str] | None = None,
    before: Path | None = None,
) -> Iterator[System]:
    """Start the service or a rival on these cores, and stop it afterwards.

    The name `NAME=VALUE` is the service with that setting. The name "before" is the version whose
    `tickets` command is `before`.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    settings = {
        "TICKETS_DATABASE_URL": url,
        "TICKETS_ADMIN_TOKEN": ADMIN_TOKEN,
        **CHANGED,
        **(environment or {}),
    }
    if name in RIVALS:
        command = [sys.executable, "-m", "benchmarks.serve", RIVALS[name], str(port)]
    else:
        tickets = before if name == BEFORE and before else TICKETS
        command = [str(tickets), "serve", "--port", str(port), "--workers", str(workers)]
    if "=" in name:
        settings |= dict([name.split("=", 1)])
    with (
        on_cores(cores),
        subprocess.Popen(
            command,
            env=_without_settings() | settings,
            cwd=Path(__file__).parents[1],
            stdout=subprocess.DEVNULL,
        ) as process,
    ):
        system = System(name, port, Tree(process.pid), url)
        try:
            _wait_for(system, process)
            yield system
        finally:
            process.terminate()


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TICKETS_")}


def _wait_for(system: System, process: subprocess.Popen[bytes]) -> None:
    head = f"GET {ROOT}/unread HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer bench-1\r\n\r\n"
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            status, _ = system.send(WireRequest(head.encode(), 200))
        except OSError:
            status = 0
        if status == 200:  # noqa: PLR2004
            return
        if process.poll() is not None or time.monotonic() > deadline:
            message = f"{system.name} does not respond as expected: {status or 'no response'}"
            raise RuntimeError(message)
        time.sleep(0.05)
