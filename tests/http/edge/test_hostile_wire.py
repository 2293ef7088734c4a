"""Hostile requests, byte by byte, against `tickets serve` on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio

from tests.databases import new_database
from tests.http.conftest import API
from tests.http.serving import Service, as_a_command
from tests.http.wire import RawResponse, Wire, request
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.database import Database

TICKET = json.dumps(
    {"category": "support", "subject": "The export stops", "message": "It stops half-way."}
).encode()
DUPLICATE_FIELD = TICKET.replace(b'"subject"', b'"subject": "The first one", "subject"')
JSON = b"Content-Type: application/json"


class Target:
    """The running service, its database, and a user with one ticket."""

    def __init__(self, service: Service, url: str, token: str, ticket_id: int) -> None:
        self.service = service
        self.url = url
        self.signed_in = f"Authorization: Bearer {token}".encode()
        self.ticket_id = ticket_id

    def snapshot(self) -> dict[str, Any]:
        """Return the contents of the database."""

        async def snapshot() -> dict[str, Any]:
            async with Database(self.url, pool_size=1).open() as database:
                return await PostgresWorld(database).snapshot()

        return asyncio.run(snapshot())

    def messages(self) -> list[str]:
        """Return the texts of the thread of the user's ticket."""

        async def texts() -> list[str]:
            async with Database(self.url, pool_size=1).open() as database:
                return await PostgresWorld(database).texts(self.ticket_id)

        return asyncio.run(texts())

    def wire(self) -> Wire:
        return Wire(self.service.address)

    def serves_others(self) -> bool:
        """Return whether another client is served."""
        ready = httpx.get(f"{self.service.root}/health/ready", timeout=60, trust_env=False)
        return ready.status_code == 200


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(postgres_url: str, migrated_template: str) -> AsyncIterator[Target]:
    async with new_database(postgres_url, migrated_template) as url:
        async with Database(url, pool_size=1).open() as database:
            world = PostgresWorld(database)
            mara = await world.user()
            token, ticket = await world.token(mara), await world.ticket(mara)
        with as_a_command(url, TICKETS_CLIENT_TIMEOUT="10") as service:
            yield Target(service, url, token, ticket.id)


class Case(NamedTuple):
    """A request besides its credentials, and the expected status."""

    status: int
    method: str = "GET"
    path: str | bytes = API
    headers: tuple[bytes, ...] = ()
    body: bytes = b""


def create(status: int, *headers: bytes, body: bytes = TICKET) -> Case:
    return Case(status, "POST", API, headers, body)


def content_length(body: bytes) -> bytes:
    return b"Content-Length: %d" % len(body)


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


LENGTH = content_length(TICKET)
CHUNKED = b"Transfer-Encoding: chunked"
SMUGGLED = chunked(TICKET)

