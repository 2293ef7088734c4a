"""A uvicorn server on a real socket, with connection limits, and clients that write raw bytes."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tickets.server.connection_limits import with_limits
from tickets.server.connection_table import ConnectionLimits, ConnectionTable
from tickets.server.run import uvicorn_config
from tickets.settings.settings import Settings

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]

TIMEOUT = 10
"""Seconds that nothing here takes, unless it hangs."""

GET = b"GET /%s HTTP/1.1\r\nHost: tickets.test\r\n\r\n"
POST = b"POST /form HTTP/1.1\r\nHost: tickets.test\r\nContent-Length: 10\r\n\r\n"


async def echo(scope: Scope, receive: Any, send: Any) -> None:
    """Return the client's address and the body; `/large` is more than a socket buffers."""
    body = b""
    if scope["method"] == "POST":
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            if not message["more_body"]:
                break
    response = (
        b"x" * 50_000_000
        if scope["path"] == "/large"
        else json.dumps({"client": scope["client"][0], "body": body.decode()}).encode()
    )
    headers = [(b"content-length", str(len(response)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": response})


async def until(holds: Callable[[], object]) -> None:
    """Poll until a condition holds that the server does not signal."""
    async with asyncio.timeout(TIMEOUT):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def log_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the messages that were logged since the last call; the server logs JSON."""
    return [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]


@dataclass
class Server:
    """A running server, and clients on its socket."""

    port: int
    state: uvicorn.server.ServerState

    async def connect(self, **options: Any) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.port, **options))

    async def until_no_connections(self) -> None:
        await until(lambda: not self.state.connections)


class Client:
    """One connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def response(self) -> tuple[int, dict[str, str], Any]:
        """Return status, headers and body of the next response."""
        async with asyncio.timeout(TIMEOUT):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = dict(line.lower().split(": ", 1) for line in head[1:-1])
            body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, json.loads(body)

    async def problem(self, status: int) -> dict[str, str]:
        """Assert that the next response is a problem that closes the connection."""
        actual, headers, body = await self.response()
        assert actual == status
        assert headers["content-type"] == "application/problem+json"
        assert body["status"] == status
        assert body["detail"].endswith(".")
        assert headers["connection"] == "close"
        assert await self.rest() == b""
        return headers

    async def rest(self) -> bytes:
        """Return the bytes until the end of the connection."""
        async with asyncio.timeout(TIMEOUT):
            with suppress(ConnectionResetError):
                return await self.reader.read()
        return b""

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def serving(config: uvicorn.Config, app: Application = echo) -> AsyncIterator[Server]:
    config.app, config.factory, config.lifespan = app, False, "off"
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # as `serve` does, without uvicorn's signal handlers
        running = asyncio.create_task(server._serve([listener]))  # noqa: SLF001
        await until(lambda: server.started)
        try:
            yield Server(listener.getsockname()[1], server.server_state)
        finally:
            server.should_exit = True
            await running


def configured(protocol: type[asyncio.Protocol], limits: ConnectionLimits) -> uvicorn.Config:
    result = uvicorn_config(Settings())
    kind: Any = with_limits(protocol)
    result.http = partial(kind, ConnectionTable(limits))  # type: ignore[assignment] # called as the class would be
    return result


@pytest.fixture(params=[HttpToolsProtocol, H11Protocol])
def config(request: pytest.FixtureRequest) -> Callable[[ConnectionLimits], uvicorn.Config]:
    """Return a function from limits to a configuration, for each protocol in turn."""
    return partial(configured, request.param)


ConfigWith = Callable[[ConnectionLimits], uvicorn.Config]
HASTY = ConnectionLimits(max_connections=100, timeout=0.3)
PATIENT = ConnectionLimits(max_connections=2, timeout=60)
