"""An answer of the API is, byte for byte, what the framework's own response would have been."""

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
            )
        ],
        None,
    ),
    "figures": Stats(1, 1, 0, 0, 0, 1, dict.fromkeys(Category, 0)),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(
    "headers", [{}, {"Location": "/api/v1/tickets/3", "RateLimit": '"replies";r=29;t=2'}]
)
async def test_an_answer_is_what_the_frameworks_own_would_be(
    name: str, headers: dict[str, str]
) -> None:
    @get("/its", status_code=201)
    async def its() -> Response[object]:
        return Response(BODIES[name], headers=headers)

    @get("/ours", status_code=201)
    async def ours() -> FastResponse[object]:
        own = [(header.lower().encode(), value.encode()) for header, value in headers.items()]
        return FastResponse(BODIES[name], headers=own)

    @get("/by-itself", status_code=201, response_class=FastResponse)
    async def by_itself() -> object:
        return BODIES[name]

    async with client_of(Litestar([its, ours, by_itself])) as client:
        expected = await client.get("/its")
        assert expected.status_code == 201
        assert expected.headers["content-length"] == str(len(expected.content))
        for path in ("/ours", *(["/by-itself"] if not headers else [])):
            answer = await client.get(path)
            assert answer.status_code == expected.status_code
            assert answer.content == expected.content
            # in which order they come means nothing
            assert sorted(answer.headers.raw) == sorted(expected.headers.raw)
