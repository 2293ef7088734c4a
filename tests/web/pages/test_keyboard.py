"""Keyboard operation and focus: everything works without a mouse, and the focus stays visible."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.web.site import Site
from tests.web.views import (
    expect_subjects,
    heading,
    message,
    messages,
    reply_box,
    row,
    rows,
    send_button,
    status_filter,
    status_select,
    ticket_link,
)
from tests.web.visits import Visits

MAX_STOPS = 60
"""More tab stops than any view has."""

DESCRIBE_FOCUS = """() => {
  const one = document.activeElement;
  if (one === document.body) return null;
  const { left, right, top, bottom } = one.getBoundingClientRect();
  const outlines = [null, "::after"].map((part) => getComputedStyle(one, part).outlineStyle);
  return {
    name: one.outerHTML.slice(0, 80),
    hasOutline: outlines.some((style) => style !== "none"),
    isInView: right > 0 && bottom > 0 && left < innerWidth && top < innerHeight,
  };
}"""


async def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press the key until the target has the focus."""
    for _ in range(MAX_STOPS):
        await page.keyboard.press(key)
        if await target.evaluate("one => one === document.activeElement"):
            return
    pytest.fail(f"{key} never leads to {target}")


async def test_a_user_opens_a_ticket_and_replies_by_keyboard(site: Site, visit: Visits) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="An older one")
    page = await visit(mara)
    await expect(rows(page)).to_have_count(1)

    await tab_to(page, page.get_by_role("link", name="New ticket"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Category", exact=True)).to_be_focused()
    for _ in range(3):
        await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Custom category")).to_be_focused()
    await page.keyboard.type("Press")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Subject")).to_be_focused()
    await page.keyboard.type("By keyboard")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Message", exact=True)).to_be_focused()
    await page.keyboard.type("Without a mouse.")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Open ticket")).to_be_focused()
    await page.keyboard.press("Enter")

    await expect(heading(page, "By keyboard")).to_be_focused()
    await tab_to(page, reply_box(page))
    await page.keyboard.type("One more thing.")
    await page.keyboard.press("Tab")
    await expect(send_button(page)).to_be_focused()
    await page.keyboard.press("Space")
    await expect(message(page, "One more thing.")).to_be_visible()
    await expect(reply_box(page)).to_be_focused()

    await tab_to(page, page.get_by_role("link", name="Back to tickets"), "Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(ticket_link(page, "By keyboard")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(ticket_link(page, "An older one")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(heading(page, "An older one")).to_be_focused()
    assert [kept["other_category"] for kept in await site.list_tickets()] == ["Press", None]


async def test_a_user_filters_and_signs_out_by_keyboard(site: Site, visit: Visits) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="Open still")
    await site.ticket(mara, subject="Settled", status="closed")
    page = await visit(mara)
    await expect(rows(page)).to_have_count(2)

    await tab_to(page, status_filter(page))
    await page.keyboard.press("End")
    await expect_subjects(page, "Settled")
    await expect(status_filter(page)).to_be_focused()
    await page.keyboard.press("Home")
    await expect(rows(page)).to_have_count(2)
    await tab_to(page, page.get_by_role("button", name="Sign out"), "Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Access token")).to_be_focused()
    await page.keyboard.insert_text(mara.token)
    await page.keyboard.press("Enter")

    await expect(rows(page)).to_have_count(2)
    await expect(heading(page, "Tickets")).to_be_focused()


async def test_an_admin_reads_a_ticket_replies_and_changes_its_status_by_keyboard(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, subject="To be resolved")
    page = await visit(site.admin)
    await expect(rows(page)).to_have_count(1)

    await tab_to(page, ticket_link(page, "To be resolved"))
    await page.keyboard.press("Enter")
    await expect(heading(page, "To be resolved")).to_be_focused()
    await page.keyboard.press("r")
    await page.keyboard.type("It is done.")
    await page.keyboard.press("Control+Enter")
    await expect(message(page, "It is done.")).to_be_visible()
    await tab_to(page, status_select(page), "Shift+Tab")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")

    await expect(row(page, "To be resolved").get_by_text("Resolved", exact=True)).to_be_visible()
    await expect(status_select(page)).to_be_focused()
    assert [kept["status"] for kept in await site.list_tickets()] == ["resolved"]
    assert len(await site.message_texts(ticket)) == 2


async def tab_stops(page: Page, key: str) -> list[dict[str, Any]]:
    """Press the key until the focus leaves the page; return its stops."""
    stops: list[dict[str, Any]] = []
    for _ in range(MAX_STOPS):
        await page.keyboard.press(key)
        stop = await page.evaluate(DESCRIBE_FOCUS)
        if stop is None:
            return stops
        stops.append(stop)
    raise AssertionError("the focus is trapped")


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_the_focus_is_visible_at_every_stop_and_is_never_trapped(
    site: Site, visit: Visits, path: str
) -> None:
    mara = await site.user()
    for subject in ("First", "Second"):
        ticket = await site.ticket(mara, subject=subject)
    page = await visit(mara if path == "account" else site.admin)
    await expect(rows(page)).to_have_count(2)

    for route in ("#/tickets", f"#/tickets/{ticket}", "#/new"):
        await page.goto(f"{site.root}/{path}{route}")
        await page.reload()
        await expect(page.get_by_role("main").get_by_role("heading").first).to_be_visible()
        if ticket_is_open := str(ticket) in route:
            await expect(reply_box(page)).to_be_visible()
            await expect(messages(page).last).to_be_visible()
        # a view may take the focus only after it was loaded
        await tab_stops(page, "Shift+Tab")
        stops = await tab_stops(page, "Tab")
        assert len(stops) >= (6 if ticket_is_open else 4)
        assert [one["name"] for one in stops if not one["hasOutline"]] == []
        assert [one["name"] for one in stops if not one["isInView"]] == []


async def test_the_focus_stays_in_a_dialog_and_returns_afterwards(
    site: Site, visit: Visits
) -> None:
    await site.ticket(await site.user(), subject="Behind the dialog")
    page = await visit(site.admin)
    await ticket_link(page, "Behind the dialog").focus()
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()

    for _ in range(6):
        await page.keyboard.press("Tab")
        outside = "() => !document.activeElement.closest('dialog, body')?.matches('dialog, body')"
        assert not await page.evaluate(outside)
        assert await page.evaluate(
            "() => [document.body, ...document.querySelectorAll('dialog, dialog *')]"
            ".includes(document.activeElement)"
        )
    await page.keyboard.press("Escape")

    await expect(ticket_link(page, "Behind the dialog")).to_be_focused()
