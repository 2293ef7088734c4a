"""Mount prefixes: every address is right, whether the prefix was stripped from the path or not."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote, urljoin

import httpx
import pytest

from tests.http.conftest import API, NEW_TICKET, Caller, shared_application_on
from tests.world import World
from tickets.adapters.http.edge.mounting import HOST_SCOPE, TRUSTED_PEER, own_scope

PREFIXES = ["/helpdesk", "/a/b", "/hilfe%20und/gr%C3%BC%C3%9Fe", "/api"]

ORIGIN = "https://www.example.com"


class Mounted:
    """A host that mounts the application, in one of the ways that there are."""

    def __init__(self, app: Any, prefix: str, way: str) -> None:
        self._app = app
        self._prefix = prefix
        self._way = way

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        prefix = self._prefix
        scope = dict(scope)
        if self._way == "root_path":
            scope["root_path"] = unquote(prefix)
        elif self._way == "root_path, stripped":
            scope["root_path"] = unquote(prefix)
            self._strip(scope)
        elif self._way == "proxy":
            scope[TRUSTED_PEER] = True
            scope["headers"] = [*scope["headers"], (b"x-forwarded-prefix", prefix.encode())]
        elif self._way == "proxy, stripped":
            scope[TRUSTED_PEER] = True
            scope["headers"] = [*scope["headers"], (b"x-forwarded-prefix", prefix.encode())]
            self._strip(scope)
        elif self._way == "proxy before a host":
            outer, inner = "/outer", prefix.removeprefix("/outer")
            scope[TRUSTED_PEER] = True
            scope["headers"] = [*scope["headers"], (b"x-forwarded-prefix", outer.encode())]
            scope["root_path"] = unquote(inner)
            scope["path"] = scope["path"].removeprefix(outer)
        await self._app(scope, receive, send)

    def _strip(self, scope: Any) -> None:
        scope["path"] = scope["path"].removeprefix(unquote(self._prefix)) or "/"
        scope["raw_path"] = scope["raw_path"].removeprefix(self._prefix.encode()) or b"/"


WAYS = ["root_path", "root_path, stripped", "proxy", "proxy, stripped"]


@pytest.fixture(params=[(way, prefix) for way in WAYS for prefix in PREFIXES], ids=str)
def mounted(request: pytest.FixtureRequest, memory_world: World) -> tuple[Mounted, str]:
    way, prefix = request.param
    return Mounted(shared_application_on(memory_world), prefix, way), prefix


def client_of(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN)


async def headers_of(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {await world.token(await world.user())}"}


async def test_redirects_keep_the_prefix_and_drop_the_query(mounted: tuple[Mounted, str]) -> None:
    app, prefix = mounted
    async with client_of(app) as client:
        for path in ("", "/", "/account/"):
            response = await client.get(f"{prefix}{path}?token=sent-by-mistake")
            assert response.status_code == 302
            target = urljoin(f"{ORIGIN}{prefix}{path}", response.headers["location"])
            assert target == f"{ORIGIN}{prefix}/account"
            assert (await client.get(target)).status_code == 200


async def test_a_ticket_is_opened_and_read_at_its_location(
    mounted: tuple[Mounted, str], memory_world: World
) -> None:
    app, prefix = mounted
    headers = await headers_of(memory_world)
    async with client_of(app) as client:
        address = f"{ORIGIN}{prefix}{API}"
        opened = await client.post(address, json=NEW_TICKET, headers=headers)
        assert opened.status_code == 201, opened.text
        location = urljoin(address, opened.headers["location"])

        assert location.startswith(f"{address}/")
        read = await client.get(location, headers=headers)
        assert read.json()["ticket"]["subject"] == NEW_TICKET["subject"]


async def test_pages_their_assets_and_the_api_document_are_found(
    mounted: tuple[Mounted, str],
) -> None:
    app, prefix = mounted
    async with client_of(app) as client:
        page = f"{ORIGIN}{prefix}/account"
        response = await client.get(page)
        links = [link.split(">")[0].strip(" <") for link in response.headers["link"].split(",")]
        for link in links[:3]:
            assert (await client.get(urljoin(page, link))).status_code == 200

        document = f"{ORIGIN}{prefix}/schema/openapi.json"
        server = (await client.get(document)).json()["servers"][0]["url"]
        assert urljoin(document, server) == f"{ORIGIN}{prefix}/"
        for slash in ("", "/"):
            ui = f"{ORIGIN}{prefix}/schema{slash}"
            html = (await client.get(ui)).text
            script = html.split('script src="')[1].split('"')[0]
            assert (await client.get(urljoin(ui, script))).status_code == 200


async def test_a_proxys_prefix_comes_before_that_of_the_host(memory_world: World) -> None:
    app = Mounted(shared_application_on(memory_world), "/outer/inner", "proxy before a host")
    async with client_of(app) as client:
        response = await client.get("/outer/inner/")
    assert response.headers["location"] == "/outer/inner/account"


HOSTILE = [
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "evil",
    '/"><script>',
    "/a/../b",
    "/a/%2e%2e/b",
    "/a%2fb",
    "/%0d%0aSet-Cookie:x=1",
    "/%00",
    "/%ff",
    "/a//b",
    "/" + "x" * 5000,
    "/a, /b",
]


@pytest.mark.parametrize("prefix", HOSTILE, ids=lambda prefix: prefix[:20])
async def test_a_hostile_prefix_of_a_trusted_proxy_is_ignored(
    memory_world: World, prefix: str
) -> None:
    app = Mounted(shared_application_on(memory_world), prefix, "proxy")
    async with client_of(app) as client:
        for path in ("/", "/account/", "/account", "/schema/openapi.json"):
            response = await client.get(path)
            assert response.status_code in (200, 302)
            assert prefix not in response.text
            assert "evil" not in f"{response.text}{response.headers}"
            if response.status_code == 302:
                assert response.headers["location"] in ("account", "../account")


async def test_two_prefixes_are_ignored(memory_world: World) -> None:
    app = shared_application_on(memory_world)

    async def trusted(scope: Any, receive: Any, send: Any) -> None:
        await app(scope | {TRUSTED_PEER: True}, receive, send)

    async with client_of(trusted) as client:
        headers = [("X-Forwarded-Prefix", "/a"), ("X-Forwarded-Prefix", "/b")]
        assert (await client.get("/", headers=headers)).headers["location"] == "account"


async def test_an_untrusted_peers_prefix_is_ignored(memory_world: World) -> None:
    async with client_of(shared_application_on(memory_world)) as client:
        response = await client.get("/", headers={"X-Forwarded-Prefix": "/a"})
    assert response.headers["location"] == "account"


@pytest.mark.parametrize("path", ["/supporting/account", "/support.account", "/other"])
async def test_a_path_beside_the_mount_is_not_ours(memory_world: World, path: str) -> None:
    app = Mounted(shared_application_on(memory_world), "/support", "root_path")
    async with client_of(app) as client:
        assert (await client.get(path)).status_code == 404


def test_the_scope_has_nothing_of_the_hosts_and_leaves_the_hosts_alone() -> None:
    host = {
        "type": "http",
        "path": "/support/ä b",
        "root_path": "/support",
        "query_string": b"",
        "headers": [],
        "state": {"theirs": 1},
        "session": {"id": 1},
        "user": "somebody",
        "app": object(),
    }
    before = {**host, "state": {"theirs": 1}}

    own = own_scope(host)

    assert own["state"] == {}
    assert not {"session", "user", "app"} & set(own)
    assert own[HOST_SCOPE] is host
    assert own["raw_path"].decode() == quote("/support/ä b")
    own["state"]["ours"] = 2
    assert host == before


async def test_a_mounted_application_leaves_the_callers_scope_unchanged(
    memory_world: World, user: Caller
) -> None:
    app, seen = shared_application_on(memory_world), []

    async def host(scope: Any, receive: Any, send: Any) -> None:
        keys = set(scope)
        await app(scope, receive, send)
        seen.append(set(scope) - keys)

    async with client_of(host) as client:
        await client.get(f"{API}/unread", headers=user.headers)
    assert seen == [set()]
