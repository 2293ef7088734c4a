"""Bodies as a server hands them over: in one piece, in several, or not to the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.http.conftest import API, application_on
from tests.world import MemoryWorld

FORM = b'{"category": "support", "subject": "Hello", "message": "Is anybody there?"}'
LIMIT = 65_536


async def status_of(world: MemoryWorld, *messages: dict[str, Any]) -> int:
    """Return what a request is answered that comes in these messages."""
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
    await application_on(world)(scope, receive, send)
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
        pieces(FORM),
        pieces(FORM.rjust(LIMIT)),
        pieces(FORM[:20], FORM[20:]),
        pieces(b"", FORM[:20], b"", FORM[20:], b""),
        pieces(*(FORM[n : n + 1] for n in range(len(FORM)))),
    ],
    ids=["whole", "of 64 KiB", "two pieces", "empty pieces", "byte by byte"],
)
async def test_a_body_is_read_however_it_comes(
    memory_world: MemoryWorld, messages: Sequence[dict[str, Any]]
) -> None:
    assert await status_of(memory_world, *messages) == 201


@pytest.mark.parametrize(
    "messages",
    [pieces(FORM.rjust(LIMIT + 1)), pieces(b" ", FORM.rjust(LIMIT))],
    ids=["whole", "two pieces"],
)
async def test_a_byte_more_than_64_kib_is_a_413_however_it_comes(
    memory_world: MemoryWorld, messages: Sequence[dict[str, Any]]
) -> None:
    assert await status_of(memory_world, *messages) == 413


@pytest.mark.parametrize("begun", [(), pieces(FORM[:20], b"")[:1]], ids=["at once", "half-way"])
async def test_a_client_that_leaves_before_its_body_is_there_has_changed_nothing(
    memory_world: MemoryWorld, begun: Sequence[dict[str, Any]]
) -> None:
    assert await status_of(memory_world, *begun, {"type": "http.disconnect"}) == 400
    assert (await memory_world.views.admin_stats()).total_count == 0
