"""Guards what `tickets.server` relies on in uvicorn beyond its documented interface.

uvicorn is pinned to one minor version for this reason. When a new one fails here, read the changes
of the named class before the pin is raised.
"""

from __future__ import annotations

import asyncio
import inspect
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.h11_impl import RequestResponseCycle as H11Cycle
from uvicorn.protocols.http.httptools_impl import (
    HttpToolsProtocol,
)
from uvicorn.protocols.http.httptools_impl import (
    RequestResponseCycle as HttpToolsCycle,
)
from uvicorn.server import ServerState
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from tickets.server.connection_limits import BoundedConnection, with_limits
from tickets.server.connection_table import ConnectionLimits, ConnectionTable
from tickets.server.run import uvicorn_config
from tickets.server.workers import HEALTHCHECK_SECONDS
from tickets.settings.settings import Settings

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"

OVERRIDDEN = (
    "connection_made",
    "connection_lost",
    "data_received",
    "pause_writing",
    "resume_writing",
    "on_response_complete",
    "send_400_response",
)
"""Methods that `BoundedConnection` overrides; most call uvicorn's first."""

READ = ("transport", "loop", "client", "cycle", "headers", "app")
"""Attributes that `BoundedConnection` reads; it also replaces `app`."""

CYCLE_READ = ("response_started", "response_complete", "more_body")
"""Attributes that it reads of the request in progress."""

protocols = pytest.mark.parametrize("protocol", [HttpToolsProtocol, H11Protocol])


def test_uvicorn_is_pinned_to_the_minor_version_that_is_installed() -> None:
    dependencies = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["dependencies"]
    (pin,) = [line for line in dependencies if line.startswith("uvicorn")]

    major, minor, _ = version("uvicorn").split(".", 2)
    assert pin == f"uvicorn[standard]>={major}.{minor},<{major}.{int(minor) + 1}"


def test_uvicorn_uses_one_of_the_two_protocols_that_are_tested() -> None:
    assert AutoHTTPProtocol in (HttpToolsProtocol, H11Protocol)


@protocols
def test_a_protocol_has_the_methods_that_are_overridden(protocol: type[Any]) -> None:
    for name in OVERRIDDEN:
        theirs, ours = getattr(protocol, name), getattr(BoundedConnection, name)
        assert list(inspect.signature(theirs).parameters) == list(
            inspect.signature(ours).parameters
        )


@protocols
async def test_a_protocol_has_the_attributes_that_are_read(protocol: type[Any]) -> None:
    config = uvicorn.Config(_application, log_config=None)
    config.load()
    limits = ConnectionLimits(max_connections=1, timeout=1)
    made = with_limits(protocol)(
        ConnectionTable(limits),
        config=config,
        server_state=ServerState(),
        app_state={},
        _loop=asyncio.get_event_loop(),
    )

    assert all(hasattr(made, name) for name in READ)
    # of the two only this one parses a pipelined request before its turn
    assert hasattr(made, "pipeline") is (protocol is HttpToolsProtocol)


@pytest.mark.parametrize("cycle", [HttpToolsCycle, H11Cycle])
def test_a_request_in_progress_has_the_attributes_that_are_read(cycle: type[Any]) -> None:
    source = inspect.getsource(cycle.__init__)

    assert all(f"self.{name} = " in source for name in CYCLE_READ)


async def test_a_callable_can_stand_for_the_protocol_class() -> None:
    config = uvicorn_config(Settings())
    config.app, config.factory = _application, False
    config.load()

    made = config.http_protocol_class(
        config=config,
        server_state=ServerState(),
        app_state={},  # type: ignore[call-arg] # uvicorn's
    )

    assert isinstance(made, BoundedConnection)


def test_the_supervisor_has_the_method_and_the_list_that_are_used() -> None:
    assert list(inspect.signature(Multiprocess.keep_subprocess_alive).parameters) == ["self"]
    assert "self.processes: list[Process] = []" in inspect.getsource(Multiprocess.__init__)
    # what the log says of a process that ended
    assert isinstance(Process.exitcode, property)


def test_a_process_that_has_no_processor_for_a_while_is_not_killed() -> None:
    config = uvicorn_config(Settings())

    assert config.timeout_worker_healthcheck == HEALTHCHECK_SECONDS
    # uvicorn's own 5 seconds end healthy processes on a machine with many more tasks than cores
    assert config.timeout_worker_healthcheck >= 20


async def _application(scope: Any, receive: Any, send: Any) -> None:
    """Do nothing: no request is sent."""
