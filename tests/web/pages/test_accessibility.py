"""Accessibility: axe-core finds no violation on any view, in light, dark and at 320 pixels."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from playwright.async_api import Page, expect

from tests.web.site import Site
from tests.web.views import (
    choose,
    fill_in_ticket,
    heading,
    message,
    reply_box,
    rows,
    send_button,
    status_filter,
    status_select,
)
from tests.web.visits import FAILED_REQUEST, NARROW, WIDE, Visits, next_poll

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")

# axe-core adds inline styles, so these pages are opened without their Content-Security-Policy.
RUN_AXE = """async () => {
  const { violations } = await axe.run({ resultTypes: ["violations"], preload: false });
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`
  );
}"""

APPEARANCES: list[tuple[str, Any, Any]] = [
    ("light", "light", WIDE),
    ("dark", "dark", WIDE),
    ("320 pixels", "light", NARROW),
]


class AxeInspection:
    """Runs axe-core on one view after the other, and collects the violations."""

    def __init__(self, page: Page) -> None:
        self.found: dict[str, list[str]] = {}
        self._page = page

    async def view(self, name: str) -> None:
        """Check the current view in each appearance."""
        if not await self._page.evaluate("'axe' in window"):
            await self._page.evaluate(AXE)
        for look, scheme, size in APPEARANCES:
            await self._page.emulate_media(color_scheme=scheme)
            await self._page.set_viewport_size(size)
            violations = await self._page.evaluate(RUN_AXE)
            if violations:
                self.found[f"{name}, {look}"] = violations
        await self._page.emulate_media(color_scheme="light")
        await self._page.set_viewport_size(WIDE)


async def test_no_view_of_the_account_dashboard_violates_an_accessibility_rule(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    mara = await site.user()
    await site.ticket(mara, category="other", other_category="Press", status="in_progress")
    await site.ticket(mara, subject="Done", status="resolved")
    closed = await site.ticket(mara, subject="Settled", status="closed")
    ticket = await site.ticket(mara, "First answer.", "Second answer.", subject="Answered")
    page = await visit.signed_out(clock=True, reduced_motion="reduce", bypass_csp=True)
    await page.clock.install()
    inspect = AxeInspection(page)

    await page.goto(f"{site.root}/account")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("This token is unknown")).to_be_visible()
    await inspect.view("sign-in with an error")

    await visit.sign_in(page, mara)
    await expect(rows(page)).to_have_count(4)
    await inspect.view("list")
    await page.goto(f"{site.root}/account#/tickets?status=open")
    await site.change_status(ticket, "resolved")
    await next_poll(page)
    await expect(page.get_by_text("no tickets that are open")).to_be_visible()
    await inspect.view("empty list")
    await site.change_status(ticket, "open")

    await page.goto(f"{site.root}/account#/new")
    await expect(heading(page, "New ticket")).to_be_visible()
    await inspect.view("form")
    await fill_in_ticket(page, category="Other", subject="a" * 201, message="short")
    await page.get_by_role("button", name="Open ticket").click()
    await expect(page.get_by_text("at most 200 characters")).to_be_visible()
    await inspect.view("form with errors")

    await page.goto(f"{site.root}/account#/tickets/{ticket}")
    await expect(message(page, "Second answer.")).to_be_visible()
    await inspect.view("thread")
    await page.route("**/reply", lambda route: route.fulfill(status=503, body=""))
    await reply_box(page).fill("A reply")
    await send_button(page).click()
    await expect(page.get_by_role("alert").filter(has_text="went wrong")).to_be_visible()
    await inspect.view("thread with a reply that failed")
    await page.context.set_offline(True)
    await expect(page.get_by_text("You are offline.")).to_be_visible()
    await inspect.view("offline")
    await page.context.set_offline(False)

    await page.goto(f"{site.root}/account#/tickets/{closed}")
    await expect(page.get_by_text("This ticket is closed")).to_be_visible()
    await inspect.view("closed ticket")
    await page.goto(f"{site.root}/account#/tickets/{ticket}")
    await expect(reply_box(page)).to_have_value("A reply")
    await site.change_status(ticket, "closed")
    await next_poll(page)
    await expect(page.get_by_label("Your unsent reply")).to_be_visible()
    await inspect.view("closed ticket with an unsent reply")
    await page.goto(f"{site.root}/account#/tickets/999999999")
    await expect(page.get_by_text("There is no such ticket.")).to_be_visible()
    await inspect.view("missing ticket")

    await site.expire_tokens(mara)
    await next_poll(page)
    await expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
    await inspect.view("signed out in the middle")

    assert inspect.found == {}


async def test_no_view_of_the_admin_dashboard_violates_an_accessibility_rule(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    mara = await site.user()
    await site.ticket(mara, category="other", other_category="Press", status="in_progress")
    await site.ticket(mara, subject="Done", category="billing", status="resolved")
    closed = await site.ticket(mara, subject="Settled", status="closed")
    ticket = await site.ticket(mara, "An answer.", category="feature_suggestion")
    page = await visit.signed_out(clock=True, reduced_motion="reduce", bypass_csp=True)
    await page.clock.install()
    inspect = AxeInspection(page)

    await page.goto(f"{site.root}/admin")
    await expect(page.get_by_label("Access token")).to_be_visible()
    await inspect.view("sign-in")

    await visit.sign_in(page, site.admin)
    await expect(rows(page)).to_have_count(4)
    await inspect.view("list")
    await choose(status_filter(page), "Resolved")
    await choose(page.get_by_label("Category"), "Support")
    await expect(page.get_by_text("No tickets match these filters.")).to_be_visible()
    await inspect.view("empty list")
    await page.get_by_role("button", name="Keyboard shortcuts").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await inspect.view("keys")
    await page.keyboard.press("Escape")

    await page.goto(f"{site.root}/admin#/tickets/{ticket}")
    await expect(message(page, "An answer.")).to_be_visible()
    await inspect.view("thread")
    await page.route("**/status", lambda route: route.fulfill(status=503, body=""))
    await choose(status_select(page), "Resolved")
    await expect(page.get_by_role("alert").filter(has_text="went wrong")).to_be_visible()
    await inspect.view("thread with a move that failed")
    await page.goto(f"{site.root}/admin#/tickets/{closed}")
    await expect(page.get_by_text("This ticket is closed")).to_be_visible()
    await inspect.view("closed ticket")
    await page.goto(f"{site.root}/admin#/tickets/999999999")
    await expect(page.get_by_text("There is no such ticket.")).to_be_visible()
    await inspect.view("missing ticket")

    await page.route("**/api/**", lambda route: route.fulfill(status=401, json={}))
    await next_poll(page)
    await expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
    await inspect.view("signed out in the middle")

    assert inspect.found == {}


async def test_axe_core_finds_a_violation_that_the_test_adds(site: Site, visit: Visits) -> None:
    page = await visit(await site.user(), "#/new", bypass_csp=True)
    await page.get_by_label("Subject").evaluate(
        "box => { box.labels[0].remove(); box.style.color = '#eee' }"
    )
    inspect = AxeInspection(page)

    await inspect.view("form without a label")

    rules = {violation.split(":")[0] for found in inspect.found.values() for violation in found}
    assert "label" in rules
