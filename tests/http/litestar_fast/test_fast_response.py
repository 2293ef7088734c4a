"""FastResponse sends, byte for byte, what the framework's own response would send."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from litestar import Litestar, Response, get

from tests.http.conftest import client_of
from tickets.adapters.http.api.response_bodies import MessageCreated, UserList
from tickets.adapters.http.litestar_fast.fast_response import FastResponse
from tickets.domain.message import Message
from tickets.domain.people import Side
from tickets.domain.read_models import Stats, UserRow
from tickets.domain.ticket import Category, Status

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

BODIES = {
    "a message": MessageCreated(Message(7, 3, Side.USER, 2, 'Grüße, "Zoë" \u2028 🙂', MOMENT)),
    "a list": UserList(
        [
            UserRow(
                id=3,
                category=Category.OTHER,
                other_category="Låne",
                subject="A",
                status=Status.OPEN,
                priority="normal",
                user_unread=True,
                message_count=1,
                last_message="…",
                created_at=MOMENT,
                updated_at=MOMENT,
                last_sender=Side.USER,
            )
        ],
        None,
    ),
    "statistics": Stats(1, 1, 0, 0, 0, 1, dict.fromkeys(Category, 0)),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(
    "headers", [{}, {"Location": "/api/v1/tickets/3", "RateLimit": '"replies";r=29;t=2'}]
)
async def test_a_fast_response_equals_the_frameworks_response(
    name: str, headers: dict[str, str]
) -> None:
    @get("/framework", status_code=201)
    async def framework() -> Response[object]:
        return Response(BODIES[name], headers=headers)

    @get("/fast", status_code=201)
    async def fast() -> FastResponse[object]:
        raw = [(header.lower().encode(), value.encode()) for header, value in headers.items()]
        return FastResponse(BODIES[name], headers=raw)

    @get("/response-class", status_code=201, response_class=FastResponse)
    async def by_response_class() -> object:
        return BODIES[name]

    async with client_of(Litestar([framework, fast, by_response_class])) as client:
        expected = await client.get("/framework")
        assert expected.status_code == 201
        assert expected.headers["content-length"] == str(len(expected.content))
        for path in ("/fast", *(["/response-class"] if not headers else [])):
            response = await client.get(path)
            assert response.status_code == expected.status_code
            assert response.content == expected.content
            # the order of headers has no meaning
            assert sorted(response.headers.raw) == sorted(expected.headers.raw)
