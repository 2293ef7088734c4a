"""The 30 seconds between two looks at what is new, and what is open taking it up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from tests.web.site import Site
from tests.web.views import (
    badge,
    expect_subjects,
    message,
    reply_box,
    row,
    status_of_ticket,
    ticket_link,
    voice,
)
from tests.web.visits import HIDE, POLL, WIDE, Person, Visits, half_a_minute
from tests.world import START

BADGE = "**/unread"


async def asked(visit: Visits, page: Page) -> list[str]:
    """Return all that the page has asked the API for until now."""
    # what was asked for before this has been noticed when this is answered
    await page.evaluate("fetch('health/live')")
    urls = [request.url for request in visit.requests if request.frame.page == page]
    return [url for url in urls if "/api/" in url]


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_the_badge_is_asked_for_every_thirty_seconds_and_not_sooner(
    site: Site, visit: Visits, path: str
) -> None:
    person = await site.user() if path == "account" else site.admin
    page = await visit.stranger(clock=True)
    await page.clock.install(time=START)
    await page.clock.pause_at(START + timedelta(hours=1))
    async with page.expect_response(BADGE):
        await visit.sign_in(page, person)
    await expect(page.get_by_text("no tickets yet")).to_be_visible()

    for _ in range(3):
        before = await asked(visit, page)
        await page.clock.run_for(POLL - 1)
        assert await asked(visit, page) == before
        async with page.expect_response(BADGE):
            await page.clock.run_for(1)


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_hidden_tab_asks_for_nothing_and_at_once_when_it_comes_back(
    site: Site, visit: Visits, path: str
) -> None:
    mara = await site.user()
    person, other = (mara, site.admin) if path == "account" else (site.admin, mara)
    ticket = await site.ticket(mara)
    await site.admin.calls.get(f"/admin/{ticket}")
    async with (page := await visit.stranger(clock=True)).expect_response(BADGE):
        await page.clock.install()
        await visit.sign_in(page, person)
    await expect(badge(page, 0)).to_be_visible()
    before = await asked(visit, page)

    await page.evaluate(HIDE, arg=True)
    await page.clock.run_for(20 * POLL)
    await site.say(other, ticket, "While nobody looked.")
    assert await asked(visit, page) == before

    async with page.expect_response(BADGE):
        await page.evaluate(HIDE, arg=False)
    await expect(badge(page, 1)).to_be_visible()
    # and from then on again
    async with page.expect_response(BADGE):
        await half_a_minute(page)


async def test_what_a_user_writes_and_an_admin_answers_rises_at_the_other_within_one_poll(
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

    await half_a_minute(ours)
    await expect(badge(ours, 1)).to_be_visible()
    await expect(ours).to_have_title("(1) Tickets · Support admin")
    await expect(voice(ours, "1 unread ticket")).to_be_attached()
    await expect_subjects(ours, "Unread: Is anybody there?", "An old one")

    await ticket_link(ours, "Is anybody there?").click()
    await reply_box(ours).fill("I am.")
    await reply_box(ours).press("Control+Enter")
    await expect(message(ours, "I am.")).to_be_visible()
    await expect(badge(ours, 0)).to_be_visible()
    await expect(ours).to_have_title("Is anybody there? · Support admin")

    await expect(badge(theirs, 0)).to_be_visible()
    await half_a_minute(theirs)
    await expect(badge(theirs, 1)).to_be_visible()
    await expect(theirs).to_have_title("(1) Tickets · Support")
    await expect_subjects(theirs, "Unread: Is anybody there?", "An old one")
    await expect(row(theirs, "Is anybody there?")).to_contain_text("I am.")

    await ticket_link(theirs, "Is anybody there?").click()
    await expect(message(theirs, "I am.")).to_be_visible()
    await expect(badge(theirs, 0)).to_be_visible()
    await expect(theirs).to_have_title("Is anybody there? · Support")


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_an_open_thread_takes_up_a_message_and_leaves_draft_and_focus_alone(
    site: Site, visit: Visits, path: str
) -> None:
    mara = await site.user("mara@example.com")
    ticket = await site.ticket(mara)
    here, there = (mara, site.admin) if path == "account" else (site.admin, mara)
    page = await visit(here, f"#/tickets/{ticket}", clock=True)
    await reply_box(page).fill("Half a sentence")
    await reply_box(page).evaluate("box => box.setSelectionRange(4, 8)")
    await site.say(there, ticket, "Something new.")

    await half_a_minute(page)

    await expect(message(page, "Something new.")).to_be_in_viewport()
    await expect(reply_box(page)).to_be_focused()
    await expect(reply_box(page)).to_have_value("Half a sentence")
    selection = "box => [box.selectionStart, box.selectionEnd]"
    assert await reply_box(page).evaluate(selection) == [4, 8]
    who = "Support" if path == "account" else "mara@example.com"
    said = f"1 new message from {who}: Something new."
    await expect(voice(page, said)).to_be_attached()
    # it was seen, and so it is read
    await expect(badge(page, 0)).to_be_visible()
    assert await here.unread() == 0


async def test_an_open_thread_takes_up_the_status(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, subject="To be resolved")
    page = await visit(mara, f"#/tickets/{ticket}", clock=True)
    await expect(page.get_by_role("main").get_by_text("Open", exact=True).last).to_be_visible()
    await site.change_status(ticket, "resolved")

    await half_a_minute(page)

    facts = page.get_by_role("paragraph").filter(has_text=f"#{ticket}")
    await expect(facts.get_by_text("Resolved", exact=True)).to_be_visible()
    await expect(reply_box(page)).to_be_visible()


async def test_the_status_dropdown_follows_another_admin(site: Site, visit: Visits) -> None:
    ticket = await site.ticket(await site.user())
    page = await visit(site.admin, f"#/tickets/{ticket}", clock=True)
    await expect(status_of_ticket(page)).to_have_value("open")
    await site.change_status(ticket, "in_progress")

    await half_a_minute(page)

    await expect(status_of_ticket(page)).to_have_value("in_progress")


async def a_long_thread(site: Site, visit: Visits) -> tuple[Person, int, Page]:
    """Return who looks at the middle of a long thread, its ticket and the page."""
    mara = await site.user()
    ticket = await site.ticket(mara, *[f"Line {number}\n" * 3 for number in range(30)])
    page = await visit(mara, f"#/tickets/{ticket}", clock=True)
    await expect(message(page, "Line 29")).to_be_in_viewport()
    await message(page, "Line 9").evaluate("bubble => bubble.scrollIntoView()")
    await expect(message(page, "Line 29")).not_to_be_in_viewport()
    return mara, ticket, page


async def test_a_message_that_arrives_does_not_move_what_one_reads(
    site: Site, visit: Visits
) -> None:
    _, ticket, page = await a_long_thread(site, visit)
    before = await message(page, "Line 9").bounding_box()
    await site.say(site.admin, ticket, "News, far below.")

    await half_a_minute(page)

    offer = page.get_by_role("button", name="1 new message")
    await expect(offer).to_be_visible()
    assert await message(page, "Line 9").bounding_box() == before
    await offer.click()
    await expect(message(page, "News, far below.")).to_be_in_viewport()
    await expect(message(page, "News, far below.")).to_be_focused()
    await expect(offer).to_be_hidden()


async def test_several_messages_that_arrive_lead_to_the_first_of_them(
    site: Site, visit: Visits
) -> None:
    _, ticket, page = await a_long_thread(site, visit)
    await site.say(site.admin, ticket, "The first of the news.\n" * 9)
    await half_a_minute(page)
    await expect(page.get_by_role("button", name="1 new message")).to_be_visible()
    await site.say(site.admin, ticket, "The second of the news.\n" * 9)
    await half_a_minute(page)

    await page.get_by_role("button", name="2 new messages").click()

    await expect(message(page, "The first of the news.")).to_be_focused()
    await expect(message(page, "The first of the news.")).to_be_in_viewport()


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_an_open_list_takes_up_a_ticket_and_moves_neither_focus_nor_what_is_seen(
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
    # which waits until all of that has been laid out; the page's own frames are those of its clock, which stands still
    await page.screenshot()
    before = await ticket_link(page, "Number 05").bounding_box()
    await site.ticket(mara, subject="Pushed in at the top")

    await half_a_minute(page)

    await expect(ticket_link(page, "Pushed in at the top")).to_be_attached()
    await expect(ticket_link(page, "Number 05")).to_be_focused()
    # the browser keeps the place with its next frame
    await page.screenshot()
    assert await ticket_link(page, "Number 05").bounding_box() == before


async def test_a_list_that_was_lengthened_stays_as_long(site: Site, visit: Visits) -> None:
    mara = await site.user()
    for number in range(60):
        await site.world.ticket(mara.calls.user_id, subject=f"Number {number:02}")
    page = await visit(mara, clock=True)
    await page.get_by_role("button", name="Show more").click()
    await expect(ticket_link(page, "Number 00")).to_be_attached()
    await site.ticket(mara, subject="The newest")

    await half_a_minute(page)

    await expect_subjects(
        page, "The newest", *[f"Number {number:02}" for number in reversed(range(60))]
    )


async def test_the_figures_and_the_list_of_the_admins_follow(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, subject="To be resolved")
    page = await visit(site.admin, clock=True)
    await expect(page.get_by_role("button", name="Resolved 0")).to_be_visible()
    await site.change_status(ticket, "resolved")
    await site.ticket(mara, category="billing", subject="Another")

    await half_a_minute(page)

    await expect(page.get_by_role("button", name="Resolved 1")).to_be_visible()
    await expect(page.get_by_role("button", name="Unread 2")).to_be_visible()
    await expect(row(page, "To be resolved").get_by_text("Resolved", exact=True)).to_be_visible()
    await expect(row(page, "Another")).to_be_visible()
    await expect(page.get_by_role("figure")).to_contain_text("Billing 1")


async def test_times_go_by_while_the_list_is_open(site: Site, visit: Visits) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="Going by")
    page = await visit(mara, clock=True)
    await expect(row(page, "Going by").get_by_role("time")).to_have_text("just now")

    await page.clock.fast_forward("05:30")

    await expect(row(page, "Going by").get_by_role("time")).to_have_text("5 min ago")
