"""The maximum of connections, and of pipelined requests on one connection."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.server.conftest import (
    GET,
    PATIENT,
    POST,
    Client,
    ConfigWith,
    Scope,
    Server,
    configured,
    echo,
    log_lines,
    serving,
    until,
)
from tickets.server.connection_limits import MAX_PIPELINED_REQUESTS
from tickets.server.connection_table import (
    MAX_REFUSED_CONNECTIONS,
    MAX_REFUSED_PER_ADDRESS,
    Admission,
    ConnectionLimits,
    ConnectionTable,
)
from tickets.server.run import share_per_address
from tickets.settings.settings import Settings


async def test_too_many_pipelined_requests_close_the_connection() -> None:
    # the other protocol does not read ahead
    server_config = configured(HttpToolsProtocol, PATIENT)
    release = asyncio.Event()

    async def blocked(scope: Scope, receive: Any, send: Any) -> None:
        await release.wait()
        await echo(scope, receive, send)

    async with serving(server_config, blocked) as server:
        client = await server.connect()
        await client.send(GET % b"a" * (1 + MAX_PIPELINED_REQUESTS))
        # these wait; one more closes its connection
        other = await server.connect()
        await other.send(GET % b"a" * (2 + MAX_PIPELINED_REQUESTS))
        assert await other.rest() == b""
        await other.close()
        release.set()
        for _ in range(1 + MAX_PIPELINED_REQUESTS):
            assert (await client.response())[0] == 200
        await client.close()


class Gate:
    """An application whose requests to `/hold` wait until they are let through."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.holding = 0

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["path"] == "/hold":
            self.holding += 1
            await self.open.wait()
        await echo(scope, receive, send)


@asynccontextmanager
async def full(
    config: uvicorn.Config, **options: Any
) -> AsyncIterator[tuple[Server, list[Client]]]:
    """Serve with the maximum of connections busy; yield them. They are let through at the end."""
    gate = Gate()
    async with serving(config, gate) as server:
        clients = [await server.connect(**options) for _ in range(PATIENT.max_connections)]
        for client in clients:
            await client.send(GET % b"hold")
        await until(lambda: gate.holding == len(clients))
        try:
            yield server, clients
            gate.open.set()
            for client in clients:
                assert (await client.response())[0] == 200
        finally:
            gate.open.set()
            for client in clients:
                await client.close()


async def served(client: Client) -> bool:
    """Return whether a request on this connection gets its response."""
    await client.send(GET % b"any")
    return (await client.response())[0] == 200


async def test_where_all_connections_are_busy_one_more_gets_a_503_with_retry_after(
    config: ConfigWith,
) -> None:
    async with full(config(PATIENT)) as (server, _busy):
        refused = await server.connect()
        await refused.send(GET % b"second")

        headers = await refused.problem(503)
        assert int(headers["retry-after"]) > 0
        await refused.close()


async def test_where_all_connections_are_busy_one_more_still_gets_the_liveness_check(
    config: ConfigWith,
) -> None:
    async with full(config(PATIENT), local_addr=("127.0.0.2", 0)) as (server, _busy):
        # another client takes as many of the refused connections as it may
        others = [
            await server.connect(local_addr=("127.0.0.2", 0))
            for _ in range(MAX_REFUSED_CONNECTIONS)
        ]
        probe = await server.connect()
        await probe.send(GET % b"health/live")

        status, headers, _ = await probe.response()
        assert (status, headers["connection"]) == (200, "close")
        for client in [*others, probe]:
            await client.close()


async def test_refused_connections_of_one_address_beyond_ten_are_closed_at_once(
    config: ConfigWith,
) -> None:
    async with full(config(PATIENT)) as (server, _busy):
        refused = [await server.connect() for _ in range(MAX_REFUSED_PER_ADDRESS)]
        last = await server.connect()

        assert await last.rest() == b""
        for client in [*refused, last]:
            await client.close()


async def test_where_all_connections_are_taken_the_longest_idle_one_is_closed(
    config: ConfigWith,
) -> None:
    async with serving(config(PATIENT)) as server:
        first, second = await server.connect(), await server.connect()
        assert await served(second)
        assert await served(first)
        # idle in this order: second, first
        third = await server.connect()
        assert await second.rest() == b""
        assert await served(first)
        fourth = await server.connect()

        # it has sent nothing since before the last request of the first
        assert await third.rest() == b""
        assert await served(fourth)
        assert await served(first)
        for client in (first, second, third, fourth):
            await client.close()


