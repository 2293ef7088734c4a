"""Keyboard shortcuts of the admin dashboard: j, k, Enter, r, u, / and ?."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.web.site import Site
from tests.web.views import (
    badge,
    choose,
    expect_subjects,
    heading,
    reply_box,
    row,
    status_filter,
    status_select,
    ticket_link,
)
from tests.web.visits import Visits, next_poll


async def open_three_tickets(site: Site, visit: Visits) -> Page:
    """Return the admin dashboard with the tickets First, Second and Third."""
    mara = await site.user()
    for subject in ("Third", "Second", "First"):
        await site.ticket(mara, subject=subject)
    page = await visit(site.admin)
    await expect(ticket_link(page, "First")).to_be_visible()
    return page


async def test_j_and_k_move_through_the_list_and_enter_opens_a_ticket(
    site: Site, visit: Visits
) -> None:
    page = await open_three_tickets(site, visit)

    for key, subject in (
        ("j", "First"),
        ("j", "Second"),
        ("j", "Third"),
        ("j", "Third"),
        ("k", "Second"),
        ("k", "First"),
        ("k", "First"),
        ("j", "Second"),
    ):
        await page.keyboard.press(key)
        await expect(ticket_link(page, subject)).to_be_focused()
    await page.keyboard.press("Enter")

    await expect(heading(page, "Second")).to_be_focused()
    # from the open ticket to the next one
    await page.keyboard.press("j")
    await expect(ticket_link(page, "Third")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(heading(page, "Third")).to_be_focused()


async def test_the_open_ticket_keeps_its_place_and_the_shortcuts_start_from_there(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    for subject in ("Third", "Second", "First"):
        await site.ticket(mara, subject=subject)
    page = await visit(site.admin, clock=True)
    await expect_subjects(page, "Unread: First", "Unread: Second", "Unread: Third")

    await ticket_link(page, "First").click()
    await expect(heading(page, "First")).to_be_focused()
    await expect(badge(page, 2)).to_be_visible()
    # the ticket was read, so the service lists it after the unread ones
    assert [kept["subject"] for kept in await site.list_tickets()] == ["Second", "Third", "First"]
    await expect_subjects(page, "First", "Unread: Second", "Unread: Third")
    await next_poll(page)
    await choose(status_select(page), "In progress")
    await expect(row(page, "First").get_by_text("In progress", exact=True)).to_be_visible()
    await expect_subjects(page, "First", "Unread: Second", "Unread: Third")

    await heading(page, "First").focus()
    await page.keyboard.press("j")
    await expect(ticket_link(page, "Second")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(heading(page, "Second")).to_be_focused()
    # the previous ticket stays under the pointer
    await expect_subjects(page, "First", "Second", "Unread: Third")
    await page.keyboard.press("k")
    await expect(ticket_link(page, "First")).to_be_focused()
    await next_poll(page)
    await expect_subjects(page, "Second", "Unread: Third", "First")
    await expect(ticket_link(page, "First")).to_be_focused()


async def test_a_ticket_that_no_longer_matches_the_filter_stays_while_it_is_open(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    for subject in ("Third", "Second", "First"):
        await site.ticket(mara, subject=subject)
    page = await visit(site.admin, "#/tickets?status=open")
    await ticket_link(page, "Second").click()
    await expect(heading(page, "Second")).to_be_focused()

    await choose(status_select(page), "Resolved")

    await expect(row(page, "Second").get_by_text("Resolved", exact=True)).to_be_visible()
    await expect_subjects(page, "Unread: First", "Second", "Unread: Third")
    await heading(page, "Second").focus()
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(heading(page, "Third")).to_be_focused()
    # a reader who leaves before the page has marked the ticket as read leaves it unread
    await expect_subjects(page, "Unread: First", "Second", "Third")
    await page.get_by_role("link", name="Back to tickets").click()
    await expect_subjects(page, "Unread: First", "Third")


async def test_r_focuses_the_reply_box_of_the_open_ticket(site: Site, visit: Visits) -> None:
    page = await open_three_tickets(site, visit)
    await page.keyboard.press("r")
    await expect(reply_box(page)).to_be_hidden()
    await ticket_link(page, "First").click()
    await expect(heading(page, "First")).to_be_focused()

    await page.keyboard.press("r")

    await expect(reply_box(page)).to_be_focused()
    await expect(reply_box(page)).to_have_value("")


async def test_slash_focuses_the_filters(site: Site, visit: Visits) -> None:
    page = await open_three_tickets(site, visit)

    await page.keyboard.press("/")

    await expect(status_filter(page)).to_be_focused()


async def test_question_mark_lists_the_shortcuts(site: Site, visit: Visits) -> None:
    page = await open_three_tickets(site, visit)
    await ticket_link(page, "Second").focus()

    await page.keyboard.press("?")

    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(dialog).to_be_visible()
    for key in ("j", "k", "Enter", "r", "u", "/", "?"):
        await expect(dialog.get_by_text(key, exact=True)).to_be_visible()
    await page.keyboard.press("j")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(ticket_link(page, "Second")).to_be_focused()


async def test_a_button_lists_the_shortcuts_too(site: Site, visit: Visits) -> None:
    page = await open_three_tickets(site, visit)
    button = page.get_by_role("button", name="Keyboard shortcuts")

    await button.click()

    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_be_hidden()
    await expect(button).to_be_focused()


async def test_shortcuts_are_off_in_text_fields(site: Site, visit: Visits) -> None:
    page = await open_three_tickets(site, visit)
    await ticket_link(page, "First").click()
    await expect(heading(page, "First")).to_be_focused()

    await reply_box(page).press_sequentially("jk r/?")

    await expect(reply_box(page)).to_have_value("jk r/?")
    await expect(reply_box(page)).to_be_focused()
    await expect(page.get_by_role("dialog")).to_be_hidden()


async def test_shortcuts_with_a_modifier_are_left_to_the_browser(site: Site, visit: Visits) -> None:
    page = await open_three_tickets(site, visit)
    await ticket_link(page, "First").focus()

    for modifier in ("Control", "Alt", "Meta"):
        await page.keyboard.press(f"{modifier}+j")

    await expect(ticket_link(page, "First")).to_be_focused()


async def test_shortcuts_can_be_turned_off_and_stay_off(site: Site, visit: Visits) -> None:
    page = await open_three_tickets(site, visit)
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    await page.keyboard.press("?")
    await dialog.get_by_label("Use these keys").uncheck()
    await dialog.get_by_role("button", name="Close").click()

    await page.reload()
    await expect(ticket_link(page, "First")).to_be_visible()
    await page.keyboard.press("j")
    await page.keyboard.press("?")

    await expect(dialog).to_be_hidden()
    await expect(ticket_link(page, "First")).not_to_be_focused()
    await page.get_by_role("button", name="Keyboard shortcuts").click()
    await dialog.get_by_label("Use these keys").check()
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    await expect(ticket_link(page, "First")).to_be_focused()
