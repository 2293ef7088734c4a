"""Loading, empty, failed and offline states of both dashboards."""

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
from tests.web.visits import FAILED_REQUEST, HeldRequests, Visits, next_poll

LIST_REQUESTS = re.compile(r"/api/v1/tickets(/admin/all)?(\?.*)?$")
TICKET_REQUESTS = re.compile(r"/api/v1/tickets(/admin)?/\d+\?peek=true$")
STATS_REQUESTS = re.compile(r"/admin/stats$")
ALL_REQUESTS = re.compile(r"/api/v1/")
OFFLINE = "You are offline."


async def fail_with_503(route: Route) -> None:
    """Respond with a 503, as a service without its database."""
    problem = {"detail": "The database is being restarted."}
    await route.fulfill(status=503, json=problem, content_type="application/problem+json")


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_list_shows_that_it_is_loading(site: Site, visit: Visits, path: str) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="On its way")
    page = await visit.signed_out()
    held = HeldRequests()
    await page.route(LIST_REQUESTS, held)

    await visit.sign_in(page, mara if path == "account" else site.admin)

    await held.wait_for_request()
    await expect(page.get_by_text("Loading")).to_be_visible()
    await expect(page.get_by_text("no tickets")).to_have_count(0)
    held.release()
    await expect(ticket_link(page, "On its way")).to_be_visible()
    await expect(page.get_by_text("Loading")).to_be_hidden()


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_ticket_shows_that_it_is_loading(site: Site, visit: Visits, path: str) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="On its way")
    page = await visit(mara if path == "account" else site.admin)
    held = HeldRequests()
    await page.route(TICKET_REQUESTS, held)

    await ticket_link(page, "On its way").click()

    await held.wait_for_request()
    await expect(page.get_by_text("Loading")).to_be_visible()
    await expect(reply_box(page)).to_be_hidden()
    held.release()
    await expect(heading(page, "On its way")).to_be_focused()
    await expect(page.get_by_text("Loading")).to_be_hidden()


async def test_a_user_without_tickets_is_led_to_the_form(site: Site, visit: Visits) -> None:
    page = await visit(await site.user())

    await expect(page.get_by_text("You have no tickets yet.")).to_be_visible()
    await page.get_by_role("link", name="Open your first ticket").click()

    await expect(heading(page, "New ticket")).to_be_visible()


