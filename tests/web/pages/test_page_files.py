"""The pages' files in a browser: size budget, caching, security headers, no inline code."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Response, expect

import tickets
from tests.web.site import Site
from tests.web.views import heading, rows
from tests.web.visits import Visits

WEB = Path(tickets.__file__).parent / "web"
BUDGET = 90 * 1024
"""Compressed bytes of one page with all the code that it loads."""

# All ways to parse text as HTML or to run it as code.
SINKS = re.compile(
    r"""innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|parseHTMLUnsafe
    |createContextualFragment|srcdoc|document\.write|DOMParser|trustedTypes|setAttribute\(["']on
    |\beval\b|new\ Function|\bFunction\(|set(Timeout|Interval)\(["'`]|javascript:""",
    re.VERBOSE,
)


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_all_the_code_that_a_page_ever_loads_stays_below_the_budget_when_compressed(
    site: Site, visit: Visits, path: str
) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="The one")
    page = await visit.signed_out(clock=True)
    loaded: list[Response] = []
    page.on("response", lambda response: loaded.append(response))
    await visit.sign_in(page, mara if path == "account" else site.admin)
    await expect(rows(page)).to_have_count(1)
    # visit all views: code that only one of them loads counts too
    await rows(page).get_by_role("link").click()
    await expect(heading(page, "The one")).to_be_visible()
    await page.goto(f"{site.root}/{path}#/new")
    # a browser without a user interface does not load the icon by itself
    await page.evaluate("fetch(document.querySelector('link[rel=icon]').href)")

    code = [response for response in loaded if "/api/" not in response.url]
    # bytes on the wire: compressed, unlike `response.body()`
    sizes: dict[str, int] = {}
    for response in code:
        size = (await response.request.sizes())["responseBodySize"]
        # 0 when it came from the cache, as on the second page load
        sizes[response.url] = max(size, sizes.get(response.url, 0))

    assert all(sizes.values()), sizes
    assert sum(sizes.values()) < BUDGET, sizes
    assert {response.status for response in code} == {200}
    kinds = {response.headers["content-type"].partition(";")[0] for response in code}
    assert kinds == {"text/html", "text/css", "text/javascript", "image/svg+xml"}


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_second_page_load_takes_all_code_from_the_cache(
    site: Site, visit: Visits, path: str
) -> None:
    person = await site.user() if path == "account" else site.admin
    page = await visit(person)
    heads = {
        url: dict(httpx.get(url, trust_env=False).headers)
        for request in visit.requests
        if "/static/" in (url := request.url)
    }

    assert len(heads) > 10
    for head in heads.values():
        assert head["cache-control"] == "public, max-age=31536000, immutable"
        assert head["x-content-type-options"] == "nosniff"
        assert head["content-encoding"] == "gzip"
    fetched: list[Response] = []
    page.on("response", lambda response: fetched.append(response))
    await page.goto("about:blank")
    await page.goto(f"{site.root}/{path}")
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    sent = [one.url for one in fetched if "/static/" in one.url and not await from_cache(one)]
    assert sent == []


async def from_cache(response: Response) -> bool:
    """Return whether the response came from the browser's cache."""
    sizes = await response.request.sizes()
    return sizes["responseHeadersSize"] <= 0 or sizes["responseBodySize"] <= 0


@pytest.mark.parametrize("path", ["account", "admin"])
def test_a_page_has_strict_security_headers(service: str, path: str) -> None:
    response = httpx.get(f"{service}/{path}", trust_env=False)

    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    for weak in ("unsafe", "*", "data:", "blob:", "http:", "https:"):
        assert weak not in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "form-action 'none'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["content-encoding"] == "gzip"
    assert (
        httpx.get(
            f"{service}/{path}",
            headers={"If-None-Match": response.headers["etag"]},
            trust_env=False,
        ).status_code
        == 304
    )


def test_no_code_parses_text_as_html_or_runs_it() -> None:
    sources = [path for path in WEB.rglob("*") if path.suffix in (".js", ".html", ".svg")]
    assert len(sources) > 20

    found = [
        f"{path.relative_to(WEB)}: {match[0]}"
        for path in sources
        for match in SINKS.finditer(path.read_text("utf-8"))
    ]

    assert found == []


def test_no_page_has_inline_code_or_styles() -> None:
    for page in WEB.glob("*.html"):
        source = page.read_text("utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", source), page.name
        assert not re.search(r"""(src|href)=["'](https?:)?//""", source), page.name


def test_no_file_refers_to_another_origin() -> None:
    for path in WEB.rglob("*"):
        if path.suffix not in (".js", ".css"):
            continue
        for address in re.findall(r"https?://[^\s\"')]+", path.read_text("utf-8")):
            assert address.startswith("http://www.w3.org/"), f"{path.name}: {address}"