async def test_a_busy_connection_is_not_closed_for_an_idle_one(config: ConfigWith) -> None:
    gate = Gate()
    async with serving(config(PATIENT), gate) as server:
        busy, idle = await server.connect(), await server.connect()
        await busy.send(GET % b"hold")
        await until(lambda: gate.holding)
        last = await server.connect()

        assert await served(last)
        assert await idle.rest() == b""
        gate.open.set()
        assert (await busy.response())[0] == 200
        for client in (busy, idle, last):
            await client.close()


ONE = replace(PATIENT, max_connections=1)
SLOW_REQUESTS = {"head": b"GET / HTTP/1.1\r\nHost: tickets.test\r\nX-", "body": POST + b"12345"}


@pytest.mark.parametrize("part", SLOW_REQUESTS)
async def test_where_none_is_idle_the_slowest_request_makes_room_with_a_408(
    config: ConfigWith, part: str
) -> None:
    """Slow requests from many addresses would hold all connections until the time-out."""
    server_config = config(ONE)
    table = server_config.http.args[0]  # type: ignore[union-attr] # a partial
    async with serving(server_config) as server:
        slow = await server.connect()
        await slow.send(SLOW_REQUESTS[part])
        await until(lambda: table._arriving)  # noqa: SLF001 - nothing else shows that it has begun

        other = await server.connect()
        assert await served(other)
        await slow.problem(408)
        for client in (slow, other):
            await client.close()


async def test_a_request_that_has_arrived_in_parts_makes_no_room(config: ConfigWith) -> None:
    gate = Gate()
    server_config = config(ONE)
    table = server_config.http.args[0]  # type: ignore[union-attr] # a partial
    async with serving(server_config, gate) as server:
        client = await server.connect()
        head = GET % b"hold"
        await client.send(head[:10])
        await until(lambda: table._arriving)  # noqa: SLF001 - as above
        await client.send(head[10:])
        await until(lambda: gate.holding)

        refused = await server.connect()
        await refused.send(GET % b"second")
        await refused.problem(503)
        gate.open.set()
        assert (await client.response())[0] == 200
        for connection in (client, refused):
            await connection.close()


async def test_a_connection_that_still_receives_its_response_is_not_closed(
    config: ConfigWith,
) -> None:
    async with serving(config(PATIENT)) as server:
        reading = await server.connect(limit=2**16)
        await reading.send(GET % b"large")
        await reading.reader.readuntil(b"\r\n\r\n")
        idle, last = await server.connect(), await server.connect()

        assert await served(last)
        assert await idle.rest() == b""
        assert len(await reading.reader.readexactly(50_000_000)) == 50_000_000
        for client in (reading, idle, last):
            await client.close()


SHARED = ConnectionLimits(max_connections=20, max_per_address=4, timeout=60)


async def test_beyond_its_share_an_address_closes_its_own_idle_connections(
    config: ConfigWith,
) -> None:
    async with serving(config(SHARED)) as server:
        neighbour = await server.connect(local_addr=("127.0.0.2", 0))
        clients = [await server.connect() for _ in range(SHARED.max_per_address + 3)]

        assert [await client.rest() for client in clients[:3]] == [b""] * 3
        assert all([await served(client) for client in clients[3:]])
        assert await served(neighbour)
        for client in [neighbour, *clients]:
            await client.close()
        await server.until_no_connections()


