"""The ticket list of the account dashboard: its rows, filter and paging."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.web.site import Site
from tests.web.views import (
    announcement,
    choose,
    expect_subjects,
    heading,
    row,
    rows,
    status_filter,
    ticket_link,
)
from tests.web.visits import Visits
from tests.world import ADMIN, START


async def test_a_row_shows_every_column(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.world.ticket(
        mara.calls.user_id, category="billing", subject="Charged twice"
    )
    await site.world.reply(ticket.id, ADMIN, "We are looking into it.")

    page = await visit(mara)

    charged = row(page, "Charged twice")
    await expect(charged.get_by_role("link", name="Unread: Charged twice")).to_be_visible()
    await expect(charged).to_contain_text("We are looking into it.")
    for column in ("Open", "Billing", "2 messages"):
        await expect(charged.get_by_text(column, exact=True)).to_be_visible()


async def test_only_unread_rows_have_a_dot(site: Site, visit: Visits) -> None:
    mara = await site.user()
    await site.ticket(mara, "An answer.", subject="Answered")
    await site.ticket(mara, subject="Waiting")

    page = await visit(mara)

    dot = "row => getComputedStyle(row, '::before').content !== 'none'"
    await expect(rows(page)).to_have_count(2)
    assert await row(page, "Answered").evaluate(dot)
    assert not await row(page, "Waiting").evaluate(dot)
    await expect(page.get_by_role("link", name="Waiting", exact=True)).to_be_visible()


async def test_times_are_relative_and_exact_in_the_tooltip(site: Site, visit: Visits) -> None:
    mara = await site.user()
    await site.world.ticket(mara.calls.user_id, subject="Some days old")
    page = await visit.signed_out(clock=True)
    await page.clock.install(time=START.replace(day=START.day + 3))

    await visit.sign_in(page, mara)

    time = row(page, "Some days old").get_by_role("time")
    await expect(time).to_have_text("3 days ago")
    await expect(time).to_have_attribute("title", "Tuesday, 3 February 2026 at 11:00:01")
    # no other element is above it, which would block the tooltip
    assert await time.evaluate(
        """time => {
          const { x, y, width, height } = time.getBoundingClientRect();
          return document.elementFromPoint(x + width / 2, y + height / 2) === time;
        }"""
    )


async def test_a_custom_category_is_shown_in_the_users_words(site: Site, visit: Visits) -> None:
    mara = await site.user()
    await site.ticket(mara, category="other", other_category="Press", subject="With a label")
    await site.ticket(mara, category="other", subject="Without one")

    page = await visit(mara)

    await expect(row(page, "With a label").get_by_text("Press", exact=True)).to_be_visible()
    await expect(row(page, "With a label").get_by_text("Other", exact=True)).to_be_hidden()
    await expect(row(page, "Without one").get_by_text("Other", exact=True)).to_be_visible()


async def test_the_latest_ticket_is_first_and_other_users_tickets_are_not_listed(
    site: Site, visit: Visits
) -> None:
    mara, tomasz = await site.user(), await site.user()
    older = await site.ticket(mara, subject="Older, but answered")
    await site.ticket(mara, subject="Newer")
    await site.ticket(tomasz, subject="Somebody else's")
    await site.reply(site.admin, older, "An answer.")

    page = await visit(mara)

    await expect_subjects(page, "Unread: Older, but answered", "Newer")


async def test_the_filter_shows_one_status_and_announces_the_count(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    for status in ("open", "in_progress", "resolved", "closed"):
        await site.ticket(mara, subject=f"This one is {status}", status=status)
    page = await visit(mara)
    await expect(rows(page)).to_have_count(4)

    for status in ("Open", "In progress", "Resolved", "Closed"):
        await choose(status_filter(page), status)
        await expect_subjects(page, f"This one is {status.lower().replace(' ', '_')}")
        await expect(status_filter(page)).to_be_focused()
        await expect(announcement(page, re.compile(r"^1 ticket$"))).to_be_attached()
    await choose(status_filter(page), "All statuses")
    await expect(rows(page)).to_have_count(4)
    await expect(announcement(page, re.compile(r"^4 tickets$"))).to_be_attached()


async def test_show_more_loads_the_rest_each_ticket_once(site: Site, visit: Visits) -> None:
    mara = await site.user()
    for number in range(53):
        await site.world.ticket(mara.calls.user_id, subject=f"Number {number:02}")
    page = await visit(mara)
    await expect(rows(page)).to_have_count(50)

    await page.get_by_role("button", name="Show more").click()

    await expect_subjects(page, *[f"Number {number:02}" for number in reversed(range(53))])
    await expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    # the button is gone, so the focus has moved to the first new row
    await expect(rows(page).nth(50).get_by_role("link")).to_be_focused()


async def test_there_is_no_show_more_button_for_fifty_tickets(site: Site, visit: Visits) -> None:
    mara = await site.user()
    for number in range(50):
        await site.world.ticket(mara.calls.user_id, subject=f"Number {number:02}")

    page = await visit(mara)

    await expect(rows(page)).to_have_count(50)
    await expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    await expect(heading(page, "Tickets")).to_be_visible()
    await expect(ticket_link(page, "Number 49")).to_be_visible()
