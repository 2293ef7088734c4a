"""The service on a real socket: in memory in a thread, or on PostgreSQL as `tickets serve`."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import uvicorn

from tests.commands.conftest import TICKETS, Running, free_port, inherited
from tests.http.conftest import ADMIN_TOKENS


@contextlib.contextmanager
def in_a_thread(app: Any) -> Iterator[str]:
    """Serve an application in a thread with an event loop of its own; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


class Service:
    """A running `tickets serve`: its address and its output."""

    def __init__(self, root: str, running: Running) -> None:
        self.root = root
        self.running = running

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.root.removeprefix("http://").rpartition(":")
        return host, int(port)


@contextlib.contextmanager
def as_a_command(database_url: str, **settings: str) -> Iterator[Service]:
    """Run `tickets serve` on this database; at the end assert that no request has broken it."""
    root = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [TICKETS, "serve", "--port", root.rpartition(":")[2]],
        env={
            **inherited(),
            "TICKETS_DATABASE_URL": database_url,
            "TICKETS_ADMIN_TOKEN": ",".join(ADMIN_TOKENS),
            "TICKETS_CLOSE_RESOLVED_AFTER": "0",
            # counted, but never reached: all requests come from one user at one address
            "TICKETS_RATE_CREATES": "1000000/hour",
            "TICKETS_RATE_REPLIES": "1000000/hour",
            "TICKETS_RATE_CHANGES": "1000000/hour",
            "TICKETS_RATE_FAILED_SIGN_INS": "1000000/hour",
            **settings,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    service = Service(root, Running(process))
    try:
        service.running.wait_for("Stop with Ctrl-C")
        # the socket listens before the banner is printed, so this waits for the first response
        httpx.get(f"{root}/health/ready", timeout=60, trust_env=False).raise_for_status()
        yield service
        httpx.get(f"{root}/health/ready", timeout=60, trust_env=False).raise_for_status()
        assert "Traceback" not in service.running.output, service.running.output
        assert service.running.stop() == 0
    finally:
        service.running.kill()