async def test_an_address_whose_share_is_busy_gets_a_503_and_others_are_served(
    config: ConfigWith, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = Gate()
    async with serving(config(SHARED), gate) as server:
        busy = [await server.connect() for _ in range(SHARED.max_per_address)]
        for client in busy:
            await client.send(GET % b"hold")
        await until(lambda: gate.holding == len(busy))
        refused = [await server.connect() for _ in range(3)]
        neighbour = await server.connect(local_addr=("127.0.0.2", 0))

        for client in refused:
            await client.send(GET % b"any")
            await client.problem(503)
        assert await served(neighbour)
        gate.open.set()
        for client in busy:
            assert (await client.response())[0] == 200
        for client in [neighbour, *busy, *refused]:
            await client.close()
    # clients decide how often a limit is reached, and not how many lines are logged
    (line,) = [text for text in log_lines(capsys) if "connections of TICKETS" in text]
    assert line.startswith("127.0.0.1 has all its 4 connections")
    assert "TICKETS_TRUSTED_PROXIES" in line


async def test_a_trusted_proxy_has_no_share(config: ConfigWith) -> None:
    limits = replace(SHARED, exempt=["127.0.0.0/8"])
    async with serving(config(limits)) as server:
        clients = [await server.connect() for _ in range(SHARED.max_connections)]

        assert all([await served(client) for client in clients])
        for client in clients:
            await client.close()


async def test_others_are_served_while_one_client_holds_more_idle_sockets_than_are_allowed(
    config: ConfigWith,
) -> None:
    limits = ConnectionLimits(max_connections=100, max_per_address=25, timeout=60)
    async with serving(config(limits)) as server:
        idle = [await server.connect() for _ in range(106)]
        for _ in range(6):
            others = [await server.connect(local_addr=(f"127.0.1.{n}", 0)) for n in range(1, 25)]
            assert all([await served(client) for client in others])
            for client in others:
                await client.close()
        for client in idle:
            await client.close()


class Idle:
    """A connection for the table alone."""

    def __init__(self) -> None:
        self.closed = False

    def is_sending(self) -> bool:
        return False

    def close_idle(self) -> None:
        self.closed = True

    def close_unfinished(self) -> None:
        self.closed = True


def test_of_slow_requests_the_one_that_began_first_makes_room_whatever_was_sent_last() -> None:
    table = ConnectionTable(replace(SHARED, max_connections=3, max_per_address=0))
    slow = [Idle() for _ in range(3)]
    for connection in slow:
        table.admit(connection, "198.51.100.7", now=0)
    for connection in (slow[1], slow[0], slow[2], slow[1]):
        table.mark_busy(connection)
        table.mark_arriving(connection)
    table.mark_arrived(slow[0])

    closed = []
    for _ in range(2):
        newcomer = Idle()
        assert table.admit(newcomer, "198.51.100.8", now=0) is Admission.OPEN
        table.mark_busy(newcomer)
        closed.append([connection.closed for connection in slow])
    refused = table.admit(Idle(), "198.51.100.8", now=0)

    assert closed == [[False, True, False], [False, True, True]]
    assert refused is Admission.REFUSED


def test_an_address_at_its_share_makes_room_among_its_own_slow_requests() -> None:
    table = ConnectionTable(replace(SHARED, max_connections=9, max_per_address=1))
    other, own = Idle(), Idle()
    for connection, address in ((other, "198.51.100.7"), (own, "198.51.100.8")):
        table.admit(connection, address, now=0)
        table.mark_busy(connection)
        table.mark_arriving(connection)

    assert table.admit(Idle(), "198.51.100.8", now=0) is Admission.OPEN
    assert (other.closed, own.closed) == (False, True)


@pytest.mark.parametrize(
    ("address", "exempt"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::7", True),
        (None, True),
        ("11.1.2.3", False),
        ("2001:db9::7", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_only_trusted_proxies_and_local_sockets_are_exempt(
    address: str | None, *, exempt: bool
) -> None:
    limits = replace(SHARED, exempt=["10.0.0.0/8", "2001:db8::/32"])
    table = ConnectionTable(limits)

    assert table.is_exempt(address) is exempt
    connections = [Idle() for _ in range(SHARED.max_per_address + 1)]
    for connection in connections:
        assert table.admit(connection, address, now=0) is Admission.OPEN
    assert connections[0].closed is not exempt


def test_the_addresses_of_one_ipv6_network_share() -> None:
    table = ConnectionTable(SHARED)
    connections = [Idle() for _ in range(SHARED.max_per_address + 1)]

    for number, connection in enumerate(connections):
        table.admit(connection, f"2001:db8:0:1::{number}", now=0)

    assert connections[0].closed


def test_nothing_is_kept_of_a_client_that_has_left() -> None:
    table = ConnectionTable(replace(SHARED, max_connections=1))
    for number in range(100):
        connection = Idle()
        table.admit(connection, f"198.51.100.{number}", now=0)
        table.mark_busy(connection)
        table.admit(Idle(), f"203.0.113.{number}", now=0)
        table.release(connection)
        table.release(connection)

    assert len(vars(table)["_clients"]) <= MAX_REFUSED_CONNECTIONS


def test_a_worker_process_gets_an_empty_table_with_the_same_limits() -> None:
    table = ConnectionTable(SHARED)
    table.admit(Idle(), "198.51.100.7", now=0)

    copy = pickle.loads(pickle.dumps(table))  # noqa: S301 - made here

    assert copy.limits == SHARED
    assert not vars(copy)["_clients"]


@pytest.mark.parametrize(
    ("settings", "share"),
    [
        (Settings(), 250),
        (Settings(max_connections=10), 20),
        (Settings(max_connections_per_address=7), 7),
        (Settings(max_connections_per_address=0), 0),
    ],
)
def test_the_share_of_an_address_is_a_quarter_unless_it_is_set(
    settings: Settings, share: int
) -> None:
    assert share_per_address(settings) == share
