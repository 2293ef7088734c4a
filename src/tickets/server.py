"""Runs the application under uvicorn, on a socket that was bound before anything else was started."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

GRACE_SECONDS = 10
"""How long requests that are under way may take to finish when the service is stopped."""

APPLICATION = "tickets.bootstrap:application_from_environment"

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"tickets": {"level": "INFO"}},
}


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


def run(listener: socket.socket, *, workers: int) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests that are under way and return."""
    config = uvicorn.Config(
        APPLICATION,
        factory=True,
        workers=workers,
        access_log=False,
        server_header=False,
        log_config=LOGGING,
        log_level=logging.WARNING,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="on",
    )
    if workers > 1:
        Multiprocess(config, sockets=[listener]).run()
        return
    service = uvicorn.Server(config)
    # when it has stopped, uvicorn raises the signal that stopped it once more
    with suppress(KeyboardInterrupt, SystemExit):
        service.run(sockets=[listener])
    if not service.started:
        raise ServiceFailed
