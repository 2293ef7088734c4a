"""Hostile requests, byte by byte, against `tickets serve` on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.databases import new_database
from tests.http.conftest import API
from tests.http.edge.hostile_requests import CASES, CHUNKED, JSON, content_length
from tests.http.serving import Service, as_a_command
from tests.http.wire import RawResponse, Wire, request
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.database import Database


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
