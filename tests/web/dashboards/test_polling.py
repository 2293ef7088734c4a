"""Polling: every 30 seconds, badge, list, figures and open ticket are brought up to date."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from tests.web.site import Site
from tests.web.views import (
    announcement,
    badge,
    expect_subjects,
    message,
    reply_box,
    row,
    status_select,
    ticket_link,
)
from tests.web.visits import POLL_INTERVAL, SET_HIDDEN, WIDE, Person, Visits, next_poll
from tests.world import START

UNREAD_REQUESTS = "**/unread"


async def api_requests(visit: Visits, page: Page) -> list[str]:
    """Return the requests that the page has sent to the API so far."""
    # its response comes after Playwright has reported all earlier requests
    await page.evaluate("fetch('health/live')")
    urls = [request.url for request in visit.requests if request.frame.page == page]
    return [url for url in urls if "/api/" in url]


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_the_unread_count_is_polled_every_thirty_seconds_and_not_sooner(
    site: Site, visit: Visits, path: str
) -> None:
    person = await site.user() if path == "account" else site.admin
    page = await visit.signed_out(clock=True)
    await page.clock.install(time=START)
    await page.clock.pause_at(START + timedelta(hours=1))
    async with page.expect_response(UNREAD_REQUESTS):
        await visit.sign_in(page, person)
    await expect(page.get_by_text("no tickets yet")).to_be_visible()

    for _ in range(3):
        before = await api_requests(visit, page)
        await page.clock.run_for(POLL_INTERVAL - 1)
        assert await api_requests(visit, page) == before
        async with page.expect_response(UNREAD_REQUESTS):
            await page.clock.run_for(1)


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_hidden_tab_does_not_poll_and_polls_at_once_when_it_is_visible(
    site: Site, visit: Visits, path: str
) -> None:
    mara = await site.user()
    person, other = (mara, site.admin) if path == "account" else (site.admin, mara)
    ticket = await site.ticket(mara)
    await site.admin.calls.get(f"/admin/{ticket}")
    async with (page := await visit.signed_out(clock=True)).expect_response(UNREAD_REQUESTS):
        await page.clock.install()
        await visit.sign_in(page, person)
    await expect(badge(page, 0)).to_be_visible()
    before = await api_requests(visit, page)

    await page.evaluate(SET_HIDDEN, arg=True)
    await page.clock.run_for(20 * POLL_INTERVAL)
    await site.reply(other, ticket, "While nobody looked.")
    assert await api_requests(visit, page) == before

    async with page.expect_response(UNREAD_REQUESTS):
        await page.evaluate(SET_HIDDEN, arg=False)
    await expect(badge(page, 1)).to_be_visible()
    # and then every 30 seconds again
    async with page.expect_response(UNREAD_REQUESTS):
        await next_poll(page)


async def test_a_message_raises_the_other_sides_badge_within_one_poll(
    site: Site, visit: Visits
) -> None:
    mara = await site.user("mara@example.com")
    await site.ticket(mara, subject="An old one")
    theirs = await visit(mara, clock=True)
    ours = await visit(site.admin, clock=True)
    await ticket_link(ours, "An old one").click()
    await expect(badge(ours, 0)).to_be_visible()
    await ours.get_by_role("link", name="Back to tickets").click()

    await theirs.get_by_role("link", name="New ticket").click()
    await theirs.get_by_label("Subject").fill("Is anybody there?")
    await theirs.get_by_label("Message", exact=True).fill("I have been waiting.")
    await theirs.get_by_role("button", name="Open ticket").click()
    await expect(message(theirs, "I have been waiting.")).to_be_visible()
    await theirs.get_by_role("link", name="Back to tickets").click()

    await next_poll(ours)
    await expect(badge(ours, 1)).to_be_visible()
    await expect(ours).to_have_title("(1) Tickets · Support admin")
    await expect(announcement(ours, "1 unread ticket")).to_be_attached()
    await expect_subjects(ours, "Unread: Is anybody there?", "An old one")

    await ticket_link(ours, "Is anybody there?").click()
    await reply_box(ours).fill("I am.")
    await reply_box(ours).press("Control+Enter")
    await expect(message(ours, "I am.")).to_be_visible()
    await expect(badge(ours, 0)).to_be_visible()
    await expect(ours).to_have_title("Is anybody there? · Support admin")

    await expect(badge(theirs, 0)).to_be_visible()
    await next_poll(theirs)
    await expect(badge(theirs, 1)).to_be_visible()
    await expect(theirs).to_have_title("(1) Tickets · Support")
    await expect_subjects(theirs, "Unread: Is anybody there?", "An old one")
    await expect(row(theirs, "Is anybody there?")).to_contain_text("I am.")

    await ticket_link(theirs, "Is anybody there?").click()
    await expect(message(theirs, "I am.")).to_be_visible()
    await expect(badge(theirs, 0)).to_be_visible()
    await expect(theirs).to_have_title("Is anybody there? · Support")


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_an_open_ticket_shows_new_messages_and_keeps_draft_and_focus(
    site: Site, visit: Visits, path: str
) -> None:
    mara = await site.user("mara@example.com")
    ticket = await site.ticket(mara)
    here, there = (mara, site.admin) if path == "account" else (site.admin, mara)
    page = await visit(here, f"#/tickets/{ticket}", clock=True)
    await reply_box(page).fill("Half a sentence")
    await reply_box(page).evaluate("box => box.setSelectionRange(4, 8)")
    await site.reply(there, ticket, "Something new.")

    await next_poll(page)

    await expect(message(page, "Something new.")).to_be_in_viewport()
    await expect(reply_box(page)).to_be_focused()
    await expect(reply_box(page)).to_have_value("Half a sentence")
    selection = "box => [box.selectionStart, box.selectionEnd]"
    assert await reply_box(page).evaluate(selection) == [4, 8]
    who = "Support" if path == "account" else "mara@example.com"
    said = f"1 new message from {who}: Something new."
    await expect(announcement(page, said)).to_be_attached()
    # the message was shown, so the ticket is read
    await expect(badge(page, 0)).to_be_visible()
    assert await here.unread() == 0


async def test_an_open_ticket_shows_a_new_status(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, subject="To be resolved")
    page = await visit(mara, f"#/tickets/{ticket}", clock=True)
    await expect(page.get_by_role("main").get_by_text("Open", exact=True).last).to_be_visible()
    await site.change_status(ticket, "resolved")

    await next_poll(page)

    facts = page.get_by_role("paragraph").filter(has_text=f"#{ticket}")
    await expect(facts.get_by_text("Resolved", exact=True)).to_be_visible()
    await expect(reply_box(page)).to_be_visible()


async def test_the_status_select_shows_the_change_of_another_admin(
    site: Site, visit: Visits
) -> None:
    ticket = await site.ticket(await site.user())
    page = await visit(site.admin, f"#/tickets/{ticket}", clock=True)
    await expect(status_select(page)).to_have_value("open")
    await site.change_status(ticket, "in_progress")

    await next_poll(page)

    await expect(status_select(page)).to_have_value("in_progress")


async def open_long_thread(site: Site, visit: Visits) -> tuple[Person, int, Page]:
    """Open a long thread scrolled to its middle; return its user, its ticket and the page."""
    mara = await site.user()
    ticket = await site.ticket(mara, *[f"Line {number}\n" * 3 for number in range(30)])
    page = await visit(mara, f"#/tickets/{ticket}", clock=True)
    await expect(message(page, "Line 29")).to_be_in_viewport()
    await message(page, "Line 9").evaluate("bubble => bubble.scrollIntoView()")
    await expect(message(page, "Line 29")).not_to_be_in_viewport()
    return mara, ticket, page


async def test_a_new_message_does_not_scroll_the_thread(site: Site, visit: Visits) -> None:
    _, ticket, page = await open_long_thread(site, visit)
    before = await message(page, "Line 9").bounding_box()
    await site.reply(site.admin, ticket, "News, far below.")

    await next_poll(page)

    offer = page.get_by_role("button", name="1 new message")
    await expect(offer).to_be_visible()
    assert await message(page, "Line 9").bounding_box() == before
    await offer.click()
    await expect(message(page, "News, far below.")).to_be_in_viewport()
    await expect(message(page, "News, far below.")).to_be_focused()
    await expect(offer).to_be_hidden()


async def test_the_button_for_several_new_messages_leads_to_the_first(
    site: Site, visit: Visits
) -> None:
    _, ticket, page = await open_long_thread(site, visit)
    await site.reply(site.admin, ticket, "The first of the news.\n" * 9)
    await next_poll(page)
    await expect(page.get_by_role("button", name="1 new message")).to_be_visible()
    await site.reply(site.admin, ticket, "The second of the news.\n" * 9)
    await next_poll(page)

    await page.get_by_role("button", name="2 new messages").click()

    await expect(message(page, "The first of the news.")).to_be_focused()
    await expect(message(page, "The first of the news.")).to_be_in_viewport()


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_new_ticket_in_the_list_moves_neither_focus_nor_scroll_position(
    site: Site, visit: Visits, path: str
) -> None:
    mara = await site.user()
    for number in range(30):
        await site.world.ticket(mara.calls.user_id, subject=f"Number {number:02}")
    person = mara if path == "account" else site.admin
    page = await visit(person, clock=True, viewport=WIDE | {"height": 640})
    await expect(ticket_link(page, "Number 00")).to_be_attached()
    await ticket_link(page, "Number 05").scroll_into_view_if_needed()
    await ticket_link(page, "Number 05").focus()
    # this waits until all of that is laid out; the page's own frames stop with its clock
    await page.screenshot()
    before = await ticket_link(page, "Number 05").bounding_box()
    await site.ticket(mara, subject="Pushed in at the top")

    await next_poll(page)

    await expect(ticket_link(page, "Pushed in at the top")).to_be_attached()
    await expect(ticket_link(page, "Number 05")).to_be_focused()
    # the browser anchors the scroll position with its next frame
    await page.screenshot()
    assert await ticket_link(page, "Number 05").bounding_box() == before


async def test_a_poll_keeps_the_rows_of_show_more(site: Site, visit: Visits) -> None:
    mara = await site.user()
    for number in range(60):
        await site.world.ticket(mara.calls.user_id, subject=f"Number {number:02}")
    page = await visit(mara, clock=True)
    await page.get_by_role("button", name="Show more").click()
    await expect(ticket_link(page, "Number 00")).to_be_attached()
    await site.ticket(mara, subject="The newest")

    await next_poll(page)

    await expect_subjects(
        page, "The newest", *[f"Number {number:02}" for number in reversed(range(60))]
    )


async def test_the_admins_figures_and_list_are_refreshed(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, subject="To be resolved")
    page = await visit(site.admin, clock=True)
    await expect(page.get_by_role("button", name="Resolved 0")).to_be_visible()
    await site.change_status(ticket, "resolved")
    await site.ticket(mara, category="billing", subject="Another")

    await next_poll(page)

    await expect(page.get_by_role("button", name="Resolved 1")).to_be_visible()
    await expect(page.get_by_role("button", name="Unread 2")).to_be_visible()
    await expect(row(page, "To be resolved").get_by_text("Resolved", exact=True)).to_be_visible()
    await expect(row(page, "Another")).to_be_visible()
    await expect(page.get_by_role("figure")).to_contain_text("Billing 1")


async def test_relative_times_are_refreshed(site: Site, visit: Visits) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="Going by")
    page = await visit(mara, clock=True)
    await expect(row(page, "Going by").get_by_role("time")).to_have_text("just now")

    await page.clock.fast_forward("05:30")

    await expect(row(page, "Going by").get_by_role("time")).to_have_text("5 min ago")
