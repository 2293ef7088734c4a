"""What the fast path assumes about Litestar; `litestar_fast/README.md` says where and why."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from litestar import Litestar, Request, Router, get, post
from litestar.datastructures import State
from litestar.params import JSONBody, Parameter

from tests.http.conftest import ADMIN_TOKENS, API, application_on, client_of
from tests.http.exposition import values
from tests.http.problems import problem
from tests.world import MemoryWorld
from tickets.domain.errors import NotAuthenticated
from tickets.domain.people import Actor


async def test_path_template_is_in_the_scope_of_a_known_route_only(
    memory_world: MemoryWorld,
) -> None:
    async with client_of(application_on(memory_world)) as client:
        await client.get(f"{API}/admin/7", headers={"X-Admin-Token": ADMIN_TOKENS[0]})
        await client.get(f"{API}/admin/7")
        await client.get("/nothing/here")
        await client.delete(API)
        samples = values((await client.get("/metrics")).text)

    requests = {
        key[1:]: count for key, count in samples.items() if key[0] == "tickets_http_requests_total"
    }
    assert requests == {
        ("GET", f"{API}/admin/{{ticket_id}}", "404"): 1,
        ("GET", f"{API}/admin/{{ticket_id}}", "401"): 1,
        ("GET", "unmatched", "404"): 1,
        ("DELETE", "unmatched", "405"): 1,
    }


async def test_a_before_request_hook_runs_before_path_query_and_body_are_read(
    memory_world: MemoryWorld,
) -> None:
    app = application_on(memory_world)
    read: list[str] = []
    sent: list[Any] = []

    async def receive() -> Any:
        read.append("body")
        return {"type": "http.request", "body": b"nonsense", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {
        "type": "http",
        "method": "POST",
        "path": f"{API}/not-a-number/reply",
        "raw_path": f"{API}/not-a-number/reply".encode(),
        "query_string": b"limit=nonsense",
        "http_version": "1.1",
        "headers": [(b"content-type", b"text/plain")],
    }
    await app(scope, receive, send)

    assert sent[0]["status"] == 401
    assert read == []


async def test_request_user_is_what_the_hook_has_put_into_the_scope() -> None:
    async def hook(request: Request[Any, Any, Any]) -> None:
        request.scope["user"] = Actor.user(7)

    @get("/", before_request=hook)
    async def handler(request: Request[Actor, Any, Any]) -> int | None:
        return request.user.user_id

    async with client_of(Litestar([handler])) as client:
        assert (await client.get("/")).json() == 7


async def test_an_error_of_a_hook_reaches_the_exception_handlers(
    memory_world: MemoryWorld,
) -> None:
    async with client_of(application_on(memory_world)) as client:
        body = problem(await client.get(API), 401)

    assert body["type"] == f"urn:tickets:problem:{NotAuthenticated.code}"


async def test_hooks_and_state_are_not_copied_at_registration() -> None:
    class Lookup:
        calls = 0

    lookup = Lookup()

    async def hook(_request: Request[Any, Any, Any]) -> None:
        lookup.calls += 1

    @get("/")
    async def handler(request: Request[Any, Any, Any]) -> bool:
        return request.app.state.lookup is lookup

    router = Router("/", route_handlers=[handler], before_request=hook)
    app = Litestar([router], state=State({"lookup": lookup}, deep_copy=False))
    async with client_of(app) as client:
        assert (await client.get("/")).json() is True
    assert lookup.calls == 1


async def test_header_names_in_the_scope_are_lower_case_and_repeated_ones_are_kept() -> None:
    @post("/", status_code=200)
    async def handler(request: Request[Any, Any, Any]) -> list[str]:
        return [
            f"{name.decode()}={value.decode()}"
            for name, value in request.scope["headers"]
            if name.startswith(b"x-")
        ]

    async with client_of(Litestar([handler])) as client:
        response = await client.post("/", headers=[("X-A", "1"), ("x-a", "2"), ("X-B", "3")])

    assert response.json() == ["x-a=1", "x-a=2", "x-b=3"]


@pytest.mark.parametrize("limit", ["7", "7.0", "7e0"])
async def test_the_frameworks_own_integers_accept_other_notations(limit: str) -> None:
    """The reason for the type decoders in `api/parameters.py`; without it they can go."""

    @get("/")
    async def handler(limit: Annotated[int, Parameter()]) -> int:
        return limit

    async with client_of(Litestar([handler])) as client:
        assert (await client.get(f"/?limit={limit}")).json() == 7


async def test_a_body_is_read_once_and_cached_for_the_fingerprint() -> None:
    @post("/", status_code=200)
    async def handler(request: Request[Any, Any, Any], data: JSONBody[dict[str, int]]) -> bool:
        return await request.body() == b'{"a": 1}' and data == {"a": 1}

    async with client_of(Litestar([handler])) as client:
        response = await client.post(
            "/", content=b'{"a": 1}', headers={"Content-Type": "application/json"}
        )

    assert response.json() is True


async def test_the_framework_reports_a_disconnect_in_the_words_that_the_handler_expects(
    memory_world: MemoryWorld,
) -> None:
    """A changed message would turn such a 400 into a logged 500."""
    token = await memory_world.token(await memory_world.user())
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {
        "type": "http",
        "method": "POST",
        "path": API,
        "raw_path": API.encode(),
        "query_string": b"",
        "http_version": "1.1",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
    }
    await application_on(memory_world)(scope, receive, send)

    assert sent[0]["status"] == 400
