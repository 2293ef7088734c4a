"""The nginx block of docs/embedding.md, run by a real nginx in front of a real service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from tests.databases import new_database
from tests.http.conftest import ADMIN_TOKENS, API, NEW_TICKET
from tests.http.edge import nginx
from tests.http.serving import as_a_command
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.database import Database


@pytest.fixture
async def proxied(postgres_url: str, migrated_template: str) -> AsyncIterator[Proxied]:
    async with new_database(postgres_url, migrated_template) as url:
        async with Database(url, pool_size=1).open() as database:
            world = PostgresWorld(database)
            token = await world.token(await world.user("mara@example.com"))
        with as_a_command(url, TICKETS_TRUSTED_PROXIES="127.0.0.1") as service:
            host, port = service.address
            with nginx.running(f"{host}:{port}") as public_port:
                root = f"https://{nginx.HOST}:{public_port}"
                async with httpx.AsyncClient(verify=nginx.UNVERIFIED, trust_env=False) as client:
                    yield Proxied(client, root, public_port, token)


class Proxied:
    """The service behind nginx, called as its host's name without a resolver."""

    def __init__(self, client: httpx.AsyncClient, root: str, port: str, token: str) -> None:
        self._client = client
        self._port = port
        self.root = root
        self.user = {"Authorization": f"Bearer {token}"}

    async def call(self, method: str, address: str, **options: Any) -> httpx.Response:
        url = httpx.URL(urljoin(self.root, address))
        headers = {"Host": f"{url.host}:{url.port}"}
        headers |= options.pop("headers", {})
        return await self._client.request(
            method,
            url.copy_with(host="127.0.0.1"),
            headers=headers,
            extensions={"sni_hostname": url.host},
            **options,
        )


async def test_pages_redirects_and_addresses_work_behind_the_documented_nginx(
    proxied: Proxied,
) -> None:
    bare = await proxied.call("GET", "/helpdesk?a=b")
    assert (bare.status_code, bare.headers["location"]) == (308, "/helpdesk/?a=b")
    for path in ("/helpdesk/?a=b", "/helpdesk/account/?a=b"):
        home = await proxied.call("GET", path)
        assert (home.status_code, home.headers["location"]) == (302, "/helpdesk/account")

    page = await proxied.call("GET", "/helpdesk/account")
    assert page.status_code == 200
    assert page.headers["strict-transport-security"]
    module = page.headers["link"].split(">")[0].removeprefix("<")
    assert (await proxied.call("GET", urljoin("/helpdesk/account", module))).status_code == 200

    document = (await proxied.call("GET", "/helpdesk/schema/openapi.json")).json()
    assert urljoin("/helpdesk/schema/openapi.json", document["servers"][0]["url"]) == "/helpdesk/"

    address = f"/helpdesk{API}"
    opened = await proxied.call("POST", address, json=NEW_TICKET, headers=proxied.user)
    assert opened.status_code == 201, opened.text
    location = urljoin(address, opened.headers["location"])
    assert location.startswith(f"{address}/")
    assert (await proxied.call("GET", location, headers=proxied.user)).status_code == 200


async def test_metrics_are_closed_and_errors_pass_through(proxied: Proxied) -> None:
    for path in ("metrics", "metrics/", "%6detrics", "/metrics", "x/../metrics", "metrics?x"):
        response = await proxied.call("GET", f"/helpdesk/{path}")
        assert response.status_code == 404, path
        assert "tickets_" not in response.text

    large = await proxied.call(
        "POST",
        f"/helpdesk{API}",
        content=b" " * 70_000,
        headers=proxied.user | {"Content-Type": "application/json"},
    )
    assert (large.status_code, large.json()["status"]) == (413, 413)

    admin = {"X-Admin-Token": ADMIN_TOKENS[0]}
    assert (await proxied.call("GET", f"/helpdesk{API}/admin/stats", headers=admin)).json()