async def test_a_filter_without_results_says_so_and_links_to_all_tickets(
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


async def test_an_admin_dashboard_without_tickets_says_so(site: Site, visit: Visits) -> None:
    page = await visit(site.admin)

    await expect(page.get_by_text("There are no tickets yet.")).to_be_visible()
    await expect(card(page, "Open")).to_have_text("Open 0")
    await expect(page.get_by_role("figure").get_by_role("listitem")).to_have_text(
        ["Support 0", "Billing 0", "Feature Suggestion 0", "Other 0"]
    )


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_list_that_fails_to_load_shows_why_and_can_be_loaded_again(
    site: Site, visit: Visits, path: str
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    mara = await site.user()
    await site.ticket(mara, subject="Here it is")
    page = await visit.signed_out()
    await page.route(LIST_REQUESTS, fail_with_503)
    await visit.sign_in(page, mara if path == "account" else site.admin)
    await expect(page.get_by_text("The database is being restarted.")).to_be_visible()
    await page.unroute_all()

    await page.get_by_role("button", name="Try again").click()

    await expect(ticket_link(page, "Here it is")).to_be_visible()
    await expect(page.get_by_text("The database is being restarted.")).to_be_hidden()
    # the focused button is gone, and the focus is not lost with it
    assert await page.evaluate("document.activeElement !== document.body")


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_ticket_that_fails_to_load_shows_why_and_can_be_loaded_again(
    site: Site, visit: Visits, path: str
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    mara = await site.user()
    await site.ticket(mara, subject="Here it is")
    page = await visit(mara if path == "account" else site.admin)
    await page.route(TICKET_REQUESTS, fail_with_503)
    await ticket_link(page, "Here it is").click()
    await expect(page.get_by_text("The database is being restarted.")).to_be_visible()
    await page.unroute_all()

    await page.get_by_role("button", name="Try again").click()

    await expect(heading(page, "Here it is")).to_be_focused()
    await expect(reply_box(page)).to_be_visible()


async def test_stats_that_fail_to_load_show_an_error(site: Site, visit: Visits) -> None:
    visit.allow_problems(FAILED_REQUEST)
    await site.ticket(await site.user(), subject="Here it is")
    page = await visit.signed_out()
    await page.route(STATS_REQUESTS, fail_with_503)

    await visit.sign_in(page, site.admin)

    await expect(page.get_by_text("The database is being restarted.")).to_be_visible()
    await expect(ticket_link(page, "Here it is")).to_be_visible()


async def test_show_more_can_be_repeated_after_a_failure(site: Site, visit: Visits) -> None:
    visit.allow_problems(FAILED_REQUEST)
    mara = await site.user()
    for number in range(52):
        await site.world.ticket(mara.calls.user_id, subject=f"Number {number:02}")
    page = await visit(mara)
    await expect(rows(page)).to_have_count(50)
    await page.route(LIST_REQUESTS, fail_with_503)
    await page.get_by_role("button", name="Show more").click()
    await expect(page.get_by_text("The database is being restarted.")).to_be_visible()
    await expect(rows(page)).to_have_count(50)
    await page.unroute_all()

    await page.get_by_role("button", name="Show more").click()

    await expect(rows(page)).to_have_count(52)


async def expect_still_shown(page: Page, path: str) -> None:
    """Expect that everything that was loaded is still shown."""
    await expect(message(page, "It stops after a hundred rows.")).to_be_visible()
    await expect(reply_box(page)).to_have_value("Half a sentence")
    if path == "admin":
        await expect(ticket_link(page, "Kept in sight")).to_be_visible()


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_an_unavailable_service_is_reported_and_the_view_stays(
    site: Site, visit: Visits, path: str
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    mara = await site.user()
    ticket = await site.ticket(mara, subject="Kept in sight")
    person = mara if path == "account" else site.admin
    page = await visit(person, f"#/tickets/{ticket}", clock=True)
    await reply_box(page).fill("Half a sentence")
    await page.route(ALL_REQUESTS, fail_with_503)

    await next_poll(page)

    notice = page.get_by_role("main").get_by_role("status")
    notice = notice.filter(has_text="The database is being restarted.")
    await expect(notice).to_be_visible()
    await expect_still_shown(page, path)
    await page.unroute_all()
    await next_poll(page)
    await expect(notice).to_be_hidden()
    await expect_still_shown(page, path)


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_being_offline_is_reported_and_the_page_is_refreshed_when_back_online(
    site: Site, visit: Visits, path: str
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    mara = await site.user()
    ticket = await site.ticket(mara, subject="Kept in sight")
    person, other = (mara, site.admin) if path == "account" else (site.admin, mara)
    page = await visit(person, f"#/tickets/{ticket}", clock=True)
    await reply_box(page).fill("Half a sentence")
    # a count that arrives after the page went offline would hide the banner until the next poll
    await expect(badge(page, 0)).to_be_visible()

    await page.context.set_offline(True)
    await expect(page.get_by_text(OFFLINE)).to_be_visible()
    await next_poll(page)
    await expect(page.get_by_text(OFFLINE)).to_be_visible()
    await expect_still_shown(page, path)
    await reply_box(page).press("Control+Enter")
    await expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_visible()
    await expect_still_shown(page, path)
    await site.reply(other, ticket, "Written meanwhile.")

    await page.context.set_offline(False)

    await expect(message(page, "Written meanwhile.")).to_be_visible()
    await expect(page.get_by_text(OFFLINE)).to_be_hidden()
    await expect_still_shown(page, path)
    await expect(badge(page, 0)).to_be_visible()


async def test_an_error_page_of_a_proxy_is_reported_in_a_plain_sentence(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    page = await visit.signed_out()
    await page.route(
        LIST_REQUESTS,
        lambda route: route.fulfill(
            status=502, body="<h1>Bad Gateway</h1>", content_type="text/html"
        ),
    )

    await visit.sign_in(page, await site.user())

    await expect(page.get_by_text("Something went wrong on our side.")).to_be_visible()
    await expect(page.get_by_text("Bad Gateway")).to_have_count(0)
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
