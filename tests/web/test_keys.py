"""The admins' keys: j, k, Enter, r, / and ?."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.web.site import Site
from tests.web.views import heading, reply_box, status_filter, ticket_link
from tests.web.visits import Visits


async def three_tickets(site: Site, visit: Visits) -> Page:
    """Return the portal with First, Second and Third in the list."""
    mara = await site.user()
    for subject in ("Third", "Second", "First"):
        await site.ticket(mara, subject=subject)
    page = await visit(site.admin)
    await expect(ticket_link(page, "First")).to_be_visible()
    return page


async def test_j_and_k_go_through_the_list_and_enter_opens(site: Site, visit: Visits) -> None:
    page = await three_tickets(site, visit)

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
    # on from the ticket that is open
    await page.keyboard.press("j")
    await expect(ticket_link(page, "Third")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(heading(page, "Third")).to_be_focused()


async def test_r_goes_to_the_reply_box_where_there_is_one(site: Site, visit: Visits) -> None:
    page = await three_tickets(site, visit)
    await page.keyboard.press("r")
    await expect(reply_box(page)).to_be_hidden()
    await ticket_link(page, "First").click()
    await expect(heading(page, "First")).to_be_focused()

    await page.keyboard.press("r")

    await expect(reply_box(page)).to_be_focused()
    await expect(reply_box(page)).to_have_value("")


async def test_slash_goes_to_the_filters(site: Site, visit: Visits) -> None:
    page = await three_tickets(site, visit)

    await page.keyboard.press("/")

    await expect(status_filter(page)).to_be_focused()


async def test_question_mark_shows_the_keys(site: Site, visit: Visits) -> None:
    page = await three_tickets(site, visit)
    await ticket_link(page, "Second").focus()

    await page.keyboard.press("?")

    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(dialog).to_be_visible()
    for key in ("j", "k", "Enter", "r", "/", "?"):
        await expect(dialog.get_by_text(key, exact=True)).to_be_visible()
    await page.keyboard.press("j")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(ticket_link(page, "Second")).to_be_focused()


async def test_the_keys_are_shown_by_a_button_too(site: Site, visit: Visits) -> None:
    page = await three_tickets(site, visit)
    button = page.get_by_role("button", name="Keyboard shortcuts")

    await button.click()

    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_be_hidden()
    await expect(button).to_be_focused()


async def test_keys_are_letters_where_somebody_types(site: Site, visit: Visits) -> None:
    page = await three_tickets(site, visit)
    await ticket_link(page, "First").click()

    await reply_box(page).press_sequentially("jk r/?")

    await expect(reply_box(page)).to_have_value("jk r/?")
    await expect(reply_box(page)).to_be_focused()
    await expect(page.get_by_role("dialog")).to_be_hidden()


async def test_keys_of_the_browser_are_left_to_it(site: Site, visit: Visits) -> None:
    page = await three_tickets(site, visit)
    await ticket_link(page, "First").focus()

    for modifier in ("Control", "Alt", "Meta"):
        await page.keyboard.press(f"{modifier}+j")

    await expect(ticket_link(page, "First")).to_be_focused()


async def test_keys_can_be_turned_off_and_stay_off(site: Site, visit: Visits) -> None:
    page = await three_tickets(site, visit)
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
