"""People at their dashboards, and everything that goes wrong on a page while they are there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    ViewportSize,
)

from tests.http.conftest import Caller

PATIENCE = 10_000
"""Milliseconds after which what should be there counts as missing, on a machine with much to do."""

POLL = 30_000
"""Milliseconds between two looks at what is unread, as section 7 has it."""

WIDE: ViewportSize = {"width": 1280, "height": 800}
NARROW: ViewportSize = {"width": 320, "height": 640}

# The browser's own note of an answer that is an error: for the tests that provoke one.
FAILED_REQUEST = r"Failed to load resource"

NOTICE_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""

HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  Object.defineProperty(document, "visibilityState", {
    value: hidden ? "hidden" : "visible", configurable: true
  });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""What puts the tab behind another one, and back: `evaluate(HIDE, arg=True)`."""


@dataclass
class Person:
    """Somebody who is at a dashboard, and may call the API beside it."""

    path: str
    token: str
    calls: Caller

    async def unread(self) -> int:
        """Return what the API has as this person's badge."""
        side = "/admin" if self.path == "admin" else ""
        count: int = (await self.calls.get(f"{side}/unread")).json()["unread"]
        return count


class Contexts:
    """Browser contexts; a plain one is handed on, emptied, since a new one costs as much as a test."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._idle: list[BrowserContext] = []

    async def plain(self) -> BrowserContext:
        """Return a context with nothing in it but what its cache has of the code."""
        return self._idle.pop() if self._idle else await self.new()

    async def new(self, **more: Any) -> BrowserContext:
        """Return a context with settings of its own."""
        settings = {"viewport": WIDE, "locale": "en-GB", "timezone_id": "Europe/Berlin"}
        context = await self._browser.new_context(**settings | more)
        context.set_default_timeout(PATIENCE)
        await context.add_init_script(NOTICE_VIOLATIONS)
        return context

    async def empty(self, context: BrowserContext, root: str) -> None:
        """Take a plain context back; where that is not certain to leave nothing in it, close it.

        One page stays, which shows nothing: a page that opens beside it needs no process of its own.
        """
        stored = next((page for page in context.pages if page.url.startswith(root)), None)
        if not stored:
            return await context.close()
        for page in context.pages:
            if page is not stored:
                await page.close()
        await stored.unroute_all()
        await stored.goto(f"{root}/health/live")
        await stored.evaluate("localStorage.clear(), sessionStorage.clear()")
        self._idle.append(context)
        return None


class Visits:
    """Opens pages for people, each in a browser context of its own, and watches all of them."""

    def __init__(self, contexts: Contexts, root: str) -> None:
        self.root = root
        self.origins = {root}
        """Whom pages may speak to: the service, and a host platform where a test has one."""
        self.requests: list[Request] = []
        self.troubles: list[str] = []
        self._forgiven: list[str] = []
        self._tokens: set[str] = set()
        self._contexts = contexts
        self._plain: list[BrowserContext] = []
        self._special: list[BrowserContext] = []

    async def __call__(
        self,
        person: Person,
        route: str = "",
        *,
        clock: bool = False,
        beside: Page | None = None,
        **more: Any,
    ) -> Page:
        """Return a page on which the person is signed in, at a route such as `#/new`.

        `clock` lets the test move the page's clock; `beside` opens another tab beside a page; the
        rest are settings of the browser context.
        """
        page = await self.stranger(clock=clock, beside=beside, **more)
        if clock:
            await page.clock.install()
        await self.sign_in(page, person)
        if route:
            await page.goto(f"{self.root}/{person.path}{route}")
        return page

    async def sign_in(self, page: Page, person: Person) -> None:
        """Follow the link that signs a person in."""
        self.guard(person.token)
        await page.goto(f"{self.root}/{person.path}#token={person.token}")
        await page.get_by_role("button", name="Sign out").wait_for()

    async def stranger(
        self,
        *,
        clock: bool = False,
        beside: Page | None = None,
        viewport: ViewportSize | None = None,
        reduced_motion: Literal["reduce", "no-preference"] | None = None,
        **more: Any,
    ) -> Page:
        """Return an empty page on which nobody is signed in."""
        if beside is not None:
            context = beside.context
        elif clock or more:
            context = await self._contexts.new(**more)
            self._special.append(context)
        else:
            context = await self._contexts.plain()
            self._plain.append(context)
        page = await context.new_page()
        self._watch(page)
        if viewport:
            await page.set_viewport_size(viewport)
        if reduced_motion:
            await page.emulate_media(reduced_motion=reduced_motion)
        return page

    def guard(self, token: str) -> None:
        """Count it as trouble when this token shows in an address."""
        self._tokens.add(token)

    def forgive(self, *patterns: str) -> None:
        """Let troubles that match be: the test provokes them."""
        self._forgiven.extend(patterns)

    def unforgiven(self) -> Sequence[str]:
        """Return what went wrong, and was not forgiven."""
        return [
            trouble
            for trouble in self.troubles
            if not any(re.search(pattern, trouble) for pattern in self._forgiven)
        ]

    async def close(self) -> None:
        """Close all pages."""
        while self._special:
            await self._special.pop().close()
        while self._plain:
            context = self._plain.pop()
            if self.origins == {self.root}:
                await self._contexts.empty(context, self.root)
            else:
                await context.close()

    def _watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self._note(f"error: {error.stack or error}"))
        page.on("console", self._heard)
        page.on("dialog", self._interrupted)
        page.on("request", self._requested)
        page.on("crash", lambda _: self._note("a page crashed"))
        page.on("popup", self._watch)

    def _note(self, trouble: str) -> None:
        self.troubles.append(trouble)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._note(f"console {message.type}: {message.text}")

    async def _interrupted(self, dialog: Dialog) -> None:
        self._note(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def _requested(self, request: Request) -> None:
        self.requests.append(request)
        address, referrer = request.url, request.headers.get("referer", "")
        if any(token in address + referrer for token in self._tokens):
            self._note(f"a token in an address: {address} from {referrer}")
        if request.method in {"POST", "PUT"} and "idempotency-key" not in request.headers:
            self._note(f"a request that may take effect twice: {request.method} {address}")
        scheme, netloc, *_ = urlsplit(address)
        if f"{scheme}://{netloc}" not in self.origins:
            self._note(f"a request to somebody else: {address}")


async def half_a_minute(page: Page) -> None:
    """Let the page's clock go on to its next look at what is new."""
    await page.clock.fast_forward(POLL)


class Held:
    """Requests that are held back on their way, for a test that looks at the page meanwhile."""

    def __init__(self) -> None:
        self.count = 0
        self._free = asyncio.Event()
        self._came = asyncio.Event()

    async def __call__(self, route: Any) -> None:
        self.count += 1
        self._came.set()
        await self._free.wait()
        await route.continue_()

    async def arrival(self) -> None:
        """Wait until one is on its way."""
        await asyncio.wait_for(self._came.wait(), PATIENCE / 1000)

    def release(self) -> None:
        """Let all of them go on, and those to come."""
        self._free.set()
