"""Security headers: on every answer of every route, and on every error, whatever has gone wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute

from tests.http.conftest import ADMIN_TOKENS, API, application_on, client_of
from tests.http.test_errors import Failing
from tests.world import MemoryWorld
from tickets.adapters.http.app import create_app
from tickets.adapters.http.dashboards.files import Site
from tickets.adapters.http.litestar_fast.instrumented_app import InstrumentedLitestar
from tickets.domain.errors import StoreUnavailable

ADMIN = {"X-Admin-Token": ADMIN_TOKENS[0]}
FORM = {"category": "support", "subject": "Hello", "message": "Is anybody there?"}

PAGES = {"/account", "/admin"}


def check(response: httpx.Response) -> None:
    """Check what every answer carries, each header exactly once."""
    headers = response.headers
    for name, values in {
        "x-content-type-options": {"nosniff"},
        "referrer-policy": {"no-referrer"},
        "cross-origin-resource-policy": {"same-origin", "cross-origin"},
    }.items():
        assert len(headers.get_list(name)) == 1, (response.url, name)
        assert headers[name] in values, (response.url, name)
    (policy,) = headers.get_list("content-security-policy")
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert len(headers.get_list("cache-control")) == 1
    assert len(headers.get_list("x-request-id")) == 1
    assert "server" not in headers
    if headers.get("content-type", "").startswith(("application/json", "application/problem")):
        assert headers["cache-control"] == "no-store"
        assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.fixture
async def client(memory_world: MemoryWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(application_on(memory_world)) as client:
        yield client


def every_route() -> list[tuple[str, str]]:
    """Read the application's own route table, with something for each of its parameters."""
    version = Site().version
    return sorted(
        (
            method,
            route.path_format.replace("{ticket_id}", "1")
            .replace("{version}", version)
            .replace("{name}", "tickets.css")
            .replace("{path}", "nothing"),
        )
        for route in application_on(MemoryWorld()).routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods
    )


@pytest.mark.parametrize(("method", "path"), every_route())
@pytest.mark.parametrize("caller", ["nobody", "somebody"])
async def test_every_route_answers_with_them(
    client: httpx.AsyncClient, memory_world: MemoryWorld, method: str, path: str, caller: str
) -> None:
    token = await memory_world.token(await memory_world.user())
    await memory_world.ticket(1)
    headers = ADMIN if "/admin" in path else {"Authorization": f"Bearer {token}"}

    response = await client.request(method, path, headers=headers if caller == "somebody" else {})

    assert response.status_code < 500
    check(response)


async def test_the_table_has_the_routes_that_matter() -> None:
    paths = {path for _method, path in every_route()}

    assert {
        API,
        f"{API}/1",
        f"{API}/admin/1",
        "/account",
        "/schema",
        "/health/live",
        "/metrics",
    } <= paths
    assert any(path.startswith("/static/") for path in paths)


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/nothing/here", {}, 404),
        ("GET", "/static/any/nothing.js", {}, 404),
        ("GET", "/schema/nothing", {}, 404),
        ("DELETE", API, {}, 405),
        ("GET", f"{API}/admin/not-a-number", {"headers": ADMIN}, 400),
        ("GET", f"{API}/admin/99", {"headers": ADMIN}, 404),
        ("GET", f"{API}/admin/all?limit=x", {"headers": ADMIN}, 400),
        ("GET", API, {"headers": {"Host": "a b"}}, 400),
        ("POST", f"{API}/admin/1/reply", {"headers": ADMIN, "content": b"x" * 100_000}, 413),
        ("POST", f"{API}/admin/1/reply", {"headers": ADMIN, "data": {"a": "b"}}, 415),
        ("POST", f"{API}/admin/1/reply", {"headers": ADMIN, "content": b"{"}, 400),
    ],
)
async def test_errors_answer_with_them(
    client: httpx.AsyncClient, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    response = await client.request(method, path, **more)

    assert response.status_code == status, response.text
    check(response)


async def test_a_page_that_has_not_changed_and_a_redirect_carry_them(
    client: httpx.AsyncClient,
) -> None:
    etag = (await client.get("/account")).headers["ETag"]
    unchanged = await client.get("/account", headers={"If-None-Match": etag})
    redirect = await client.get("/admin/")

    assert (unchanged.status_code, redirect.status_code) == (304, 302)
    check(unchanged)
    check(redirect)


@pytest.mark.parametrize(
    ("error", "status"), [(StoreUnavailable(), 503), (ZeroDivisionError("a defect"), 500)]
)
async def test_failures_carry_them(
    memory_world: MemoryWorld, error: Exception, status: int
) -> None:
    token = await memory_world.token(await memory_world.user())
    memory_world.tickets = Failing(error)  # type: ignore[assignment] # as much of the port as this needs
    async with client_of(application_on(memory_world)) as client:
        headers = {"Authorization": f"Bearer {token}"}
        response = await client.post(API, headers=headers, json=FORM)

    assert response.status_code == status
    check(response)


async def test_a_defect_in_the_handling_of_errors_is_a_500_with_all_that_belongs_to_it(
    memory_world: MemoryWorld, caplog: pytest.LogCaptureFixture
) -> None:
    app = application_on(memory_world)
    app.asgi_handler = _raising

    async with client_of(app) as client:
        response = await client.get(API)

    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["request_id"] == response.headers["X-Request-ID"]
    check(response)
    assert "beyond every handler" in caplog.text


async def _raising(*_: object) -> None:
    raise RuntimeError("beyond every handler")


async def test_pages_keep_policies_of_their_own(client: httpx.AsyncClient) -> None:
    for path in PAGES:
        headers = (await client.get(path)).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-cache"
        assert "camera=()" in headers["permissions-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"
    docs = (await client.get("/schema")).headers
    assert "script-src 'self'" in docs["content-security-policy"]
    assert "camera=()" in docs["permissions-policy"]


async def test_embedding_goes_on_working(memory_world: MemoryWorld) -> None:
    world = memory_world
    app = create_app(
        service=world.service,
        views=world.views,
        token_lookup=world.token_lookup,
        admin_tokens=ADMIN_TOKENS,
        readiness=world.ready,
        frame_ancestors=["https://host.test"],
        cors_origins=["https://host.test"],
    )
    assert isinstance(app, InstrumentedLitestar)
    origin = {"Origin": "https://host.test"}
    async with client_of(app) as client:
        code = await client.get("/static/tickets.js", headers=origin)
        page = await client.get("/account")
        call = await client.get(f"{API}/admin/unread", headers=ADMIN | origin)
        asked = await client.options(
            API,
            headers=origin
            | {
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "x-request-id",
            },
        )

    assert code.headers["cross-origin-resource-policy"] == "cross-origin"
    # in the frame of a page that is isolated
    assert page.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "frame-ancestors https://host.test" in page.headers["content-security-policy"]
    # what is asked of a call is CORS, and a page may read the request's id
    assert call.headers["access-control-allow-origin"] == "https://host.test"
    assert "x-request-id" in call.headers["access-control-expose-headers"].lower()
    assert asked.status_code == 204
    for response in (code, call, asked):
        check(response)
