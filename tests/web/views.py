"""Locators for the parts of a dashboard, by role and label, as assistive technology finds them."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect


def rows(page: Page) -> Locator:
    """Return the rows of the ticket list."""
    return page.get_by_role("main").get_by_role("listitem").filter(has=page.get_by_role("link"))


def row(page: Page, subject: str) -> Locator:
    """Return the row of a ticket."""
    return rows(page).filter(has=page.get_by_role("link", name=subject))


def ticket_link(page: Page, subject: str) -> Locator:
    """Return the link that opens a ticket."""
    return page.get_by_role("main").get_by_role("link", name=subject)


def badge(page: Page, count: int) -> Locator:
    """Return the navigation item with this unread count in its name."""
    name = f"Tickets {count} unread" if count else "Tickets"
    return page.get_by_role("navigation").get_by_role("link", name=name, exact=True)


def heading(page: Page, name: str) -> Locator:
    """Return a view's heading."""
    return page.get_by_role("heading", level=2, name=name, exact=True)


def messages(page: Page | Locator) -> Locator:
    """Return the messages and day separators of the thread."""
    return page.get_by_role("region", name="Messages").get_by_role("listitem")


def message(page: Page | Locator, text: str) -> Locator:
    """Return the message with this text."""
    return messages(page).filter(has_text=text)


def reply_box(page: Page) -> Locator:
    """Return the text box for a reply."""
    return page.get_by_label("Your reply", exact=True)


def send_button(page: Page) -> Locator:
    """Return the button that sends the reply."""
    return page.get_by_role("button", name="Send reply")


def card(page: Page, label: str) -> Locator:
    """Return one of the admins' figures, a button that filters."""
    return page.get_by_role("main").get_by_role("button", name=re.compile(rf"^{label} \d"))


def announcement(page: Page, text: str | re.Pattern[str]) -> Locator:
    """Return the latest announcement to screen readers with this text."""
    return page.locator("[aria-live=polite] > p").filter(has_text=text).last


def status_filter(page: Page) -> Locator:
    """Return the filter by status."""
    return page.get_by_role("combobox", name="Filter by status", exact=True)


def status_select(page: Page) -> Locator:
    """Return the select that changes the open ticket's status."""
    return page.get_by_role("combobox", name="Status", exact=True)


async def expect_subjects(page: Page, *subjects: str) -> None:
    """Expect these tickets in the list, in this order; "Unread: " is in front of unread ones."""
    # every row has the mark, hidden if the ticket is read
    texts = [re.compile(rf"^(Unread: )?{re.escape(s.removeprefix('Unread: '))}$") for s in subjects]
    await expect(rows(page).get_by_role("link")).to_have_text(texts)
    for subject in {subjects[0], subjects[-1]}:
        link = page.get_by_role("main").get_by_role("link", name=subject, exact=True)
        await expect(link).to_have_count(1)


async def choose(select: Locator, option: str) -> None:
    """Focus a select and choose an option by its label."""
    await select.focus()
    await select.select_option(label=option)


async def fill_in_ticket(
    page: Page,
    *,
    category: str = "Support",
    custom: str | None = None,
    subject: str = "The export stops",
    message: str = "It stops after a hundred rows.",
) -> None:
    """Fill in the form for a new ticket."""
    await choose(page.get_by_label("Category", exact=True), category)
    if custom is not None:
        await page.get_by_label("Custom category").fill(custom)
    await page.get_by_label("Subject").fill(subject)
    await page.get_by_label("Message", exact=True).fill(message)
