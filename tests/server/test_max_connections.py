"""The maximum of connections, and of pipelined requests on one connection."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.server.conftest import GET, PATIENT, ConfigWith, Scope, configured, echo, serving
from tickets.server.connection_limits import MAX_PIPELINED_REQUESTS, MAX_REFUSED_CONNECTIONS


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


async def test_a_connection_over_the_maximum_gets_a_503_with_retry_after(
    config: ConfigWith,
) -> None:
    async with serving(config(PATIENT)) as server:
        accepted = [await server.connect() for _ in range(PATIENT.max_connections)]
        for client in accepted:
            await client.send(GET % b"first")
            assert (await client.response())[0] == 200
        refused = await server.connect()
        await refused.send(GET % b"second")

        headers = await refused.problem(503)
        assert int(headers["retry-after"]) > 0
        # accepted connections keep working, and a closed one makes room for another
        await accepted[0].send(GET % b"again")
        assert (await accepted[0].response())[0] == 200
        for client in [*accepted, refused]:
            await client.close()
        await server.until_no_connections()
        again = await server.connect()
        await again.send(GET % b"third")
        assert (await again.response())[0] == 200
        await again.close()


async def test_a_connection_over_the_maximum_still_gets_the_liveness_check(
    config: ConfigWith,
) -> None:
    async with serving(config(PATIENT)) as server:
        accepted = [await server.connect() for _ in range(PATIENT.max_connections)]
        refused = await server.connect()
        await refused.send(GET % b"health/live")

        status, headers, _ = await refused.response()
        assert (status, headers["connection"]) == (200, "close")
        for client in [*accepted, refused]:
            await client.close()


async def test_a_connection_far_over_the_maximum_is_closed_at_once(config: ConfigWith) -> None:
    async with serving(config(PATIENT)) as server:
        clients = [
            await server.connect() for _ in range(PATIENT.max_connections + MAX_REFUSED_CONNECTIONS)
        ]
        last = await server.connect()

        assert await last.rest() == b""
        for client in [*clients, last]:
            await client.close()
