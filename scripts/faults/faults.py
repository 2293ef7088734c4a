"""The faults: each breaks something while clients write, and repairs it as an operator would."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.faults.processes import DATABASE_TIMEOUT, Cluster, Service


@dataclass
class Scene:
    """The cluster and the services of one run."""

    cluster: Cluster
    folder: Path
    seconds: float
    """Duration of a fault that lasts."""

    services: list[Service] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    """The addresses that the clients write to."""

    violations: list[str] = field(default_factory=list)

    async def serve(self, number: int = 1, *, workers: int = 1) -> Sequence[Service]:
        """Start services at once, wait until they are ready, and add their addresses."""
        log = self.folder / "service.log"
        started = [Service(self.cluster, log, workers=workers) for _ in range(number)]
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
}
