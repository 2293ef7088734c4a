"""The faults: each breaks something while clients write, and repairs it as an operator would."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil

from scripts.faults.processes import DATABASE_TIMEOUT, PATIENCE, Cluster, Service
from scripts.faults.stages import Pooler, fill


@dataclass
class Scene:
    """The cluster and the services of one run."""

    cluster: Cluster
    folder: Path
    seconds: float
    """Duration of a fault that lasts."""

    database: Mapping[str, str]
    """The settings of the services that say where the database is."""

    pooler: Pooler | None = None

    services: list[Service] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    """The addresses that the clients write to."""

    violations: list[str] = field(default_factory=list)

    async def serve(self, number: int = 1, *, workers: int = 1) -> Sequence[Service]:
        """Start services at once, wait until they are ready, and add their addresses."""
        log = self.folder / "service.log"
        started = [Service(self.database, log, workers=workers) for _ in range(number)]
        for service in started:
            service.start()
            self.services.append(service)
        await asyncio.gather(*(service.ready() for service in started))
        self.addresses.extend(service.address for service in started)
        return started


@dataclass(frozen=True)
class Fault:
    """One fault: its title, the setup that it needs, and how it may affect clients."""

    title: str
    inject: Callable[[Scene], Awaitable[None]]
    workers: int = 1
    cuts_connections: bool = False
    """Whether a process of the service ends: clients then lose connections without a response."""

    is_embedded: bool = False
    """Whether the service has the cluster open as its embedded PostgreSQL."""

    needs_small_disk: bool = False
    needs_pooler: bool = False

    is_noticed: bool = True
    """Whether some request must fail: otherwise the run proves nothing."""


async def restart_postgres(scene: Scene) -> None:
    """Restart PostgreSQL, as its upgrade does."""
    await asyncio.to_thread(scene.cluster.stop)
    await asyncio.to_thread(scene.cluster.start)


async def kill_postgres(scene: Scene) -> None:
    """Kill PostgreSQL, which recovers from its WAL."""
    await asyncio.to_thread(scene.cluster.kill)
    await asyncio.to_thread(scene.cluster.start)


async def freeze_postgres(scene: Scene) -> None:
    """Suspend all processes of PostgreSQL, as a swapping machine or a hung disk does."""
    scene.cluster.freeze()
    # longer than the timeout of the service
    await asyncio.sleep(DATABASE_TIMEOUT + scene.seconds)
    scene.cluster.thaw()


async def take_all_connections(scene: Scene) -> None:
    """Take all connections of PostgreSQL."""
    async with scene.cluster.exhausted():
        await asyncio.sleep(scene.seconds)


async def kill_a_worker(scene: Scene) -> None:
    """Kill one of several workers: the others continue, and the supervisor replaces it."""
    scene.services[0].kill_a_worker()
    await asyncio.sleep(0)


async def kill_the_service(scene: Scene) -> None:
    """Kill the only process, and start it again as a supervisor does."""
    (service,) = scene.services
    await service.end(signal.SIGKILL)
    service.start()
    await service.ready()


async def stop_the_service(scene: Scene) -> None:
    """Stop the only process during requests, as an update does, and start it again."""
    (service,) = scene.services
    code = await service.end(signal.SIGTERM)
    if code != 0:
        scene.violations.append(f"the service ended with {code} after SIGTERM")
    service.start()
    await service.ready()


async def start_four(scene: Scene) -> None:
    """Start four more at once, which all look for pending migrations; stop the first."""
    (first,) = scene.services
    await scene.serve(4)
    scene.addresses.remove(first.address)
    if await first.end(signal.SIGTERM) != 0:
        scene.violations.append("the replaced service did not end with 0")


async def kill_the_supervisor(scene: Scene) -> None:
    """Kill the supervisor of several workers: they end, and it is started again on its port."""
    (service,) = scene.services
    workers = service.worker_processes()
    await service.end(signal.SIGKILL)
    _, alive = await asyncio.to_thread(psutil.wait_procs, workers, PATIENCE / 2)
    if alive:
        scene.violations.append(f"{len(alive)} workers outlived their supervisor")
        for worker in alive:
            worker.kill()
    service.start()
    await service.ready()


async def kill_the_embedded_postgres(scene: Scene) -> None:
    """Kill the server of the embedded PostgreSQL, which the service starts again."""
    await asyncio.to_thread(scene.cluster.kill_server)


async def fill_the_disk(scene: Scene) -> None:
    """Leave no space for the write-ahead log, so that PostgreSQL panics; then make room again."""
    filler = scene.folder / "filler"
    await asyncio.to_thread(fill, filler)
    try:
        async with asyncio.timeout(PATIENCE / 2):
            while not scene.cluster.is_dead():
                # until the segments that it has in reserve are used up
                with contextlib.suppress(OSError, asyncpg.InterfaceError, asyncpg.PostgresError):
                    connection = await asyncpg.connect(scene.cluster.url, timeout=PATIENCE)
                    try:
                        await connection.execute("select pg_switch_wal()")
                    finally:
                        connection.terminate()
                await asyncio.sleep(0.05)
        await asyncio.sleep(scene.seconds)
    except TimeoutError:
        scene.violations.append("PostgreSQL did not run out of space")
    finally:
        filler.unlink()


async def stop_the_listener(scene: Scene) -> None:
    """Suspend the backends of the listeners: the service hears of no change, and uses no cache."""
    connection = await asyncpg.connect(scene.cluster.url)
    rows = await connection.fetch(
        "select pid from pg_stat_activity where application_name = 'tickets-listener'"
    )
    await connection.close()
    if not rows:
        scene.violations.append("nobody listened")
    backends = [psutil.Process(row["pid"]) for row in rows]
    for backend in backends:
        backend.suspend()
    await asyncio.sleep(scene.seconds)
    for backend in backends:
        with contextlib.suppress(psutil.NoSuchProcess):
            backend.resume()


async def restart_pgbouncer(scene: Scene) -> None:
    """End PgBouncer in the middle of requests, and start it again."""
    assert scene.pooler is not None
    await asyncio.to_thread(scene.pooler.stop)
    await asyncio.sleep(scene.seconds / 4)
    await asyncio.to_thread(scene.pooler.start)


FAULTS = {
    "postgres-restarted": Fault("PostgreSQL restarted", restart_postgres),
    "postgres-killed": Fault("PostgreSQL killed (SIGKILL)", kill_postgres),
    "postgres-frozen": Fault("PostgreSQL frozen (SIGSTOP)", freeze_postgres),
    "no-connections": Fault("PostgreSQL out of connections", take_all_connections),
    "worker-killed": Fault(
        "one of three workers killed (SIGKILL)",
        kill_a_worker,
        workers=3,
        cuts_connections=True,
        is_noticed=False,
    ),
    "service-killed": Fault(
        "the only process killed (SIGKILL)", kill_the_service, cuts_connections=True
    ),
    "service-stopped": Fault("SIGTERM during requests", stop_the_service, cuts_connections=True),
    "four-started": Fault(
        "four processes started at once, one stopped",
        start_four,
        cuts_connections=True,
        is_noticed=False,
    ),
    "supervisor-killed": Fault(
        "supervisor of three workers killed (SIGKILL)",
        kill_the_supervisor,
        workers=3,
        cuts_connections=True,
    ),
    "listener-stopped": Fault(
        "backend of the listener stopped (SIGSTOP)", stop_the_listener, is_noticed=False
    ),
    "pgbouncer-restarted": Fault("PgBouncer restarted", restart_pgbouncer, needs_pooler=True),
    "embedded-killed": Fault(
        "embedded PostgreSQL killed (SIGKILL)", kill_the_embedded_postgres, is_embedded=True
    ),
    "disk-full": Fault(
        "disk of the embedded PostgreSQL full",
        fill_the_disk,
        is_embedded=True,
        needs_small_disk=True,
    ),
}
