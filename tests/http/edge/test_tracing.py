"""OpenTelemetry: a span per request and statement, with route and query name and no secrets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.http.conftest import ADMIN_TOKENS, API, application_on, client_of
from tests.world import PostgresWorld
from tickets.adapters.http.edge.tracing import tracing_middleware
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import query_names
from tickets.observability.sql_spans import SqlSpans

NEW_TICKET = {
    "category": "support",
    "subject": "A subject of mine",
    "message": "Words of mine alone.",
}
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Traced:
    """The API on PostgreSQL, and the spans that have ended."""

    def __init__(self, app: Any, client: httpx.AsyncClient, world: PostgresWorld) -> None:
        self.app = app
        self.client = client
        self.world = world
        self.exporter = InMemorySpanExporter()

    def spans(self, kind: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.kind.name == kind]

    def dump(self) -> str:
        return "\n".join(str(span.to_json()) for span in self.exporter.get_finished_spans())


@pytest.fixture
async def traced(database_url: str) -> AsyncIterator[Traced]:
    provider = TracerProvider()
    logger = SqlSpans(provider, query_names())
    async with Database(database_url, query_logger=logger).open() as database:
        world = PostgresWorld(database)
        app = application_on(world, middleware=[tracing_middleware(provider)])
        async with client_of(app) as client:
            traced = Traced(app, client, world)
            provider.add_span_processor(SimpleSpanProcessor(traced.exporter))
            yield traced
    provider.shutdown()


async def test_a_request_is_a_span_named_by_its_route_and_parent_of_its_statements(
    traced: Traced,
) -> None:
    user_id = await traced.world.user()
    token = await traced.world.token(user_id)
    ticket = await traced.world.ticket(user_id)
    headers = {
        "Authorization": f"Bearer {token}",
        "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
        "X-Request-ID": "the-one",
    }

    response = await traced.client.post(
        f"{API}/{ticket.id}/reply", headers=headers, json={"message": "Words of mine alone."}
    )
    assert response.status_code == 201
    await asyncio.sleep(0)  # the driver calls its query logger in the next turn of the loop

    (request,) = traced.spans("SERVER")
    assert request.name == f"POST {API}/{{ticket_id}}/reply"
    attributes = dict(request.attributes or {})
    assert attributes["http.route"] == f"{API}/{{ticket_id}}/reply"
    assert attributes["tickets.request_id"] == "the-one"
    assert 201 in attributes.values()
    statements = traced.spans("CLIENT")
    names = [span.name for span in statements]
    assert names == ["user_by_token_sha256", "get_ticket", "save_ticket"]
    assert request.context is not None
    for span in statements:
        assert span.parent is not None
        assert span.parent.span_id == request.context.span_id
        assert span.context is not None
        assert f"{span.context.trace_id:032x}" == TRACE
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.start_time < span.end_time


async def test_no_span_contains_a_token_a_text_a_query_or_an_id(traced: Traced) -> None:
    token = await traced.world.token(await traced.world.user())
    user = {"Authorization": f"Bearer {token}", "User-Agent": "an-agent-of-mine"}
    admin = {"X-Admin-Token": ADMIN_TOKENS[0]}

    opened = await traced.client.post(API, headers=user, json=NEW_TICKET)
    path = opened.url.join(opened.headers["Location"])
    await traced.client.get(f"{path}?token={token}", headers=user)
    await traced.client.get(f"{API}/{token}", headers=admin)
    await traced.client.get(f"{API}/4711/reply?q=a-query-of-mine", headers=user)
    await traced.client.get(f"/nothing/{token}/path-of-mine")
    await traced.client.get(API, headers={"Authorization": "Bearer a-wrong-token-of-mine"})
    await traced.client.get("/health/live", headers={"Host": "host-of-mine.test"})

    spans = traced.dump()
    assert len(traced.spans("SERVER")) == 7
    for secret in (token, ADMIN_TOKENS[0], "of mine", "of-mine", "4711"):
        assert secret not in spans


async def test_the_span_of_a_failed_statement_has_the_class_of_its_error_only(
    traced: Traced,
) -> None:
    """The message of a violated check constraint quotes the whole row."""
    await traced.world.database.fetch(
        "alter table tickets add constraint no_other check (subject = 'Another subject') not valid"
    )
    token = await traced.world.token(await traced.world.user())

    response = await traced.client.post(
        API, headers={"Authorization": f"Bearer {token}"}, json=NEW_TICKET
    )

    assert response.status_code == 400
    failed = traced.spans("CLIENT")[-1]
    assert dict(failed.attributes or {})["error.type"] == "CheckViolationError"
    assert not failed.status.is_ok
    assert "of mine" not in traced.dump()
    assert "Failing row" not in traced.dump()


async def test_a_query_string_that_is_not_text_is_no_failure(traced: Traced) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/health/live",
        "raw_path": b"/health/live",
        "query_string": b"\xff\xfe=%ff",
        "headers": [],
        "http_version": "1.1",
    }
    await traced.app(scope, receive, send)

    assert sent[0]["status"] == 200


async def test_statements_outside_of_a_request_make_no_spans(traced: Traced) -> None:
    await traced.world.store_health.ready()

    assert traced.exporter.get_finished_spans() == ()
