"""What a client may do to a connection, on real sockets, under both of uvicorn's protocols."""

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

from tickets.server.connection_limits import (
    MAX_PIPELINED_REQUESTS,
    MAX_REFUSED_CONNECTIONS,
    ConnectionLimits,
    with_limits,
)
from tickets.server.run import forwarded_allow_ips, uvicorn_config
from tickets.settings.settings import Settings

pytestmark = pytest.mark.timeouts

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]

SOON = 10
"""Seconds that nothing here takes, unless what it waits for never comes."""

GET = b"GET /%s HTTP/1.1\r\nHost: tickets.test\r\n\r\n"
POST = b"POST /form HTTP/1.1\r\nHost: tickets.test\r\nContent-Length: 10\r\n\r\n"


async def echo(scope: Scope, receive: Any, send: Any) -> None:
    """Answer with the client's address and what came as the body; `/large` is what no socket buffers."""
    body = b""
    if scope["method"] == "POST":
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            if not message["more_body"]:
                break
    answer = (
        b"x" * 50_000_000
        if scope["path"] == "/large"
        else json.dumps({"client": scope["client"][0], "body": body.decode()}).encode()
    )
    headers = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


async def until(holds: Callable[[], object]) -> None:
    """Wait for what the server keeps as a plain value, of which nobody is told."""
    async with asyncio.timeout(SOON):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@dataclass
class Server:
    """A server of this test's own, and callers on its socket."""

    port: int
    state: uvicorn.server.ServerState

    async def connect(self, **options: Any) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.port, **options))

    async def until_nobody_is_connected(self) -> None:
        await until(lambda: not self.state.connections)


