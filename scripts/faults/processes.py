"""The processes that faults break: a PostgreSQL cluster and services, started by the script."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import asyncpg
import httpx
import psutil

from tickets.embedded_postgres.cluster import EmbeddedPostgres
from tickets.embedded_postgres.layout import CLUSTER

TICKETS = Path(sys.executable).with_name("tickets")

ADMIN_TOKEN = "for-the-admins-of-this-run"  # noqa: S105 - of a service that lives for seconds

DATABASE_TIMEOUT = 2.0
"""The service's timeout in seconds: short, so that a run is short."""

CONNECTIONS = 60
"""Maximum number of connections of the cluster."""

PATIENCE = 60
"""Timeout in seconds of every wait, on a busy machine."""


class Cluster:
    """A throwaway PostgreSQL, outside of the service, with durable commits (`fsync` is on)."""

    def __init__(self, folder: Path) -> None:
        """Take an empty folder, which the account that runs PostgreSQL for root can enter.

        A service whose TICKETS_DATA_FOLDER is this folder shares the cluster, and restarts it.
        """
        self._folder = folder / CLUSTER
        self._postgres = EmbeddedPostgres(
            self._folder,
            options=[f"max_connections={CONNECTIONS}", "superuser_reserved_connections=0"],
        )
        self._stack = contextlib.ExitStack()
        self._frozen: list[psutil.Process] = []

    @property
    def url(self) -> str:
        """The URL of its database, the same after every restart."""
        return self._postgres.url

    @property
    def socket_folder(self) -> Path:
        """The folder of its socket."""
        return self._folder

    def start(self) -> None:
        """Start it, after a crash too, and wait until it accepts connections."""
        self._stack.enter_context(self._postgres)

    def stop(self) -> None:
        """Stop it as a restart does: it closes open connections with an error."""
        self.thaw()
        self._stack.close()

    def kill(self) -> None:
        """Kill the server; its other processes then end by themselves."""
        self.server().kill()
        # waits for them; there is no server left to stop
        self._stack.close()

    def kill_server(self) -> None:
        """Kill the server, and leave the rest to whoever restarts it."""
        self.server().kill()

    def is_dead(self) -> bool:
        """Return whether the server has ended."""
        return self._postgres.is_dead()

    def freeze(self) -> None:
        """Suspend all of its processes."""
        server = self.server()
        server.suspend()
        self._frozen = [server, *server.children(recursive=True)]
        for process in self._frozen[1:]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        """Resume all of its processes."""
        for process in self._frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
        self._frozen = []

    def server(self) -> psutil.Process:
        """Return the server's process."""
        return psutil.Process(int((self._folder / "postmaster.pid").read_text().split()[0]))

    @contextlib.asynccontextmanager
    async def exhausted(self) -> AsyncIterator[None]:
        """Take every connection for the block, those of the service included."""
        taken: list[asyncpg.Connection[asyncpg.Record]] = []
        terminate = """select count(pg_terminate_backend(pid))
                         from pg_stat_activity where application_name like 'tickets%'"""
        try:
            taken.append(await asyncpg.connect(self.url))
            while len(taken) < CONNECTIONS:
                try:
                    taken.append(await asyncpg.connect(self.url))
                except asyncpg.TooManyConnectionsError:
                    await taken[0].fetchval(terminate)
            yield
        finally:
            for connection in taken:
                connection.terminate()


class Service:
    """A `tickets serve` process on a free port."""

    def __init__(self, database: Mapping[str, str], log: Path, *, workers: int = 1) -> None:
        """Choose the port; `database` are the settings that say where the database is."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self._database = database
        self._log = log
        self._workers = workers
        self._started_at = 0.0
        self.slowest_start = 0.0
        """Seconds from a start until it was ready. It accepts connections earlier, which wait."""

    def start(self) -> None:
        """Start it without waiting."""
        self._started_at = time.monotonic()
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [TICKETS, "serve", "--port", f"{self._port}", "--workers", f"{self._workers}"],
                env={
                    "PATH": os.environ["PATH"],
                    **self._database,
                    "TICKETS_DATABASE_TIMEOUT": f"{DATABASE_TIMEOUT}",
                    "TICKETS_ADMIN_TOKEN": ADMIN_TOKEN,
                    # the limiter counts as usual, and no client reaches the limit
                    "TICKETS_RATE_CREATES": "1000000/hour",
                    "TICKETS_RATE_REPLIES": "1000000/hour",
                },
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    async def ready(self) -> None:
        """Wait until its readiness probe succeeds."""
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(trust_env=False) as http:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get(f"{self.address}/health/ready")).is_success:
                        seconds = time.monotonic() - self._started_at
                        self.slowest_start = max(self.slowest_start, seconds)
                        return
                if self.process.poll() is not None:
                    raise RuntimeError(f"the service has ended; its log:\n{self._log.read_text()}")
                await asyncio.sleep(0.05)

    async def end(self, number: signal.Signals) -> int:
        """Send the signal, wait for the exit, and return the exit code."""
        self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, PATIENCE)

    def kill_a_worker(self) -> None:
        """Kill one of its worker processes."""
        self.worker_processes()[0].kill()

    def worker_processes(self) -> list[psutil.Process]:
        """Return its worker processes."""
        return [
            child
            for child in psutil.Process(self.process.pid).children()
            if any("spawn_main" in part for part in child.cmdline())
        ]

    def clean_up(self) -> None:
        """Kill it with all its workers, if it runs."""
        if self.process.poll() is None:
            processes = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
            self.process.wait(PATIENCE)
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
