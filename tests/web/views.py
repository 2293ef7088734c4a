"""Where things are on a dashboard, by role and label, as somebody finds them who cannot see it."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect


def rows(page: Page) -> Locator:
    """Return the tickets of the list."""
    return page.get_by_role("main").get_by_role("listitem").filter(has=page.get_by_role("link"))


def row(page: Page, subject: str) -> Locator:
    """Return the row of a ticket."""
    return rows(page).filter(has=page.get_by_role("link", name=subject))


def ticket_link(page: Page, subject: str) -> Locator:
    """Return what opens a ticket."""
    return page.get_by_role("main").get_by_role("link", name=subject)


def badge(page: Page, count: int) -> Locator:
    """Return the navigation's item as it is called with this many unread tickets."""
    name = f"Tickets {count} unread" if count else "Tickets"
    return page.get_by_role("navigation").get_by_role("link", name=name, exact=True)


def heading(page: Page, name: str) -> Locator:
    """Return a view's heading."""
    return page.get_by_role("heading", level=2, name=name, exact=True)


def messages(page: Page | Locator) -> Locator:
    """Return the bubbles and day separators of the thread."""
    return page.get_by_role("region", name="Messages").get_by_role("listitem")


def message(page: Page | Locator, text: str) -> Locator:
    """Return the bubble with this text."""
    return messages(page).filter(has_text=text)


def reply_box(page: Page) -> Locator:
    """Return where one types a reply."""
    return page.get_by_label("Your reply", exact=True)


def send_button(page: Page) -> Locator:
    """Return what sends the reply."""
    return page.get_by_role("button", name="Send reply")


def card(page: Page, label: str) -> Locator:
    """Return one of the admins' figures."""
    return page.get_by_role("main").get_by_role("button", name=re.compile(rf"^{label} \d"))


def voice(page: Page, text: str | re.Pattern[str]) -> Locator:
    """Return the last time that this was said to those who cannot see what happens."""
    return page.locator("[aria-live=polite] > p").filter(has_text=text).last


def status_filter(page: Page) -> Locator:
    """Return what narrows the list to one status."""
    return page.get_by_role("combobox", name="Filter by status", exact=True)


def status_of_ticket(page: Page) -> Locator:
    """Return the dropdown that moves the open ticket."""
    return page.get_by_role("combobox", name="Status", exact=True)


async def expect_subjects(page: Page, *subjects: str) -> None:
    """Expect these tickets in the list, in this order; unread ones begin with "Unread: "."""
    # the mark is there in any case, and hidden where it does not count
    texts = [re.compile(rf"^(Unread: )?{re.escape(s.removeprefix('Unread: '))}$") for s in subjects]
    await expect(rows(page).get_by_role("link")).to_have_text(texts)
    for subject in {subjects[0], subjects[-1]}:
        link = page.get_by_role("main").get_by_role("link", name=subject, exact=True)
        await expect(link).to_have_count(1)


async def choose(select: Locator, option: str) -> None:
    """Choose by label, as somebody does who has gone there."""
    await select.focus()
    await select.select_option(label=option)


async def type_ticket(
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
