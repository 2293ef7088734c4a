"""Loading, empty, failed and offline, on every view of both dashboards."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.web.site import Site
from tests.web.views import (
    badge,
    card,
    choose,
    expect_subjects,
    heading,
    message,
    reply_box,
    rows,
    status_filter,
    ticket_link,
)
from tests.web.visits import FAILED_REQUEST, Held, Visits, half_a_minute

LISTS = re.compile(r"/api/v1/tickets(/admin/all)?(\?.*)?$")
DETAILS = re.compile(r"/api/v1/tickets(/admin)?/\d+\?peek=true$")
FIGURES = re.compile(r"/admin/stats$")
EVERYTHING = re.compile(r"/api/v1/")
OFFLINE = "You are offline."


async def away(route: Route) -> None:
    """Answer as a service does whose database is away."""
    problem = {"detail": "The database is being restarted."}
    await route.fulfill(status=503, json=problem, content_type="application/problem+json")


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_list_says_that_it_is_loading(site: Site, visit: Visits, path: str) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="On its way")
    page = await visit.stranger()
    held = Held()
    await page.route(LISTS, held)

    await visit.sign_in(page, mara if path == "account" else site.admin)

    await held.arrival()
    await expect(page.get_by_text("Loading")).to_be_visible()
    await expect(page.get_by_text("no tickets")).to_have_count(0)
    held.release()
    await expect(ticket_link(page, "On its way")).to_be_visible()
    await expect(page.get_by_text("Loading")).to_be_hidden()


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_ticket_says_that_it_is_loading(site: Site, visit: Visits, path: str) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="On its way")
    page = await visit(mara if path == "account" else site.admin)
    held = Held()
    await page.route(DETAILS, held)

    await ticket_link(page, "On its way").click()

    await held.arrival()
    await expect(page.get_by_text("Loading")).to_be_visible()
    await expect(reply_box(page)).to_be_hidden()
    held.release()
    await expect(heading(page, "On its way")).to_be_focused()
    await expect(page.get_by_text("Loading")).to_be_hidden()


async def test_who_has_no_tickets_is_led_to_the_first_one(site: Site, visit: Visits) -> None:
    page = await visit(await site.user())

    await expect(page.get_by_text("You have no tickets yet.")).to_be_visible()
    await page.get_by_role("link", name="Open your first ticket").click()

    await expect(heading(page, "New ticket")).to_be_visible()


async def test_a_filter_that_finds_nothing_says_so_and_how_to_see_all(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="Open still")
    page = await visit(mara)

    await choose(status_filter(page), "Resolved")

    await expect(page.get_by_text("You have no tickets that are resolved.")).to_be_visible()
    await page.get_by_role("link", name="Show all tickets").click()
    await expect_subjects(page, "Open still")
    await expect(status_filter(page)).to_have_value("")


async def test_a_portal_without_tickets_says_so(site: Site, visit: Visits) -> None:
    page = await visit(site.admin)

    await expect(page.get_by_text("There are no tickets yet.")).to_be_visible()
    await expect(card(page, "Open")).to_have_text("Open 0")
    await expect(page.get_by_role("figure").get_by_role("listitem")).to_have_text(
        ["Support 0", "Billing 0", "Feature Suggestion 0", "Other 0"]
    )


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_list_that_fails_says_why_and_can_be_tried_again(
    site: Site, visit: Visits, path: str
) -> None:
    visit.forgive(FAILED_REQUEST)
    mara = await site.user()
    await site.ticket(mara, subject="Here it is")
    page = await visit.stranger()
    await page.route(LISTS, away)
    await visit.sign_in(page, mara if path == "account" else site.admin)
    await expect(page.get_by_text("The database is being restarted.")).to_be_visible()
    await page.unroute_all()

    await page.get_by_role("button", name="Try again").click()

    await expect(ticket_link(page, "Here it is")).to_be_visible()
    await expect(page.get_by_text("The database is being restarted.")).to_be_hidden()
    # the button that had the focus is gone, and the focus is not lost with it
    assert await page.evaluate("document.activeElement !== document.body")


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_ticket_that_fails_says_why_and_can_be_tried_again(
    site: Site, visit: Visits, path: str
) -> None:
    visit.forgive(FAILED_REQUEST)
    mara = await site.user()
    await site.ticket(mara, subject="Here it is")
    page = await visit(mara if path == "account" else site.admin)
    await page.route(DETAILS, away)
    await ticket_link(page, "Here it is").click()
    await expect(page.get_by_text("The database is being restarted.")).to_be_visible()
    await page.unroute_all()

    await page.get_by_role("button", name="Try again").click()

    await expect(heading(page, "Here it is")).to_be_focused()
    await expect(reply_box(page)).to_be_visible()


async def test_figures_that_fail_say_so(site: Site, visit: Visits) -> None:
    visit.forgive(FAILED_REQUEST)
    await site.ticket(await site.user(), subject="Here it is")
    page = await visit.stranger()
    await page.route(FIGURES, away)

    await visit.sign_in(page, site.admin)

    await expect(page.get_by_text("The database is being restarted.")).to_be_visible()
    await expect(ticket_link(page, "Here it is")).to_be_visible()


async def test_more_tickets_that_do_not_come_are_asked_for_again(site: Site, visit: Visits) -> None:
    visit.forgive(FAILED_REQUEST)
    mara = await site.user()
    for number in range(52):
        await site.world.ticket(mara.calls.user_id, subject=f"Number {number:02}")
    page = await visit(mara)
    await expect(rows(page)).to_have_count(50)
    await page.route(LISTS, away)
    await page.get_by_role("button", name="Show more").click()
    await expect(page.get_by_text("The database is being restarted.")).to_be_visible()
    await expect(rows(page)).to_have_count(50)
    await page.unroute_all()

    await page.get_by_role("button", name="Show more").click()

    await expect(rows(page)).to_have_count(52)


async def expect_kept(page: Page, path: str) -> None:
    """Expect that what was there before is there still."""
    await expect(message(page, "It stops after a hundred rows.")).to_be_visible()
    await expect(reply_box(page)).to_have_value("Half a sentence")
    if path == "admin":
        await expect(ticket_link(page, "Kept in sight")).to_be_visible()


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_service_that_is_away_is_told_and_what_is_open_stays(
    site: Site, visit: Visits, path: str
) -> None:
    visit.forgive(FAILED_REQUEST)
    mara = await site.user()
    ticket = await site.ticket(mara, subject="Kept in sight")
    person = mara if path == "account" else site.admin
    page = await visit(person, f"#/tickets/{ticket}", clock=True)
    await reply_box(page).fill("Half a sentence")
    await page.route(EVERYTHING, away)

    await half_a_minute(page)

    notice = page.get_by_role("main").get_by_role("status")
    notice = notice.filter(has_text="The database is being restarted.")
    await expect(notice).to_be_visible()
    await expect_kept(page, path)
    await page.unroute_all()
    await half_a_minute(page)
    await expect(notice).to_be_hidden()
    await expect_kept(page, path)


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_being_offline_is_told_and_what_is_new_comes_as_soon_as_one_is_back(
    site: Site, visit: Visits, path: str
) -> None:
    visit.forgive(FAILED_REQUEST)
    mara = await site.user()
    ticket = await site.ticket(mara, subject="Kept in sight")
    person, other = (mara, site.admin) if path == "account" else (site.admin, mara)
    page = await visit(person, f"#/tickets/{ticket}", clock=True)
    await reply_box(page).fill("Half a sentence")

    await page.context.set_offline(True)
    await expect(page.get_by_text(OFFLINE)).to_be_visible()
    await half_a_minute(page)
    await expect(page.get_by_text(OFFLINE)).to_be_visible()
    await expect_kept(page, path)
    await reply_box(page).press("Control+Enter")
    await expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_visible()
    await expect_kept(page, path)
    await site.say(other, ticket, "Written meanwhile.")

    await page.context.set_offline(False)

    await expect(message(page, "Written meanwhile.")).to_be_visible()
    await expect(page.get_by_text(OFFLINE)).to_be_hidden()
    await expect_kept(page, path)
    await expect(badge(page, 0)).to_be_visible()


async def test_an_answer_that_is_none_of_ours_is_told_in_a_sentence_of_ours(
    site: Site, visit: Visits
) -> None:
    visit.forgive(FAILED_REQUEST)
    page = await visit.stranger()
    await page.route(
        LISTS,
        lambda route: route.fulfill(
            status=502, body="<h1>Bad Gateway</h1>", content_type="text/html"
        ),
    )

    await visit.sign_in(page, await site.user())

    await expect(page.get_by_text("Something went wrong on our side.")).to_be_visible()
    await expect(page.get_by_text("Bad Gateway")).to_have_count(0)
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
