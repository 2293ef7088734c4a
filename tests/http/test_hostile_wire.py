"""Requests that no honest client sends, byte by byte, against the installed service on a real PostgreSQL."""

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
from tests.http.wire import Answer, Wire, request
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.database import Database

TICKET = json.dumps(
    {"category": "support", "subject": "The export stops", "message": "It stops half-way."}
).encode()
TWICE = TICKET.replace(b'"subject"', b'"subject": "The first one", "subject"')
JSON = b"Content-Type: application/json"


class Target:
    """The service, its database, and a user with one ticket."""

    def __init__(self, service: Service, url: str, token: str, ticket_id: int) -> None:
        self.service = service
        self.url = url
        self.signed_in = f"Authorization: Bearer {token}".encode()
        self.ticket_id = ticket_id

    def snapshot(self) -> dict[str, Any]:
        """Return everything that is in the database."""

        async def snapshot() -> dict[str, Any]:
            async with Database(self.url, pool_size=1).open() as database:
                return await PostgresWorld(database).snapshot()

        return asyncio.run(snapshot())

    def messages(self) -> list[str]:
        """Return the texts of the user's ticket."""

        async def texts() -> list[str]:
            async with Database(self.url, pool_size=1).open() as database:
                return await PostgresWorld(database).texts(self.ticket_id)

        return asyncio.run(texts())

    def wire(self) -> Wire:
        return Wire(self.service.address)

    def is_well(self) -> bool:
        """Return whether others are served."""
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
    """What is sent besides the credentials, and the status that it gets."""

    status: int
    method: str = "GET"
    path: str | bytes = API
    headers: tuple[bytes, ...] = ()
    body: bytes = b""


def opening(status: int, *headers: bytes, body: bytes = TICKET) -> Case:
    return Case(status, "POST", API, headers, body)


def counted(body: bytes) -> bytes:
    return b"Content-Length: %d" % len(body)


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


LENGTH = counted(TICKET)
CHUNKED = b"Transfer-Encoding: chunked"
SMUGGLED = chunked(TICKET)

