"""Runs the application under uvicorn, on a socket that was bound before anything else was started."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network

import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.supervisors import Multiprocess

from tickets.observability import logs
from tickets.observability.metrics import SHARED_FOLDER
from tickets.server.connection_limits import SPARE, Limits, connection
from tickets.settings.settings import Settings

GRACE_SECONDS = 10
"""How long requests that are under way may take to finish when the service is stopped."""

OTHER_FILES = 200
"""Open files of a process that are no client's connection: its pool, its listener, its libraries."""

APPLICATION = "tickets.bootstrap:application_from_environment"


class AddressInUse(Exception):
    """The service cannot listen on the address, with a sentence that says why."""


class ServiceFailed(Exception):
    """The service could not start; the reason stands above."""

    def __str__(self) -> str:
        """Return the sentence."""
        return str(self.__doc__)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raise `AddressInUse` where that is not possible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # `::` is every address of the machine, those of the older kind too
    both = host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=both)
    except OSError as error:
        message = (
            f"Cannot listen on {host}:{port}: {error.strerror or error}. "
            f"Choose another address with --host and --port, or TICKETS_HOST and TICKETS_PORT."
        )
        raise AddressInUse(message) from error


def config_of(settings: Settings) -> uvicorn.Config:
    """Return how uvicorn serves the application with these settings."""
    limits = Limits(settings.max_connections, settings.client_timeout)
    return uvicorn.Config(
        APPLICATION,
        factory=True,
        workers=settings.workers,
        http=partial(connection, limits),  # type: ignore[arg-type] # called as the class would be
        ws="none",
        # set here in any case, or uvicorn would ask a variable of its own, and trust this machine
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=trusted(settings.trusted_proxies),
        access_log=False,
        server_header=False,
        log_config=dict(logs.configuration(settings)),
        log_level=logging.WARNING,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="on",
    )


class Supervisor(Multiprocess):
    """Keeps the server processes running, and takes the gauges of one that has died out of the metrics."""

    def keep_subprocess_alive(self) -> None:
        """Replace processes that have died."""
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {process.pid for process in self.processes}:
            mark_process_dead(pid, os.environ[SHARED_FOLDER])


def run(listener: socket.socket, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests that are under way and return."""
    _allow_files(settings.max_connections + SPARE + OTHER_FILES)
    config = config_of(settings)
    if settings.workers > 1:
        with tempfile.TemporaryDirectory(prefix="tickets-metrics-") as folder:
            # the processes read it as they start, and share their figures there
            os.environ[SHARED_FOLDER] = folder
            Supervisor(config, sockets=[listener]).run()
        return
    service = uvicorn.Server(config)
    # when it has stopped, uvicorn raises the signal that stopped it once more
    with suppress(KeyboardInterrupt, SystemExit):
        service.run(sockets=[listener])
    if not service.started:
        raise ServiceFailed


def trusted(proxies: Sequence[str]) -> list[str]:
    """Return these addresses and networks as uvicorn compares them.

    On a socket that takes both kinds, an address of the older kind is written as one of the newer.
    """
    networks: list[IPv4Network | IPv6Network] = [ip_network(proxy) for proxy in proxies]
    mapped = [
        IPv6Network(
            (b"\0" * 10 + b"\xff\xff" + network.network_address.packed, 96 + network.prefixlen)
        )
        for network in networks
        if isinstance(network, IPv4Network)
    ]
    return [str(network) for network in (*networks, *mapped)]


def _allow_files(wanted: int) -> None:
    """Let this process open as many files, where the system's first answer is fewer and it may have more."""
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
