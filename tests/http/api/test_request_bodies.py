"""Request bodies: JSON syntax, media types, the size limit, and delivery in several pieces."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.http.conftest import API, NEW_TICKET, Api, Caller, shared_application_on
from tests.http.problems import problem
from tests.world import MemoryWorld

BODY = json.dumps(NEW_TICKET).encode()
LIMIT = 64 * 1024


async def status_of(world: MemoryWorld, *messages: dict[str, Any]) -> int:
    """Return the status of the response to a request whose body arrives in these messages."""
    token = await world.token(await world.user())
    received, sent = list(messages), list[Any]()

    async def receive() -> Any:
        return received.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {
        "type": "http",
        "method": "POST",
        "path": API,
        "raw_path": API.encode(),
        "query_string": b"",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("tickets.test", 80),
        "client": ("127.0.0.1", 50_000),
        "headers": [
            (b"host", b"tickets.test"),
            (b"authorization", f"Bearer {token}".encode()),
            (b"content-type", b"application/json"),
        ],
    }
    await shared_application_on(world)(scope, receive, send)
    status: int = sent[0]["status"]
    return status


def pieces(*bodies: bytes) -> Sequence[dict[str, Any]]:
    return [
        {"type": "http.request", "body": body, "more_body": number < len(bodies)}
        for number, body in enumerate(bodies, 1)
    ]


@pytest.mark.parametrize(
    "messages",
    [
        pieces(BODY),
        pieces(BODY.rjust(LIMIT)),
        pieces(BODY[:20], BODY[20:]),
        pieces(b"", BODY[:20], b"", BODY[20:], b""),
        pieces(*(BODY[n : n + 1] for n in range(len(BODY)))),
    ],
    ids=["whole", "of 64 KiB", "two pieces", "empty pieces", "byte by byte"],
)
async def test_a_body_is_read_in_one_piece_and_in_several(
    memory_world: MemoryWorld, messages: Sequence[dict[str, Any]]
) -> None:
    assert await status_of(memory_world, *messages) == 201


@pytest.mark.parametrize(
    "messages",
    [pieces(BODY.rjust(LIMIT + 1)), pieces(b" ", BODY.rjust(LIMIT))],
    ids=["whole", "two pieces"],
)
async def test_one_byte_over_64_kib_is_a_413_in_one_piece_and_in_several(
    memory_world: MemoryWorld, messages: Sequence[dict[str, Any]]
) -> None:
    assert await status_of(memory_world, *messages) == 413


@pytest.mark.parametrize("received", [(), pieces(BODY[:20], b"")[:1]], ids=["at once", "half-way"])
async def test_a_client_that_disconnects_before_the_end_of_its_body_changes_nothing(
    memory_world: MemoryWorld, received: Sequence[dict[str, Any]]
) -> None:
    assert await status_of(memory_world, *received, {"type": "http.disconnect"}) == 400
    assert (await memory_world.views.admin_stats()).total_count == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"7",
        b"\xff\xfe",
        b'{"subject": "\xff"}',
        b"[" * 50_000,
        b'{"a":' * 10_000,
        b"\xef\xbb\xbf{}",
        '{"subject": "é"}'.encode("utf-16"),
        b'{"subject": 1e999}',
        b'{"n": ' + b"9" * 10_000 + b"}",
        rb'{"\ud800": 1}',
        b"category=support",
    ],
)
async def test_a_body_that_is_not_a_json_object_of_the_route_is_a_400(
    user: Caller, raw: bytes
) -> None:
    headers = {"Content-Type": "application/json"}

    body = problem(await user.post(content=raw, headers=headers), 400)

    assert body["errors"]


@pytest.mark.parametrize("field", ["category", "subject", "message", "other_category", "follows"])
async def test_a_lone_surrogate_is_a_400_that_names_its_field(user: Caller, field: str) -> None:
    raw = json.dumps(NEW_TICKET | {field: "\ud800"}).encode()

    response = await user.post(content=raw, headers={"Content-Type": "application/json"})

    assert field in {error["field"] for error in problem(response, 400)["errors"]}


async def test_a_body_over_64_kib_is_a_413_that_names_the_limit(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    large = b'{"message": "' + b"x" * 65_536 + b'"}'

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 1000):
            yield large[start : start + 1000]

    for content in (large, chunks()):
        response = await user.post(
            f"/{ticket['id']}/reply", content=content, headers={"Content-Type": "application/json"}
        )
        assert "64 KiB" in problem(response, 413)["detail"]


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)
async def test_a_body_with_another_media_type_is_a_415(user: Caller, media_type: str) -> None:
    content = json.dumps(NEW_TICKET).encode()

    problem(await user.post(content=content, headers={"Content-Type": media_type}), 415)


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", ""]
)
async def test_a_json_body_is_accepted_with_every_spelling_of_its_media_type(
    user: Caller, media_type: str
) -> None:
    content = json.dumps(NEW_TICKET).encode()
    headers = {"Content-Type": media_type} if media_type else {}

    assert (await user.post(content=content, headers=headers)).status_code == 201


async def test_a_message_of_5000_four_byte_characters_is_below_the_size_limit(user: Caller) -> None:
    raw = json.dumps(NEW_TICKET | {"message": "🎫" * 5000}, ensure_ascii=False).encode()

    response = await user.post(content=raw, headers={"Content-Type": "application/json"})

    assert response.status_code == 201
