"""The dashboards' files: how they are cached, compressed and guarded, and that they stay small."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.http.conftest import API, application_on
from tests.world import MemoryWorld
from tickets.adapters.http.dashboards.files import FOLDER, Site, compact

PAGES = ["account", "admin"]
BUDGET = 60 * 1024
MODULES = sorted(FOLDER.rglob("*.js"))


def client_of(**settings: Any) -> httpx.AsyncClient:
    application: Any = application_on(MemoryWorld(), **settings)
    # outside of the client's own habit of asking for gzip
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(application),
        base_url="http://tickets.test",
        headers={"Accept-Encoding": "identity"},
    )


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of() as client:
        yield client


def code_of(page: httpx.Response) -> list[str]:
    """Return the addresses of all that a page loads."""
    announced = re.findall(r"<([^>]+)>; rel=", page.headers["Link"])
    return re.findall(r'(?:href|src)="([^"]+)"', page.text) + announced


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_allows_its_own_code_and_nothing_else(
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


async def test_who_may_frame_the_pages_is_a_setting() -> None:
    async with client_of(frame_ancestors=["https://a.test", "https://*.b.test"]) as client:
        response = await client.get("/account")

    assert (
        "; frame-ancestors https://a.test https://*.b.test;"
        in response.headers["Content-Security-Policy"]
    )


@pytest.mark.parametrize("page", PAGES)
async def test_every_address_in_a_page_is_relative_and_there(
    client: httpx.AsyncClient, page: str
) -> None:
    response = await client.get(f"/{page}")

    addresses = code_of(response)
    assert len(addresses) > 20
    for address in addresses:
        assert address.startswith("static/")
        assert (await client.get(f"/{address}")).status_code == 200


@pytest.mark.parametrize("page", PAGES)
async def test_all_that_a_page_loads_is_small_and_kept_for_good(
    client: httpx.AsyncClient, page: str
) -> None:
    response = await client.get(f"/{page}")
    files = [await client.get(f"/{address}") for address in code_of(response)]

    assert len(response.content) + sum(len(file.content) for file in files) < BUDGET
    assert response.headers["Cache-Control"] == "no-cache"
    for file in files:
        assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert file.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_file_under_another_version_is_not_kept(client: httpx.AsyncClient) -> None:
    response = await client.get("/static/000000000000/page.js")

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "name", ["nothing.js", "../site.py", "%2e%2e/%2e%2e/settings.py", "package.json", "admin.html"]
)
async def test_nothing_but_code_is_served(client: httpx.AsyncClient, name: str) -> None:
    response = await client.get(f"/static/{Site().version}/{name}")

    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("application/problem+json")


async def test_files_are_compressed_for_who_takes_that(client: httpx.AsyncClient) -> None:
    plain = await client.get("/static/any/tickets.css")
    request = client.build_request(
        "GET", "/static/any/tickets.css", headers={"Accept-Encoding": "gzip, br"}
    )
    response = await client.send(request, stream=True)
    raw = b"".join([chunk async for chunk in response.aiter_raw()])

    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(raw) == plain.content
    assert "Content-Encoding" not in plain.headers


async def test_a_page_that_has_not_changed_is_not_sent_again(client: httpx.AsyncClient) -> None:
    etag = (await client.get("/account")).headers["ETag"]

    response = await client.get("/account", headers={"If-None-Match": f'"other", {etag}'})

    assert response.status_code == 304
    assert response.content == b""


async def test_the_root_leads_to_the_account_wherever_it_is(client: httpx.AsyncClient) -> None:
    assert (await client.get("/")).headers["Location"] == "account"
    assert (await client.get("/admin/")).headers["Location"] == "../admin"


async def test_a_host_page_of_any_origin_may_load_the_elements(client: httpx.AsyncClient) -> None:
    entry = await client.get("/static/tickets.js")

    assert entry.headers["Access-Control-Allow-Origin"] == "*"
    assert entry.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert entry.headers["Cache-Control"] == "no-cache"
    assert f"./{Site().version}/tickets.js" in entry.text


async def test_only_pages_of_the_origins_in_the_setting_may_call_the_api() -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,x-admin-token",
    }
    async with client_of(cors_origins=["https://host.test"]) as client:
        allowed = await client.options(API, headers={"Origin": "https://host.test", **asked})
        refused = await client.options(API, headers={"Origin": "https://evil.test", **asked})
        problem = await client.get(f"{API}/unread", headers={"Origin": "https://host.test"})

    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://host.test"
    assert refused.status_code == 400
    assert problem.status_code == 401
    assert problem.headers["Access-Control-Allow-Origin"] == "https://host.test"


async def test_no_page_may_call_the_api_without_the_setting(client: httpx.AsyncClient) -> None:
    response = await client.get(f"{API}/unread", headers={"Origin": "https://host.test"})

    assert "Access-Control-Allow-Origin" not in response.headers


def test_the_version_changes_with_any_file(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    before = Site(tmp_path).version
    sheet = tmp_path / "css" / "list.css"
    sheet.write_text(sheet.read_text() + "\n")

    assert Site(FOLDER).version == before
    assert Site(tmp_path).version != before


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_what_is_sent_of_a_module_does_what_the_module_does(module: Path, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node to read JavaScript")
    sent = tmp_path / "sent.mjs"
    sent.write_text(compact(module.read_text(), ".js"))
    source = tmp_path / "source.mjs"
    source.write_text(module.read_text())

    for file in (sent, source):
        subprocess.run([node, "--check", file], check=True, capture_output=True)
    assert words(sent.read_text()) == words(
        re.sub(r"(?ms)^\s*(//.*?|/\*.*?\*/)$", "", source.read_text())
    )


def words(source: str) -> list[str]:
    """Return strings and templates as they are, and all the rest without spaces and what may end a list."""
    parts = re.split(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`]*`)""", source)
    parts[::2] = [re.sub(r"[;,](?=[})\]])", "", "".join(part.split())) for part in parts[::2]]
    return parts


def test_a_module_keeps_to_what_makes_it_safe_to_shorten() -> None:
    for module in MODULES:
        code = re.sub(r"(?ms)^\s*(//.*?|/\*.*?\*/)$", "", module.read_text())
        assert not re.search(r"`[^`]*\$\{[^`}]*`", code), f"{module.name}: a template in a template"
        assert not re.search(r"\S[ \t]+//", code), f"{module.name}: a comment behind code"
        assert not re.search(r"\b(return|throw|break|continue)\n", code), (
            f"{module.name}: no semicolon"
        )
        for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert sink not in code, f"{module.name}: {sink}"
