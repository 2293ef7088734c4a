"""Slow clients: timeouts for requests and for reading responses, on both protocols."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.server.conftest import (
    GET,
    HASTY,
    PATIENT,
    POST,
    ConfigWith,
    Scope,
    configured,
    echo,
    log_lines,
    serving,
)
from tests.world import FakeTime
from tickets.observability.logs import RepeatedWarnings
from tickets.server.connection_limits import MAX_HEADERS

pytestmark = pytest.mark.timeouts


async def test_a_connection_without_a_request_is_closed_without_a_response(
    config: ConfigWith,
) -> None:
    async with serving(config(HASTY)) as server:
        client = await server.connect()

        assert await client.rest() == b""
        await client.close()


async def test_an_incomplete_request_head_is_a_408_even_if_bytes_keep_coming(
    config: ConfigWith,
) -> None:
    async with serving(config(HASTY)) as server:
        client = await server.connect()

        async def send_slowly() -> None:
            with suppress(ConnectionError):
                await client.send(b"GET / HTTP/1.1\r\nHost: tickets.test\r\nX-Slow: ")
                while True:
                    await client.send(b"x")
                    await asyncio.sleep(0.05)

        sending = asyncio.create_task(send_slowly())
        await client.problem(408)
        sending.cancel()
        await client.close()


async def test_an_incomplete_second_request_head_closes_the_connection(config: ConfigWith) -> None:
    async with serving(config(HASTY)) as server:
        client = await server.connect()
        await client.send(GET % b"first")
        assert (await client.response())[0] == 200

        await client.send(b"GET / HTTP/1.1\r\n")

        # without a response, since the client could not tell which request it belongs to
        assert await client.rest() == b""
        await client.close()


@pytest.mark.parametrize("sent", [b"", b"half"])
async def test_an_incomplete_body_is_a_408(config: ConfigWith, sent: bytes) -> None:
    async with serving(config(HASTY)) as server:
        client = await server.connect()
        await client.send(POST + sent)

        await client.problem(408)
        await client.close()
        await server.until_no_connections()
        assert not server.state.tasks


async def test_an_incomplete_body_of_a_pipelined_request_is_a_408(
    config: ConfigWith,
) -> None:
    async with serving(config(HASTY)) as server:
        client = await server.connect()
        await client.send(GET % b"first" + POST + b"half")

        assert (await client.response())[0] == 200
        await client.problem(408)
        await client.close()


async def test_the_time_of_the_service_does_not_count_as_the_clients(config: ConfigWith) -> None:
    async def slow(scope: Scope, receive: Any, send: Any) -> None:
        await asyncio.sleep(3 * HASTY.timeout)
        await echo(scope, receive, send)

    async with serving(config(HASTY), slow) as server:
        client = await server.connect()
        await client.send(POST + b"0123456789")

        status, _, body = await client.response()
        assert (status, body["body"]) == (200, "0123456789")
        await client.close()


async def test_each_request_on_a_connection_has_its_own_timeout(config: ConfigWith) -> None:
    async with serving(config(HASTY)) as server:
        client = await server.connect()
        for number in range(6):
            await client.send(POST)
            await asyncio.sleep(HASTY.timeout / 3)
            await client.send(f"number {number}, ".encode()[:10].ljust(10))
            assert (await client.response())[2]["body"].startswith(f"number {number}")
        await client.close()


async def test_a_very_long_request_head_is_a_431(config: ConfigWith) -> None:
    async with serving(config(PATIENT)) as server:
        client = await server.connect()
        with suppress(ConnectionError):
            await client.send(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 300_000)

        # one of the two protocols has a smaller limit of its own, and responds with 400
        status, headers, _ = await client.response()
        assert status in (431, 400)
        assert headers["connection"] == "close"
        await client.close()


@pytest.mark.parametrize("end", [b"", b"\r\n"])
async def test_a_request_head_of_too_many_lines_is_a_431(config: ConfigWith, end: bytes) -> None:
    async with serving(config(PATIENT)) as server:
        head = (GET % b"")[:-2] + b"a: b\r\n" * MAX_HEADERS
        if not end:
            # one of the two protocols parses a head only when it is complete
            head += b"x" * 300_000
        client = await server.connect()
        with suppress(ConnectionError):
            await client.send(head + end)

        status, headers, _ = await client.response()
        assert status in ((431,) if end else (431, 400))
        assert headers["connection"] == "close"
        await client.close()


async def test_a_request_head_of_as_many_lines_as_are_allowed_is_served(config: ConfigWith) -> None:
    async with serving(config(PATIENT)) as server:
        client = await server.connect()
        for _ in range(2):
            await client.send((GET % b"")[:-2] + b"a: b\r\n" * (MAX_HEADERS - 1) + b"\r\n")
            assert (await client.response())[0] == 200
        await client.close()


@pytest.mark.parametrize("byte", [b"\x00", b"\x01", b"\x1b", b"\x7f"])
@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        (b"authorization: Bearer ", 'bearer realm="tickets"'),
        (b"X-Admin-Token: ", 'x-admin-token realm="tickets-admin"'),
    ],
)
async def test_credentials_with_control_characters_are_a_401_and_not_a_400(
    header: bytes, challenge: str, byte: bytes
) -> None:
    """Contract: malformed credentials are a 401, before anything else about a request.

    The other protocol passes them on to the application, except a NUL.
    """
    async with serving(configured(HttpToolsProtocol, PATIENT)) as server:
        client = await server.connect()
        await client.send(b"GET / HTTP/1.1\r\nHost: x\r\n" + header + byte + b"\r\n\r\n")

        headers = await client.problem(401)
        assert headers["www-authenticate"] == challenge
        await client.close()


async def test_bytes_that_are_not_http_are_a_400_with_problem_details(config: ConfigWith) -> None:
    async with serving(config(PATIENT)) as server:
        client = await server.connect()
        await client.send(b"\x16\x03\x01 hello\r\n\r\n")

        await client.problem(400)
        await client.close()


async def test_a_client_that_does_not_read_its_response_is_disconnected(config: ConfigWith) -> None:
    async with serving(config(HASTY)) as server:
        client = await server.connect(limit=1)
        await client.send(GET % b"large")

        await server.until_no_connections()
        await client.close()


async def test_a_client_that_reads_its_response_slowly_gets_all_of_it(config: ConfigWith) -> None:
    async with serving(config(HASTY)) as server:
        client = await server.connect(limit=2**16)
        await client.send(GET % b"large")
        await client.reader.readuntil(b"\r\n\r\n")
        received = 0
        while received < 50_000_000:
            # ten parts, which together take longer than the timeout
            await asyncio.sleep(HASTY.timeout / 4)
            received += len(await client.reader.readexactly(5_000_000))

        assert received == 50_000_000
        await client.close()


async def test_a_client_that_sends_no_http_a_hundred_times_causes_one_log_line(
    config: ConfigWith, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(config(PATIENT)) as server:
        for _ in range(100):
            client = await server.connect()
            await client.send(b"\x16\x03\x01 hello\r\n\r\n")
            await client.problem(400)
            await client.close()

    assert log_lines(capsys) == ["Invalid HTTP request received."]


def test_a_warning_is_logged_again_after_a_minute_and_errors_always() -> None:
    time = FakeTime()
    repeated = RepeatedWarnings(monotonic=time)

    def passes(level: int, message: str) -> bool:
        return repeated.filter(logging.LogRecord("uvicorn.error", level, "", 0, message, (), None))

    assert [passes(logging.WARNING, text) for text in ("a", "a", "b", "b")] == [
        True,
        False,
        True,
        False,
    ]
    assert [passes(logging.ERROR, "a") for _ in range(3)] == [True] * 3
    time.seconds += 60
    assert passes(logging.WARNING, "a")