CASES = {
    # repeated headers and fields
    "two content types": create(415, JSON, b"Content-Type: text/plain", LENGTH),
    "two content types, turned round": create(415, b"Content-Type: text/plain", JSON, LENGTH),
    "two equal content types": create(415, JSON, JSON, LENGTH),
    "two lengths": create(400, JSON, LENGTH, b"Content-Length: 5"),
    "two equal lengths": create(400, JSON, LENGTH, LENGTH),
    "a list of lengths": create(400, JSON, b"Content-Length: 5, 5"),
    "two credentials": Case(401, headers=(b"Authorization: Bearer x",)),
    "two keys": create(400, JSON, b"Idempotency-Key: a", b"Idempotency-Key: b", LENGTH),
    "two equal keys": create(400, JSON, b"Idempotency-Key: a", b"Idempotency-Key: a", LENGTH),
    "two fields of one name": create(
        201, JSON, content_length(DUPLICATE_FIELD), body=DUPLICATE_FIELD
    ),
    "two limits": Case(200, path=f"{API}?limit=1&limit=2"),
    # invalid lengths
    "a negative length": create(400, JSON, b"Content-Length: -1"),
    "a length with a sign": create(400, JSON, b"Content-Length: +5"),
    "a hexadecimal length": create(400, JSON, b"Content-Length: 0x10"),
    "a length beyond 64 bit": create(400, JSON, b"Content-Length: 99999999999999999999999"),
    "a length of 63 bit": create(413, JSON, b"Content-Length: 9223372036854775807"),
    "a length of ten gigabytes": create(413, JSON, b"Content-Length: 10000000000"),
    "a length and chunks": create(400, JSON, LENGTH, CHUNKED, body=SMUGGLED),
    "two transfer encodings": create(400, JSON, CHUNKED, b"Transfer-Encoding: identity"),
    "an unknown transfer encoding": create(400, JSON, b"Transfer-Encoding: gzip"),
    "a chunk size that is not a number": create(400, JSON, CHUNKED, body=b"zz\r\n"),
    "a negative chunk size": create(400, JSON, CHUNKED, body=b"-1\r\n"),
    "a chunk size beyond 64 bit": create(400, JSON, CHUNKED, body=b"FFFFFFFFFFFFFFFFFF\r\n"),
    "valid chunks": create(201, JSON, CHUNKED, body=SMUGGLED),
    # invalid content types
    "a content type that is not ASCII": create(415, b"Content-Type: \xff;;;=", LENGTH),
    "a multipart type without a boundary": create(
        415, b"Content-Type: multipart/form-data", LENGTH
    ),
    "MessagePack": create(415, b"Content-Type: application/msgpack", LENGTH),
    "a wrong charset": create(201, JSON + b"; charset=utf-16", LENGTH),
    # invalid idempotency keys
    "a key with a NUL": create(400, JSON, b"Idempotency-Key: a\0b", LENGTH),
    "a key that is not ASCII": create(400, JSON, b"Idempotency-Key: \xe9", LENGTH),
    "an empty key": create(400, JSON, b"Idempotency-Key: ", LENGTH),
    "a very long key": create(400, JSON, b"Idempotency-Key: " + b"k" * 10_000, LENGTH),
    # invalid and misleading headers
    "a header with a NUL": Case(400, headers=(b"X-A: a\0b",)),
    "a control character in a header name": Case(400, headers=(b"X\x01A: a",)),
    "a space before the colon": Case(400, headers=(b"X-A : a",)),
    "a folded header": Case(400, headers=(b"X-A: a\r\n b",)),
    "a header without a colon": Case(400, headers=(b"nonsense",)),
    "a header that is not ASCII": Case(200, headers=(b"X-A: \xff\xfe",)),
    "two hosts": Case(200, headers=(b"Host: elsewhere.test",)),
    "two thousand headers": Case(200, headers=tuple(b"X-%d: y" % n for n in range(2000))),
    "broken cookies": Case(200, headers=(b"Cookie: ;;;=\xff;a=;=b",)),
    "a broken Accept header": Case(200, headers=(b"Accept: \xff/\x80;q=nan, */*;q=1e999",)),
    "forged proxy headers": Case(
        200, headers=(b"X-Forwarded-For: \xff, ::::1", b"X-Forwarded-Proto: javascript")
    ),
    "an origin that is not ASCII": Case(200, headers=(b"Origin: \xff\xff",)),
    "an upgrade to HTTP/2": Case(
        200, headers=(b"Connection: Upgrade", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")
    ),
    "an upgrade to a WebSocket": Case(
        200,
        headers=(
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            b"Sec-WebSocket-Version: 13",
        ),
    ),
    "an unknown expectation": create(201, JSON, LENGTH, b"Expect: something"),
    # paths and queries
    "a NUL in the path": Case(400, path=f"{API}/%00"),
    "a bare NUL in the path": Case(400, path=f"{API}/".encode() + b"\0"),
    "invalid UTF-8 in the path": Case(400, path=f"{API}/%ff%fe"),
    "bare bytes in the path": Case(400, path=f"{API}/".encode() + b"\xff"),
    "a lone surrogate in the path": Case(400, path=f"{API}/%ed%a0%80"),
    "dot segments": Case(404, path=f"{API}/../../../health/live"),
    "escaped dot segments": Case(404, path="/static/x/%2e%2e/%2e%2e/%2e%2e/etc/passwd"),
    "an escaped slash": Case(405, path=f"{API}/1%2freply"),
    "backslashes": Case(400, path=f"{API}/..\\admin\\all"),
    "an absolute URL of another host": Case(200, path=f"http://elsewhere.test{API}"),
    "OPTIONS *": Case(404, "OPTIONS", "*"),
    "CONNECT to another host": Case(400, "CONNECT", "elsewhere.test:443"),
    "a very long URL": Case(400, path=f"{API}?cursor={'x' * 70_000}"),
    "invalid UTF-8 in the query": Case(400, path=f"{API}?status=%ff"),
    "bare bytes in the query": Case(400, path=f"{API}?status=".encode() + b"\xff\xfe"),
    "five thousand parameters": Case(
        200, path=f"{API}?" + "&".join(f"a{n}=1" for n in range(5000))
    ),
    "a semicolon as separator": Case(400, path=f"{API}?limit=1;limit=2"),
    # methods
    "TRACE": Case(405, "TRACE"),
    "an unknown method": Case(400, "BREW"),
    "a method in lower case": Case(400, "get"),
    "a very long method": Case(400, "G" * 5000),
    "a body on GET": Case(200, "GET", API, (LENGTH,), TICKET),
}


def is_problem(response: RawResponse) -> bool:
    """Return whether a response is problem details."""
    return (
        response.headers["content-type"] == "application/problem+json"
        and json.loads(response.body)["status"] == response.status
    )


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_request_gets_its_status_and_changes_nothing_if_refused(
    target: Target, name: str
) -> None:
    status, method, path, headers, body = CASES[name]
    before = target.snapshot()

    with target.wire() as wire:
        wire.send(request(method, path, [target.signed_in, *headers], body))
        response = wire.response(method)

    assert response
    assert response.status == status, response.body
    if status >= 400:
        assert is_problem(response)
        assert target.snapshot() == before


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /health/live HTTP/1.1\nHost: tickets.test\n\n",
        b"\r\n" * 10 + b"nonsense\r\n\r\n",
    ],
)
def test_another_protocol_is_a_400(target: Target, sent: bytes) -> None:
    with target.wire() as wire:
        wire.send(sent)
        response = wire.response()

    assert response
    assert response.status == 400
    assert is_problem(response)


