"""Runs the application under uvicorn, on a socket that is bound before anything else starts."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Sequence
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from tickets.observability import logs
from tickets.observability.metrics import SHARED_FOLDER
from tickets.server.connection_limits import bounded_protocol
from tickets.server.connection_table import (
    MAX_REFUSED_CONNECTIONS,
    ConnectionLimits,
    ConnectionTable,
)
from tickets.server.metrics_folder import remove_abandoned_metrics, shared_metrics_folder
from tickets.server.stopping import SHUTDOWN_SECONDS, stop_on_hang_up
from tickets.server.workers import HEALTHCHECK_SECONDS, Supervisor
from tickets.settings.settings import Settings

OTHER_OPEN_FILES = 200
"""Open files of a process besides client connections: its pool, its listener, its libraries."""

MIN_SHARE = 20
"""Connections that one address may have open by default, however few there are: a browser has six.
"""

APPLICATION = "tickets.server.workers:application_from_environment"


class AddressInUse(Exception):
    """The service cannot listen on its address; the message says why and what to set."""


class ServiceFailed(Exception):
    """The service could not start; its log says why."""

    def __init__(self) -> None:
        super().__init__("The service could not start: see the error above.")


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raise `AddressInUse` if that is not possible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # `::` means every address of the machine, IPv4 included
    both = host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=both)
    except OSError as error:
        raise AddressInUse(
            f"Cannot listen on {host}:{port}: {error.strerror or error}. "
            f"Choose another address with --host and --port, or TICKETS_HOST and TICKETS_PORT."
        ) from error


def uvicorn_config(settings: Settings) -> uvicorn.Config:
    """Return uvicorn's configuration for these settings."""
    limits = ConnectionLimits(
        max_connections=settings.max_connections,
        max_per_address=share_per_address(settings),
        exempt=settings.trusted_proxies,
        timeout=settings.client_timeout,
    )
    return uvicorn.Config(
        APPLICATION,
        factory=True,
        workers=settings.workers,
        http=partial(bounded_protocol, ConnectionTable(limits)),  # type: ignore[arg-type] # called like a class
        ws="none",
        # both are always set: otherwise uvicorn reads FORWARDED_ALLOW_IPS, and trusts this machine
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=forwarded_allow_ips(settings.trusted_proxies),
        access_log=False,
        server_header=False,
        log_config=dict(logs.configuration(settings)),
        log_level=logging.WARNING,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        timeout_worker_healthcheck=HEALTHCHECK_SECONDS,
        lifespan="on",
    )


def run(listener: socket.socket, settings: Settings) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP, then finish the requests in progress and return."""
    _raise_open_files_limit(settings.max_connections + MAX_REFUSED_CONNECTIONS + OTHER_OPEN_FILES)
    remove_abandoned_metrics()
    config = uvicorn_config(settings)
    if settings.workers > 1:
        with shared_metrics_folder() as folder:
            # prometheus_client reads it when a process starts, and shares the metrics there
            os.environ[SHARED_FOLDER] = str(folder)
            Supervisor(config, sockets=[listener]).run()
        return
    stop_on_hang_up()
    service = uvicorn.Server(config)
    try:
        service.run(sockets=[listener])
    except (KeyboardInterrupt, SystemExit) as error:
        # after it has stopped, uvicorn raises the signal that stopped it once more
        if not service.started and getattr(error, "code", None) != STARTUP_FAILURE:
            raise
    if not service.started:
        raise ServiceFailed


def share_per_address(settings: Settings) -> int:
    """Return how many connections one address may have open; 0 is no limit."""
    if settings.max_connections_per_address is not None:
        return settings.max_connections_per_address
    return max(settings.max_connections // 4, MIN_SHARE)


def forwarded_allow_ips(proxies: Sequence[str]) -> list[str]:
    """Return the addresses and networks of trusted proxies in the form that uvicorn compares.

    It includes each IPv4 network as IPv4-mapped IPv6, as a dual-stack socket reports addresses.
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


def _raise_open_files_limit(wanted: int) -> None:
    """Raise the soft RLIMIT_NOFILE to `wanted`, capped by the hard limit; never lower it."""
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