CASES = {
    # two of what there may be one of
    "two content types": opening(415, JSON, b"Content-Type: text/plain", LENGTH),
    "two content types, turned round": opening(415, b"Content-Type: text/plain", JSON, LENGTH),
    "two equal content types": opening(415, JSON, JSON, LENGTH),
    "two lengths": opening(400, JSON, LENGTH, b"Content-Length: 5"),
    "two equal lengths": opening(400, JSON, LENGTH, LENGTH),
    "a list of lengths": opening(400, JSON, b"Content-Length: 5, 5"),
    "two credentials": Case(401, headers=(b"Authorization: Bearer x",)),
    "two keys": opening(400, JSON, b"Idempotency-Key: a", b"Idempotency-Key: b", LENGTH),
    "two equal keys": opening(400, JSON, b"Idempotency-Key: a", b"Idempotency-Key: a", LENGTH),
    "two fields of one name": opening(201, JSON, counted(TWICE), body=TWICE),
    "two limits": Case(200, path=f"{API}?limit=1&limit=2"),
    # lengths that are none
    "a length below nothing": opening(400, JSON, b"Content-Length: -1"),
    "a length with a sign": opening(400, JSON, b"Content-Length: +5"),
    "a length in another notation": opening(400, JSON, b"Content-Length: 0x10"),
    "a length beyond 64 bit": opening(400, JSON, b"Content-Length: 99999999999999999999999"),
    "a length of 63 bit": opening(413, JSON, b"Content-Length: 9223372036854775807"),
    "a length of ten gigabytes": opening(413, JSON, b"Content-Length: 10000000000"),
    "a length and chunks": opening(400, JSON, LENGTH, CHUNKED, body=SMUGGLED),
    "chunks, and then not": opening(400, JSON, CHUNKED, b"Transfer-Encoding: identity"),
    "an encoding that is not known": opening(400, JSON, b"Transfer-Encoding: gzip"),
    "a chunk of no number": opening(400, JSON, CHUNKED, body=b"zz\r\n"),
    "a chunk below nothing": opening(400, JSON, CHUNKED, body=b"-1\r\n"),
    "a chunk beyond 64 bit": opening(400, JSON, CHUNKED, body=b"FFFFFFFFFFFFFFFFFF\r\n"),
    "chunks as they should be": opening(201, JSON, CHUNKED, body=SMUGGLED),
    # types that are none
    "a type of no ASCII": opening(415, b"Content-Type: \xff;;;=", LENGTH),
    "a type without a boundary": opening(415, b"Content-Type: multipart/form-data", LENGTH),
    "another encoding of data": opening(415, b"Content-Type: application/msgpack", LENGTH),
    "a character set that it is not in": opening(201, JSON + b"; charset=utf-16", LENGTH),
    # keys that are none
    "a key with a NUL": opening(400, JSON, b"Idempotency-Key: a\0b", LENGTH),
    "a key of no ASCII": opening(400, JSON, b"Idempotency-Key: \xe9", LENGTH),
    "a key of nothing": opening(400, JSON, b"Idempotency-Key: ", LENGTH),
    "a key without an end": opening(400, JSON, b"Idempotency-Key: " + b"k" * 10_000, LENGTH),
    # headers that are none, and ones that lie
    "a header with a NUL": Case(400, headers=(b"X-A: a\0b",)),
    "a header's name with a control": Case(400, headers=(b"X\x01A: a",)),
    "a space before the colon": Case(400, headers=(b"X-A : a",)),
    "a header over two lines": Case(400, headers=(b"X-A: a\r\n b",)),
    "a header without a colon": Case(400, headers=(b"nonsense",)),
    "a header of no ASCII": Case(200, headers=(b"X-A: \xff\xfe",)),
    "two hosts": Case(200, headers=(b"Host: elsewhere.test",)),
    "two thousand headers": Case(200, headers=tuple(b"X-%d: y" % n for n in range(2000))),
    "broken cookies": Case(200, headers=(b"Cookie: ;;;=\xff;a=;=b",)),
    "a broken wish": Case(200, headers=(b"Accept: \xff/\x80;q=nan, */*;q=1e999",)),
    "a proxy that is none": Case(
        200, headers=(b"X-Forwarded-For: \xff, ::::1", b"X-Forwarded-Proto: javascript")
    ),
    "an origin of no ASCII": Case(200, headers=(b"Origin: \xff\xff",)),
    "a wish for another protocol": Case(
        200, headers=(b"Connection: Upgrade", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")
    ),
    "a wish for a socket": Case(
        200,
        headers=(
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            b"Sec-WebSocket-Version: 13",
        ),
    ),
    "an expectation that nobody meets": opening(201, JSON, LENGTH, b"Expect: something"),
    # addresses
    "a NUL in the path": Case(400, path=f"{API}/%00"),
    "a bare NUL in the path": Case(400, path=f"{API}/".encode() + b"\0"),
    "invalid UTF-8 in the path": Case(400, path=f"{API}/%ff%fe"),
    "bare bytes in the path": Case(400, path=f"{API}/".encode() + b"\xff"),
    "half a surrogate pair in the path": Case(400, path=f"{API}/%ed%a0%80"),
    "a way up in the path": Case(404, path=f"{API}/../../../health/live"),
    "an escaped way up": Case(404, path="/static/x/%2e%2e/%2e%2e/%2e%2e/etc/passwd"),
    "a slash that is escaped": Case(405, path=f"{API}/1%2freply"),
    "backslashes": Case(400, path=f"{API}/..\\admin\\all"),
    "an address elsewhere": Case(200, path=f"http://elsewhere.test{API}"),
    "no address at all": Case(404, "OPTIONS", "*"),
    "somebody else's address": Case(400, "CONNECT", "elsewhere.test:443"),
    "an address without an end": Case(400, path=f"{API}?cursor={'x' * 70_000}"),
    "invalid UTF-8 in the query": Case(400, path=f"{API}?status=%ff"),
    "bare bytes in the query": Case(400, path=f"{API}?status=".encode() + b"\xff\xfe"),
    "five thousand parameters": Case(
        200, path=f"{API}?" + "&".join(f"a{n}=1" for n in range(5000))
    ),
    "another separator": Case(400, path=f"{API}?limit=1;limit=2"),
    # methods
    "a method to look at oneself": Case(405, "TRACE"),
    "a method that nobody knows": Case(400, "BREW"),
    "a method in small letters": Case(400, "get"),
    "a method without an end": Case(400, "G" * 5000),
    "a body where none belongs": Case(200, "GET", API, (LENGTH,), TICKET),
}


def is_problem(answer: Answer) -> bool:
    """Return whether an answer is an error of the one shape."""
    return (
        answer.headers["content-type"] == "application/problem+json"
        and json.loads(answer.body)["status"] == answer.status
    )


@pytest.mark.parametrize("name", CASES)
def test_what_no_client_should_send_is_answered_as_what_it_is(target: Target, name: str) -> None:
    status, method, path, headers, body = CASES[name]
    before = target.snapshot()

    with target.wire() as wire:
        wire.send(request(method, path, [target.signed_in, *headers], body))
        answer = wire.answer(method)

    assert answer
    assert answer.status == status, answer.body
    if status >= 400:
        assert is_problem(answer)
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
def test_what_is_another_protocol_is_a_400(target: Target, sent: bytes) -> None:
    with target.wire() as wire:
        wire.send(sent)
        answer = wire.answer()

    assert answer
    assert answer.status == 400
    assert is_problem(answer)


def reply(target: Target, *headers: bytes) -> bytes:
    """Return the head of a reply to the user's ticket."""
    return request("POST", f"{API}/{target.ticket_id}/reply", [target.signed_in, JSON, *headers])


@pytest.mark.parametrize("head", [b"Content-Length: 1000", CHUNKED], ids=["counted", "chunked"])
@pytest.mark.parametrize("half", [b"", b'{"message": "What I wan'])
def test_a_body_that_stops_half_way_stores_nothing(
    target: Target, head: bytes, half: bytes
) -> None:
    before = target.snapshot()
    with target.wire() as wire:
        part = b"3e8\r\n" + half if head is CHUNKED else half
        wire.send(reply(target, head), part)
        wire.finish()
        answer = wire.answer()

    assert answer is None or is_problem(answer)
    assert target.is_well()
    assert target.snapshot() == before


def test_chunks_past_the_limit_are_a_413_before_they_end(target: Target) -> None:
    before = target.snapshot()
    chunk = b"2000\r\n" + b"x" * 8192 + b"\r\n"

    with target.wire() as wire:
        # never the last one: whoever waits for the end of this waits for good
        wire.send(reply(target, CHUNKED), b'c\r\n{"message":"\r\n', *[chunk] * 9)
        answer = wire.answer("POST")

    assert answer
    assert answer.status == 413
    assert is_problem(answer)
    assert target.snapshot() == before


def test_a_body_that_drips_in_keeps_nobody_waiting_and_is_taken(target: Target) -> None:
    body = b'{"message": "Slowly."}'

    with target.wire() as wire:
        assert wire.send(reply(target, counted(body)))
        for byte in body:
            assert wire.send(bytes([byte]))
            # whoever comes in between, with all that it takes: a connection, the database, an answer
            assert target.is_well()
        answer = wire.answer("POST")

    assert answer
    assert answer.status == 201
    assert target.messages()[-1] == "Slowly."


def test_requests_one_behind_the_other_are_answered_each_in_its_turn(target: Target) -> None:
    paths = [
        "/health/live",
        f"{API}/unread",
        "/nothing/here",
        f"{API}/not-a-number",
        "/health/live",
    ]

    with target.wire() as wire:
        wire.send(b"".join(request("GET", path, [target.signed_in]) for path in paths))
        answers = [wire.answer() for _ in paths]

    assert [answer and answer.status for answer in answers] == [200, 200, 404, 400, 200]


def test_a_request_with_any_byte_turned_into_another_harms_nobody(target: Target) -> None:
    body = b'{"message": "As it should be."}'
    good = reply(target, counted(body), b"Idempotency-Key: ") + body
    before = len(target.messages())
    dice = random.Random(4711)  # noqa: S311 - the same bytes every time
    taken = unanswered = 0

    for _ in range(400):
        broken = bytearray(good)
        for _ in range(dice.choice([1, 1, 1, 2, 5])):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        with target.wire() as wire:
            wire.send(bytes(broken))
            wire.finish()
            answer = wire.answer("POST")
        assert answer is None or answer.status < 500, bytes(broken)
        taken += answer is not None and answer.status == 201
        unanswered += answer is None

    assert target.is_well()
    assert taken <= len(target.messages()) - before <= taken + unanswered
