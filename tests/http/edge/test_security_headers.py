"""Security headers: on every response of every route, and on every error."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute

from tests.http.conftest import (
    ADMIN_TOKENS,
    API,
    application_on,
    client_of,
    shared_application_on,
)
from tests.http.problems import problem, response_to
from tests.http.routes import with_id
from tests.world import MemoryWorld
from tickets.adapters.http.dashboards.files import Site
from tickets.domain.errors import StoreUnavailable

ADMIN = {"X-Admin-Token": ADMIN_TOKENS[0]}

PAGES = {"/account", "/admin"}


def assert_security_headers(response: httpx.Response) -> None:
    """Assert that a response has every security header exactly once."""
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
        allowed = {"private, no-cache"} if "etag" in headers else {"no-store"}
        assert headers["cache-control"] in allowed
        assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.fixture
async def client(memory_world: MemoryWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(shared_application_on(memory_world)) as client:
        yield client


def every_route() -> list[tuple[str, str]]:
    """Read the application's own route table, with a value for each parameter."""
    version = Site().version
    return sorted(
        (
            method,
            with_id(route.path_format, 1)
            .replace("{version}", version)
            .replace("{name}", "tickets.css")
            .replace("{path}", "nothing"),
        )
        for route in shared_application_on(MemoryWorld()).routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods
    )


@pytest.mark.parametrize(("method", "path"), every_route())
@pytest.mark.parametrize("caller", ["anonymous", "signed in"])
async def test_every_route_has_the_security_headers(
    client: httpx.AsyncClient, memory_world: MemoryWorld, method: str, path: str, caller: str
) -> None:
    token = await memory_world.token(await memory_world.user())
    await memory_world.ticket(1)
    headers = ADMIN if "/admin" in path else {"Authorization": f"Bearer {token}"}

    response = await client.request(method, path, headers=headers if caller == "signed in" else {})

    assert response.status_code < 500
    assert_security_headers(response)


async def test_the_route_table_has_all_kinds_of_routes() -> None:
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
async def test_client_errors_have_the_security_headers(
    client: httpx.AsyncClient, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    response = await client.request(method, path, **more)

    assert response.status_code == status, response.text
    assert_security_headers(response)


async def test_a_304_and_a_redirect_have_the_security_headers(
    client: httpx.AsyncClient,
) -> None:
    etag = (await client.get("/account")).headers["ETag"]
    unchanged = await client.get("/account", headers={"If-None-Match": etag})
    redirect = await client.get("/admin/")

    assert (unchanged.status_code, redirect.status_code) == (304, 302)
    assert_security_headers(unchanged)
    assert_security_headers(redirect)


@pytest.mark.parametrize(
    ("error", "status"), [(StoreUnavailable(), 503), (ZeroDivisionError("a bug"), 500)]
)
async def test_server_errors_have_the_security_headers(
    memory_world: MemoryWorld, error: Exception, status: int
) -> None:
    response = await response_to(error, memory_world)

    assert response.status_code == status
    assert_security_headers(response)


async def test_an_exception_outside_of_all_handlers_is_a_500_with_the_security_headers(
    memory_world: MemoryWorld, caplog: pytest.LogCaptureFixture
) -> None:
    app = application_on(memory_world)
    app.asgi_handler = _raising

    async with client_of(app) as client:
        response = await client.get(API)

    assert problem(response, 500)["request_id"] == response.headers["X-Request-ID"]
    assert_security_headers(response)
    assert "unhandled exception while responding" in caplog.text
    assert "beyond every handler" in caplog.text


async def _raising(*_: object) -> None:
    raise RuntimeError("beyond every handler")


async def test_pages_set_security_headers_of_their_own(client: httpx.AsyncClient) -> None:
    for path in PAGES:
        headers = (await client.get(path)).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-cache"
        assert "camera=()" in headers["permissions-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"
    docs = (await client.get("/schema")).headers
    assert "script-src 'self'" in docs["content-security-policy"]
    assert "camera=()" in docs["permissions-policy"]


async def test_security_headers_allow_embedding_by_the_configured_origins(
    memory_world: MemoryWorld,
) -> None:
    host = ["https://host.test"]
    app = application_on(memory_world, frame_ancestors=host, cors_origins=host)
    origin = {"Origin": "https://host.test"}
    async with client_of(app) as client:
        code = await client.get("/static/tickets.js", headers=origin)
        page = await client.get("/account")
        call = await client.get(f"{API}/admin/unread", headers=ADMIN | origin)
        preflight = await client.options(
            API,
            headers=origin
            | {
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "x-request-id",
            },
        )

    assert code.headers["cross-origin-resource-policy"] == "cross-origin"
    # for a frame in a page that is cross-origin isolated
    assert page.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "frame-ancestors https://host.test" in page.headers["content-security-policy"]
    # calls are subject to CORS; a page may read the request id
    assert call.headers["access-control-allow-origin"] == "https://host.test"
    assert "x-request-id" in call.headers["access-control-expose-headers"].lower()
    assert preflight.status_code == 204
    for response in (code, call, preflight):
        assert_security_headers(response)
