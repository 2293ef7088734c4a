"""Browser pages of people, and a watch that collects every problem on them."""

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

TIMEOUT = 30_000
"""Milliseconds to wait for something on a page, also on a busy machine."""

POLL_INTERVAL = 30_000
"""Milliseconds between two polls of the unread count (section 7)."""

WIDE: ViewportSize = {"width": 1280, "height": 800}
NARROW: ViewportSize = {"width": 320, "height": 640}

FAILED_REQUEST = r"Failed to load resource"
"""What the browser logs for a response with an error status."""

REPORT_POLICY_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""

SET_HIDDEN = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  Object.defineProperty(document, "visibilityState", {
    value: hidden ? "hidden" : "visible", configurable: true
  });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""Hides the tab, or shows it again: `evaluate(SET_HIDDEN, arg=True)`."""


@dataclass
class Person:
    """A user or an admin with a token, for the dashboard at `path` and for direct API calls."""

    path: str
    token: str
    calls: Caller

    async def unread(self) -> int:
        """Return this person's unread count from the API."""
        side = "/admin" if self.path == "admin" else ""
        count: int = (await self.calls.get(f"{side}/unread")).json()["unread"]
        return count


class Contexts:
    """A pool of browser contexts. A used one is emptied and reused: a new one costs a second."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._idle: list[BrowserContext] = []

    async def take(self) -> BrowserContext:
        """Return a context with default settings; its cache may hold the pages' code."""
        return self._idle.pop() if self._idle else await self.new()

    async def new(self, **more: Any) -> BrowserContext:
        """Return a new context with these settings."""
        settings = {"viewport": WIDE, "locale": "en-GB", "timezone_id": "Europe/Berlin"}
        context = await self._browser.new_context(**settings | more)
        context.set_default_timeout(TIMEOUT)
        await context.add_init_script(REPORT_POLICY_VIOLATIONS)
        return context

    async def give_back(self, context: BrowserContext, root: str) -> None:
        """Empty a context with default settings for reuse, or close it if that is not possible.

        One empty page stays open, so that the next page needs no new browser process.
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
    """Opens pages for people, each in a browser context of its own, and collects problems."""

    def __init__(self, contexts: Contexts, root: str) -> None:
        self.root = root
        self.origins = {root}
        """Origins that pages may send requests to: the service, and a test's host platform."""
        self.requests: list[Request] = []
        self.problems: list[str] = []
        self._allowed: list[str] = []
        self._tokens: set[str] = set()
        self._contexts = contexts
        self._default: list[BrowserContext] = []
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

        With `clock` the test controls the page's clock. `beside` opens the page as another tab
        beside an open one. The rest are settings of the browser context.
        """
        page = await self.signed_out(clock=clock, beside=beside, **more)
        if clock:
            await page.clock.install()
        await self.sign_in(page, person)
        if route:
            await page.goto(f"{self.root}/{person.path}{route}")
        return page

    async def sign_in(self, page: Page, person: Person) -> None:
        """Open the link that signs a person in."""
        self.watch_token(person.token)
        await page.goto(f"{self.root}/{person.path}#token={person.token}")
        await page.get_by_role("button", name="Sign out").wait_for()

    async def signed_out(
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
            context = await self._contexts.take()
            self._default.append(context)
        page = await context.new_page()
        self._watch(page)
        if viewport:
            await page.set_viewport_size(viewport)
        if reduced_motion:
            await page.emulate_media(reduced_motion=reduced_motion)
        return page

    def watch_token(self, token: str) -> None:
        """Report a problem if this token shows up in the address of a request."""
        self._tokens.add(token)

    def allow_problems(self, *patterns: str) -> None:
        """Allow problems that match: the test causes them."""
        self._allowed.extend(patterns)

    def unexpected_problems(self) -> Sequence[str]:
        """Return the problems that the test did not allow."""
        return [
            problem
            for problem in self.problems
            if not any(re.search(pattern, problem) for pattern in self._allowed)
        ]

    async def close(self) -> None:
        """Close all pages."""
        while self._special:
            await self._special.pop().close()
        while self._default:
            context = self._default.pop()
            if self.origins == {self.root}:
                await self._contexts.give_back(context, self.root)
            else:
                await context.close()

    def _watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self._report(f"error: {error.stack or error}"))
        page.on("console", self._check_console)
        page.on("dialog", self._check_dialog)
        page.on("request", self._check_request)
        page.on("crash", lambda _: self._report("a page crashed"))
        page.on("popup", self._watch)

    def _report(self, problem: str) -> None:
        self.problems.append(problem)

    def _check_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._report(f"console {message.type}: {message.text}")

    async def _check_dialog(self, dialog: Dialog) -> None:
        self._report(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def _check_request(self, request: Request) -> None:
        self.requests.append(request)
        address, referrer = request.url, request.headers.get("referer", "")
        if any(token in address + referrer for token in self._tokens):
            self._report(f"token in an address: {address} from {referrer}")
        if request.method in {"POST", "PUT"} and "idempotency-key" not in request.headers:
            self._report(f"write without an idempotency key: {request.method} {address}")
        scheme, netloc, *_ = urlsplit(address)
        if f"{scheme}://{netloc}" not in self.origins:
            self._report(f"request to a foreign origin: {address}")


async def next_poll(page: Page) -> None:
    """Advance the page's clock to its next poll."""
    await page.clock.fast_forward(POLL_INTERVAL)


class HeldRequests:
    """A Playwright route handler that holds requests back until the test releases them."""

    def __init__(self) -> None:
        self.count = 0
        self._released = asyncio.Event()
        self._arrived = asyncio.Event()

    async def __call__(self, route: Any) -> None:
        self.count += 1
        self._arrived.set()
        await self._released.wait()
        await route.continue_()

    async def wait_for_request(self) -> None:
        """Wait until the page has sent a request."""
        await asyncio.wait_for(self._arrived.wait(), TIMEOUT / 1000)

    def release(self) -> None:
        """Let all requests continue, later ones too."""
        self._released.set()
