"""Assertions about problem details, and an application whose store fails."""

from __future__ import annotations

from typing import Any

import httpx

from tests.http.conftest import API, NEW_TICKET, client_of, shared_application_on
from tests.world import MemoryWorld
from tickets.domain.ticket import Ticket
from tickets.domain.write_context import WriteContext

REQUIRED = {"type", "title", "status", "detail"}
OPTIONAL = {"errors", "message_count", "messages", "present"}


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """Assert that the response is a problem with this status; return its body."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    allowed = REQUIRED | OPTIONAL | ({"request_id"} if status == 500 else set())
    assert set(body) >= REQUIRED
    assert set(body) <= allowed
    assert body["status"] == status
    assert body["detail"].endswith(".")
    return body


def invalid_fields(response: httpx.Response) -> list[str]:
    """Assert that the response is a 400; return the fields in its `errors`."""
    errors = problem(response, 400)["errors"]
    assert all(set(error) == {"field", "message"} for error in errors)
    return [error["field"] for error in errors]


def too_many_requests(response: httpx.Response) -> int:
    """Assert that the response is a 429; return the seconds to wait."""
    body = problem(response, 429)
    assert body["type"] == "urn:tickets:problem:too-many-requests"
    retry_after = int(response.headers["Retry-After"])
    assert retry_after > 0
    return retry_after


class FailingTickets:
    """As much of the port `Tickets` as opening a ticket needs; it always raises one error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def add(self, ticket: Ticket, context: WriteContext) -> Ticket:
        del ticket, context
        raise self._error


async def response_to(
    error: Exception, world: MemoryWorld, *, query: str = "", **headers: str
) -> httpx.Response:
    """Return the response to opening a ticket when the store raises this error."""
    token = await world.token(await world.user())
    world.tickets = FailingTickets(error)  # type: ignore[assignment] # a part of the port
    async with client_of(shared_application_on(world)) as client:
        headers = {"Authorization": f"Bearer {token}"} | headers
        return await client.post(API + query, headers=headers, json=NEW_TICKET)