class Client:
    """One connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """Return status, headers and body of the next answer."""
        async with asyncio.timeout(SOON):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = dict(line.lower().split(": ", 1) for line in head[1:-1])
            body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, json.loads(body)

    async def problem(self, status: int) -> dict[str, str]:
        """Check that the next answer is a problem after which the connection ends; return its headers."""
        found, headers, body = await self.answer()
        assert found == status
        assert headers["content-type"] == "application/problem+json"
        assert body["status"] == status
        assert body["detail"].endswith(".")
        assert headers["connection"] == "close"
        assert await self.rest() == b""
        return headers

    async def rest(self) -> bytes:
        """Return what comes until the connection ends."""
        async with asyncio.timeout(SOON):
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
        # as uvicorn serves, without its handlers of signals, which are the test run's own
        running = asyncio.create_task(server._serve([listener]))  # noqa: SLF001
        await until(lambda: server.started)
        try:
            yield Server(listener.getsockname()[1], server.server_state)
        finally:
            server.should_exit = True
            await running


def configured(protocol: type[asyncio.Protocol], limits: ConnectionLimits) -> uvicorn.Config:
    made = uvicorn_config(Settings())
    kind: Any = with_limits(protocol)
    made.http = partial(kind, limits)  # type: ignore[assignment] # called as the class would be
    return made


@pytest.fixture(params=[HttpToolsProtocol, H11Protocol])
def protocol(request: pytest.FixtureRequest) -> Callable[[ConnectionLimits], uvicorn.Config]:
    """Return the configuration with given limits, on each protocol in turn."""
    return partial(configured, request.param)


Protocol = Callable[[ConnectionLimits], uvicorn.Config]
HASTY = ConnectionLimits(max_connections=100, timeout=0.3)
PATIENT = ConnectionLimits(max_connections=2, timeout=60)


async def test_who_sends_nothing_is_closed_without_a_word(protocol: Protocol) -> None:
    async with serving(protocol(HASTY)) as server:
        client = await server.connect()

        assert await client.rest() == b""
        await client.close()


async def test_half_a_head_is_a_408_however_it_drips(protocol: Protocol) -> None:
    async with serving(protocol(HASTY)) as server:
        client = await server.connect()

        async def drip() -> None:
            with suppress(ConnectionError):
                await client.send(b"GET / HTTP/1.1\r\nHost: tickets.test\r\nX-Slow: ")
                while True:
                    await client.send(b"x")
                    await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        await client.problem(408)
        dripping.cancel()
        await client.close()


async def test_half_a_head_on_a_connection_that_has_been_used_ends_it(protocol: Protocol) -> None:
    async with serving(protocol(HASTY)) as server:
        client = await server.connect()
        await client.send(GET % b"first")
        assert (await client.answer())[0] == 200

        await client.send(b"GET / HTTP/1.1\r\n")

        # the client cannot know which request an answer would be to
        assert await client.rest() == b""
        await client.close()


@pytest.mark.parametrize("sent", [b"", b"half"])
async def test_a_body_that_does_not_come_is_a_408(protocol: Protocol, sent: bytes) -> None:
    async with serving(protocol(HASTY)) as server:
        client = await server.connect()
        await client.send(POST + sent)

        await client.problem(408)
        await client.close()
        await server.until_nobody_is_connected()
        assert not server.state.tasks


async def test_a_body_that_follows_another_request_too_slowly_ends_the_connection(
    protocol: Protocol,
) -> None:
    async with serving(protocol(HASTY)) as server:
        client = await server.connect()
        await client.send(GET % b"first" + POST + b"half")

        assert (await client.answer())[0] == 200
        await client.problem(408)
        await client.close()


async def test_time_that_the_service_takes_is_not_the_clients(protocol: Protocol) -> None:
    async def slow(scope: Scope, receive: Any, send: Any) -> None:
        await asyncio.sleep(3 * HASTY.timeout)
        await echo(scope, receive, send)

    async with serving(protocol(HASTY), slow) as server:
        client = await server.connect()
        await client.send(POST + b"0123456789")

        status, _, answer = await client.answer()
        assert (status, answer["body"]) == (200, "0123456789")
        await client.close()


async def test_requests_one_after_the_other_each_have_their_time(protocol: Protocol) -> None:
    async with serving(protocol(HASTY)) as server:
        client = await server.connect()
        for number in range(6):
            await client.send(POST)
            await asyncio.sleep(HASTY.timeout / 3)
            await client.send(f"number {number}, ".encode()[:10].ljust(10))
            assert (await client.answer())[2]["body"].startswith(f"number {number}")
        await client.close()


async def test_a_head_without_end_is_a_431(protocol: Protocol) -> None:
    async with serving(protocol(ConnectionLimits(max_connections=2, timeout=60))) as server:
        client = await server.connect()
        with suppress(ConnectionError):
            await client.send(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 300_000)

        # one of the two has a smaller limit of its own
        status, headers, _ = await client.answer()
        assert status in (431, 400)
        assert headers["connection"] == "close"
        await client.close()


async def test_requests_that_pile_up_behind_one_another_end_the_connection() -> None:
    # the other protocol reads none of them before its turn
    config = configured(HttpToolsProtocol, PATIENT)
    release = asyncio.Event()

    async def held_up(scope: Scope, receive: Any, send: Any) -> None:
        await release.wait()
        await echo(scope, receive, send)

    async with serving(config, held_up) as server:
        client = await server.connect()
        await client.send(GET % b"a" * (1 + MAX_PIPELINED_REQUESTS))
        # all of them wait, and nobody is cut off
        other = await server.connect()
        await other.send(GET % b"a" * (2 + MAX_PIPELINED_REQUESTS))
        assert await other.rest() == b""
        await other.close()
        release.set()
        for _ in range(1 + MAX_PIPELINED_REQUESTS):
            assert (await client.answer())[0] == 200
        await client.close()


async def test_what_is_no_http_is_a_400_in_the_shape_of_all_errors(protocol: Protocol) -> None:
    async with serving(protocol(PATIENT)) as server:
        client = await server.connect()
        await client.send(b"\x16\x03\x01 hello\r\n\r\n")

        await client.problem(400)
        await client.close()


async def test_who_does_not_take_up_an_answer_is_cut_off(protocol: Protocol) -> None:
    async with serving(protocol(HASTY)) as server:
        client = await server.connect(limit=1)
        await client.send(GET % b"large")

        await server.until_nobody_is_connected()
        await client.close()


async def test_who_takes_up_an_answer_slowly_gets_all_of_it(protocol: Protocol) -> None:
    async with serving(protocol(HASTY)) as server:
        client = await server.connect(limit=2**16)
        await client.send(GET % b"large")
        await client.reader.readuntil(b"\r\n\r\n")
        taken = 0
        while taken < 50_000_000:
            # ten parts, and more than the time-out between the first and the last of them
            await asyncio.sleep(HASTY.timeout / 4)
            taken += len(await client.reader.readexactly(5_000_000))

        assert taken == 50_000_000
        await client.close()


async def test_beyond_the_limit_a_request_is_told_to_come_back(protocol: Protocol) -> None:
    async with serving(protocol(PATIENT)) as server:
        inside = [await server.connect() for _ in range(PATIENT.max_connections)]
        for client in inside:
            await client.send(GET % b"first")
            assert (await client.answer())[0] == 200
        outside = await server.connect()
        await outside.send(GET % b"second")

        headers = await outside.problem(503)
        assert int(headers["retry-after"]) > 0
        # those inside go on, and a place that is given up is taken
        await inside[0].send(GET % b"again")
        assert (await inside[0].answer())[0] == 200
        for client in [*inside, outside]:
            await client.close()
        await server.until_nobody_is_connected()
        again = await server.connect()
        await again.send(GET % b"third")
        assert (await again.answer())[0] == 200
        await again.close()


async def test_beyond_the_limit_liveness_is_still_told(protocol: Protocol) -> None:
    async with serving(protocol(PATIENT)) as server:
        inside = [await server.connect() for _ in range(PATIENT.max_connections)]
        outside = await server.connect()
        await outside.send(GET % b"health/live")

        status, headers, _ = await outside.answer()
        assert (status, headers["connection"]) == (200, "close")
        for client in [*inside, outside]:
            await client.close()


async def test_far_beyond_the_limit_a_connection_ends_at_once(protocol: Protocol) -> None:
    async with serving(protocol(PATIENT)) as server:
        clients = [
            await server.connect() for _ in range(PATIENT.max_connections + MAX_REFUSED_CONNECTIONS)
        ]
        last = await server.connect()

        assert await last.rest() == b""
        for client in [*clients, last]:
            await client.close()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "client"),
    [
        ((), "198.51.100.7", "127.0.0.1"),
        (("10.0.0.0/8",), "198.51.100.7", "127.0.0.1"),
        (("127.0.0.1",), "198.51.100.7", "198.51.100.7"),
        (("127.0.0.0/8",), "2001:db8::7", "2001:db8::7"),
        # what stands before the last address that is not trusted is what anybody may have written
        (("127.0.0.1", "10.0.0.0/8"), "203.0.113.9, 198.51.100.7, 10.1.2.3", "198.51.100.7"),
        (("127.0.0.1",), "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        (("127.0.0.1",), "", "127.0.0.1"),
    ],
)
async def test_only_a_trusted_proxy_says_who_the_client_is(
    proxies: tuple[str, ...], forwarded: str, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    async with serving(uvicorn_config(Settings(trusted_proxies=proxies))) as server:
        caller = await server.connect()
        request = GET % b"who"
        await caller.send(request[:-2] + f"X-Forwarded-For: {forwarded}\r\n\r\n".encode())

        assert (await caller.answer())[2]["client"] == client
        await caller.close()


def test_a_proxy_is_the_same_proxy_on_a_socket_that_writes_its_address_as_a_newer_one() -> None:
    assert forwarded_allow_ips(["10.0.0.0/8", "192.0.2.1"])[2:] == [
        "::ffff:a00:0/104",
        "::ffff:c000:201/128",
    ]
