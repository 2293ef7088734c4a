"""The dashboards' static files: caching, compression, security headers, and the size budget."""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.http.conftest import API, application_on, shared_application_on
from tests.world import MemoryWorld
from tickets.adapters.http.dashboards.files import FOLDER, Site
from tickets.adapters.http.dashboards.text_limits_module import (
    TEXT_LIMITS_MODULE,
    render_text_limits,
)
from tickets.domain.text_limits import (
    FIRST_MESSAGE,
    OTHER_CATEGORY,
    REPLY,
    SUBJECT,
    TextLimits,
)

PAGES = ["account", "admin"]
BUDGET = 90 * 1024
"""Compressed bytes of one page with all the code that it loads."""

SERVED = sorted(
    path.relative_to(FOLDER).as_posix()
    for path in FOLDER.rglob("*")
    if path.suffix in {".js", ".css", ".svg"}
)


def client_of(**settings: Any) -> httpx.AsyncClient:
    return client_on(application_on(MemoryWorld(), **settings))


def client_on(application: Any) -> httpx.AsyncClient:
    # without the client's default, which is gzip
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(application),
        base_url="http://tickets.test",
        headers={"Accept-Encoding": "identity"},
    )


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_on(shared_application_on(MemoryWorld())) as client:
        yield client


def code_of(page: httpx.Response) -> list[str]:
    """Return the addresses of all that a page loads."""
    announced = re.findall(r"<([^>]+)>; rel=", page.headers["Link"])
    return re.findall(r'(?:href|src)="([^"]+)"', page.text) + announced


async def receive(
    client: httpx.AsyncClient, path: str, encoding: str
) -> tuple[httpx.Headers, bytes]:
    """Return headers and body as they travel, for a client that accepts this encoding."""
    request = client.build_request("GET", path, headers={"Accept-Encoding": encoding})
    response = await client.send(request, stream=True)
    return response.headers, b"".join([chunk async for chunk in response.aiter_raw()])


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_allows_code_of_its_own_origin_only(
    client: httpx.AsyncClient, page: str
) -> None:
    response = await client.get(f"/{page}")

    policy = dict(
        rule.split(" ", 1) for rule in response.headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "style=" not in response.text
    assert not re.search(r"<script(?![^>]* src=)", response.text)


async def test_only_the_configured_origins_may_frame_the_pages() -> None:
    async with client_of(frame_ancestors=["https://a.test", "https://*.b.test"]) as client:
        response = await client.get("/account")

    assert (
        "; frame-ancestors https://a.test https://*.b.test;"
        in response.headers["Content-Security-Policy"]
    )


@pytest.mark.parametrize("page", PAGES)
async def test_every_address_in_a_page_is_relative_and_exists(
    client: httpx.AsyncClient, page: str
) -> None:
    response = await client.get(f"/{page}")

    addresses = code_of(response)
    assert len(addresses) > 20
    for address in addresses:
        assert address.startswith("static/")
        assert (await client.get(f"/{address}")).status_code == 200


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_and_its_code_stay_below_the_budget_when_compressed(
    client: httpx.AsyncClient, page: str
) -> None:
    response = await client.get(f"/{page}")

    sizes = {
        address: len((await receive(client, f"/{address}", "gzip"))[1])
        for address in [page, *code_of(response)]
    }

    assert sum(sizes.values()) < BUDGET, sizes


@pytest.mark.parametrize("page", PAGES)
async def test_the_code_of_a_page_is_cached_for_a_year_and_the_page_is_revalidated(
    client: httpx.AsyncClient, page: str
) -> None:
    response = await client.get(f"/{page}")

    assert response.headers["Cache-Control"] == "no-cache"
    for address in code_of(response):
        file = await client.get(f"/{address}")
        assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert file.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", SERVED)
async def test_the_served_bytes_are_the_bytes_of_the_source(
    client: httpx.AsyncClient, name: str
) -> None:
    source = (FOLDER / name).read_bytes()

    plain, identity = await receive(client, f"/static/any/{name}", "identity")
    compressed, body = await receive(client, f"/static/any/{name}", "gzip")

    assert "Content-Encoding" not in plain
    assert identity == source
    assert compressed["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == source


async def test_a_file_under_another_version_is_not_cached(client: httpx.AsyncClient) -> None:
    response = await client.get("/static/000000000000/page.js")

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "name", ["nothing.js", "../site.py", "%2e%2e/%2e%2e/settings.py", "package.json", "admin.html"]
)
async def test_other_files_are_not_served(client: httpx.AsyncClient, name: str) -> None:
    response = await client.get(f"/static/{Site().version}/{name}")

    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("application/problem+json")


async def test_the_encoding_is_negotiated_and_vary_says_so(client: httpx.AsyncClient) -> None:
    for accepted, encoding in [("gzip, br", "gzip"), ("br", None), ("identity", None)]:
        headers, _ = await receive(client, "/static/any/tickets.css", accepted)

        assert headers.get("Content-Encoding") == encoding
        assert headers["Vary"] == "Accept-Encoding"


async def test_an_unchanged_page_is_a_304(client: httpx.AsyncClient) -> None:
    etag = (await client.get("/account")).headers["ETag"]

    response = await client.get("/account", headers={"If-None-Match": f'"other", {etag}'})

    assert response.status_code == 304
    assert response.content == b""


async def test_the_root_redirects_to_the_account_by_a_relative_address(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.get("/")).headers["Location"] == "account"
    assert (await client.get("/admin/")).headers["Location"] == "../admin"


async def test_a_host_page_of_any_origin_may_load_the_elements(client: httpx.AsyncClient) -> None:
    entry = await client.get("/static/tickets.js")

    assert entry.headers["Access-Control-Allow-Origin"] == "*"
    assert entry.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert entry.headers["Cache-Control"] == "no-cache"
    assert f"./{Site().version}/tickets.js" in entry.text


async def test_only_pages_of_the_configured_origins_may_call_the_api() -> None:
    wanted = "authorization,content-type,idempotency-key,x-admin-token"
    preflight = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": wanted,
    }
    async with client_of(cors_origins=["https://host.test"]) as client:
        allowed = await client.options(API, headers={"Origin": "https://host.test", **preflight})
        refused = await client.options(API, headers={"Origin": "https://evil.test", **preflight})
        problem = await client.get(f"{API}/unread", headers={"Origin": "https://host.test"})

    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://host.test"
    assert refused.status_code == 400
    assert problem.status_code == 401
    assert problem.headers["Access-Control-Allow-Origin"] == "https://host.test"