def reply(target: Target, *headers: bytes) -> bytes:
    """Return the request head of a reply to the user's ticket."""
    return request("POST", f"{API}/{target.ticket_id}/reply", [target.signed_in, JSON, *headers])


@pytest.mark.parametrize("head", [b"Content-Length: 1000", CHUNKED], ids=["length", "chunked"])
@pytest.mark.parametrize("half", [b"", b'{"message": "What I wan'])
def test_an_incomplete_body_stores_nothing(target: Target, head: bytes, half: bytes) -> None:
    before = target.snapshot()
    with target.wire() as wire:
        part = b"3e8\r\n" + half if head is CHUNKED else half
        wire.send(reply(target, head), part)
        wire.finish()
        response = wire.response()

    assert response is None or is_problem(response)
    assert target.serves_others()
    assert target.snapshot() == before


def test_chunks_over_the_size_limit_are_a_413_before_the_last_one(target: Target) -> None:
    before = target.snapshot()
    chunk = b"2000\r\n" + b"x" * 8192 + b"\r\n"

    with target.wire() as wire:
        # the last chunk is never sent, so the response must not wait for it
        wire.send(reply(target, CHUNKED), b'c\r\n{"message":"\r\n', *[chunk] * 9)
        response = wire.response("POST")

    assert response
    assert response.status == 413
    assert is_problem(response)
    assert target.snapshot() == before


def test_a_body_that_arrives_byte_by_byte_is_read_and_delays_nobody_else(target: Target) -> None:
    body = b'{"message": "Slowly."}'

    with target.wire() as wire:
        assert wire.send(reply(target, content_length(body)))
        for byte in body:
            assert wire.send(bytes([byte]))
            assert target.serves_others()
        response = wire.response("POST")

    assert response
    assert response.status == 201
    assert target.messages()[-1] == "Slowly."


def test_pipelined_requests_are_answered_in_order(target: Target) -> None:
    paths = [
        "/health/live",
        f"{API}/unread",
        "/nothing/here",
        f"{API}/not-a-number",
        "/health/live",
    ]

    with target.wire() as wire:
        wire.send(b"".join(request("GET", path, [target.signed_in]) for path in paths))
        responses = [wire.response() for _ in paths]

    assert [response and response.status for response in responses] == [200, 200, 404, 400, 200]


def test_a_request_with_random_bytes_changed_never_gives_a_500(target: Target) -> None:
    body = b'{"message": "As it should be."}'
    good = reply(target, content_length(body), b"Idempotency-Key: ") + body
    before = len(target.messages())
    dice = random.Random(4711)  # noqa: S311 - the same bytes every time
    accepted = unanswered = 0

    for _ in range(400):
        broken = bytearray(good)
        for _ in range(dice.choice([1, 1, 1, 2, 5])):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        with target.wire() as wire:
            wire.send(bytes(broken))
            wire.finish()
            response = wire.response("POST")
        assert response is None or response.status < 500, bytes(broken)
        accepted += response is not None and response.status == 201
        unanswered += response is None

    assert target.serves_others()
    assert accepted <= len(target.messages()) - before <= accepted + unanswered