async def test_without_cors_origins_no_other_page_may_call_the_api(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get(f"{API}/unread", headers={"Origin": "https://host.test"})

    assert "Access-Control-Allow-Origin" not in response.headers


def test_the_version_changes_with_any_file(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    before = Site(tmp_path).version
    sheet = tmp_path / "css" / "list.css"
    sheet.write_text(sheet.read_text() + "\n")

    assert Site(FOLDER).version == before
    assert Site(tmp_path).version != before


def test_the_checked_in_text_limits_are_those_of_the_domain() -> None:
    copy = (FOLDER / TEXT_LIMITS_MODULE).read_text("utf-8")

    assert copy == render_text_limits(), "run `uv run just docs`"


async def test_pages_get_the_text_limits_of_the_domain(client: httpx.AsyncClient) -> None:
    module = (await client.get(f"/static/any/{TEXT_LIMITS_MODULE}")).text
    rule = r"(\w+): \{ minLength: (\d+), maxLength: (\d+), multiline: (true|false) \}"
    rules = re.findall(rule, module)

    assert {
        name: TextLimits(int(shortest), int(longest), multiline == "true")
        for name, shortest, longest, multiline in rules
    } == {
        "subject": SUBJECT,
        "firstMessage": FIRST_MESSAGE,
        "reply": REPLY,
        "otherCategory": OTHER_CATEGORY,
    }


async def test_the_openapi_document_states_the_text_limits_of_the_domain(
    client: httpx.AsyncClient,
) -> None:
    schemas = (await client.get("/schema/openapi.json")).json()["components"]["schemas"]
    ticket, reply = schemas["NewTicket"]["properties"], schemas["NewReply"]["properties"]

    for field, limits in [
        (ticket["subject"], SUBJECT),
        (ticket["message"], FIRST_MESSAGE),
        (reply["message"], REPLY),
    ]:
        assert field["minLength"] == limits.min_length
        assert field["maxLength"] == limits.max_length
    assert f"'maxLength': {OTHER_CATEGORY.max_length}" in str(ticket["other_category"])
