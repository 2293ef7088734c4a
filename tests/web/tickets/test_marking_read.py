"""Marking as read: a ticket is read once it was shown, and can be marked as unread again."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, Request, Route, expect

from tests.web.site import Site
from tests.web.views import (
    badge,
    card,
    expect_subjects,
    heading,
    message,
    reply_box,
    ticket_link,
)
from tests.web.visits import FAILED_REQUEST, SET_HIDDEN, HeldRequests, Person, Visits, next_poll

TICKET_REQUESTS = re.compile(r"/api/v1/tickets(/admin)?/\d+\?peek=true$")
MARK_READ = "**/read"


def read_requests(visit: Visits) -> list[Request]:
    """Return the requests that mark a ticket as read."""
    return [request for request in visit.requests if request.url.endswith("/read")]


async def lose_response(route: Route) -> None:
    """Let the service handle the request, and drop its response."""
    await route.fetch()
    await route.abort()


async def unread_ticket(site: Site, path: str) -> tuple[Person, Person, int]:
    """Return the reader of an unread ticket called "The one", its writer, and its id."""
    mara = await site.user("mara@example.com")
    ticket = await site.ticket(mara, "An answer.", subject="The one")
    return (mara, site.admin, ticket) if path == "account" else (site.admin, mara, ticket)


async def settle_requests(page: Page) -> None:
    """Wait until Playwright has reported all requests that the page has sent."""
    await page.evaluate("fetch('health/live')")


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_ticket_whose_response_is_lost_stays_unread(
    site: Site, visit: Visits, path: str
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    reader, _, _ = await unread_ticket(site, path)
    page = await visit(reader)
    await expect(badge(page, 1)).to_be_visible()
    await page.route(TICKET_REQUESTS, lose_response)

    await ticket_link(page, "The one").click()

    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    assert await reader.unread() == 1
    assert read_requests(visit) == []
    await page.unroute_all()
    await page.get_by_role("button", name="Try again").click()
    await expect(message(page, "An answer.")).to_be_visible()
    await expect(badge(page, 0)).to_be_visible()
    assert await reader.unread() == 0


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_failed_request_to_mark_a_ticket_as_read_is_repeated_at_the_next_poll(
    site: Site, visit: Visits, path: str
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    reader, _, _ = await unread_ticket(site, path)
    page = await visit(reader, clock=True)
    await page.route(MARK_READ, lambda route: route.abort())
    async with page.expect_event("requestfailed", lambda request: request.url.endswith("/read")):
        await ticket_link(page, "The one").click()
    await expect(message(page, "An answer.")).to_be_visible()
    await expect(badge(page, 1)).to_be_visible()
    assert await reader.unread() == 1
    await page.unroute_all()

    await next_poll(page)

    await expect(badge(page, 0)).to_be_visible()
    assert await reader.unread() == 0


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_ticket_that_loads_in_a_hidden_tab_is_read_once_the_tab_is_visible(
    site: Site, visit: Visits, path: str
) -> None:
    reader, _, _ = await unread_ticket(site, path)
    page = await visit(reader)
    held = HeldRequests()
    await page.route(TICKET_REQUESTS, held)
    await ticket_link(page, "The one").click()
    await held.wait_for_request()
    await page.evaluate(SET_HIDDEN, arg=True)

    held.release()

    await expect(heading(page, "The one")).to_be_focused()
    await settle_requests(page)
    assert read_requests(visit) == []
    assert await reader.unread() == 1
    await page.evaluate(SET_HIDDEN, arg=False)
    await expect(badge(page, 0)).to_be_visible()
    assert await reader.unread() == 0


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_ticket_that_is_left_before_it_has_loaded_stays_unread(
    site: Site, visit: Visits, path: str
) -> None:
    reader, _, _ = await unread_ticket(site, path)
    page = await visit(reader)
    held = HeldRequests()
    await page.route(TICKET_REQUESTS, held)
    await ticket_link(page, "The one").click()
    await held.wait_for_request()
    await page.get_by_role("link", name="Back to tickets").click()
    await expect_subjects(page, "Unread: The one")

    async with page.expect_event("requestfinished", lambda request: "peek=true" in request.url):
        held.release()

    await settle_requests(page)
    assert read_requests(visit) == []
    await expect(badge(page, 1)).to_be_visible()
    assert await reader.unread() == 1


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_message_that_arrives_before_the_mark_stays_unread_until_it_is_shown(
    site: Site, visit: Visits, path: str
) -> None:
    reader, writer, ticket = await unread_ticket(site, path)
    page = await visit(reader, clock=True)
    held = HeldRequests()
    await page.route(MARK_READ, held)
    await ticket_link(page, "The one").click()
    await held.wait_for_request()
    await site.reply(writer, ticket, "One more thing.")

    async with page.expect_response(MARK_READ):
        held.release()

    assert await reader.unread() == 1
    await expect(badge(page, 1)).to_be_visible()
    await expect(message(page, "One more thing.")).to_have_count(0)
    await next_poll(page)
    await expect(message(page, "One more thing.")).to_be_visible()
    await expect(badge(page, 0)).to_be_visible()
    assert await reader.unread() == 0


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_read_ticket_is_not_marked_as_read_again(
    site: Site, visit: Visits, path: str
) -> None:
    reader, _, ticket = await unread_ticket(site, path)
    page = await visit(reader, f"#/tickets/{ticket}", clock=True)
    await expect(badge(page, 0)).to_be_visible()

    async with page.expect_response(TICKET_REQUESTS):
        await next_poll(page)

    await settle_requests(page)
    assert len(read_requests(visit)) == 1


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_marking_a_ticket_as_unread_closes_it(site: Site, visit: Visits, path: str) -> None:
    reader, writer, ticket = await unread_ticket(site, path)
    page = await visit(reader, clock=True)
    await ticket_link(page, "The one").click()
    await expect(badge(page, 0)).to_be_visible()
    await reply_box(page).fill("Half a sentence")

    await page.get_by_role("button", name="Mark as unread").click()

    await expect(badge(page, 1)).to_be_visible()
    await expect_subjects(page, "Unread: The one")
    await expect(ticket_link(page, "The one")).to_be_focused()
    await expect(heading(page, "The one")).to_be_hidden()
    if path == "admin":
        await expect(page.get_by_text("Choose a ticket to read and answer it.")).to_be_visible()
        await expect(card(page, "Unread")).to_have_text("Unread 1")
    # the other side's count stays the same
    assert await writer.unread() == 1
    await next_poll(page)
    await settle_requests(page)
    assert await reader.unread() == 1
    await expect(badge(page, 1)).to_be_visible()
    await ticket_link(page, "The one").click()
    await expect(reply_box(page)).to_have_value("Half a sentence")
    await expect(badge(page, 0)).to_be_visible()
    assert len(await site.message_texts(ticket)) == 2


async def test_marking_as_unread_waits_until_the_ticket_was_marked_as_read(
    site: Site, visit: Visits
) -> None:
    reader, _, _ = await unread_ticket(site, "account")
    page = await visit(reader)
    held = HeldRequests()
    await page.route(MARK_READ, held)
    await ticket_link(page, "The one").click()
    await held.wait_for_request()

    await page.get_by_role("button", name="Mark as unread").click()
    await expect_subjects(page, "Unread: The one")
    async with page.expect_response(re.compile(r"/\d+/unread$")):
        held.release()

    await expect(badge(page, 1)).to_be_visible()
    assert await reader.unread() == 1


async def test_u_marks_the_open_ticket_as_unread(site: Site, visit: Visits) -> None:
    mara = await site.user()
    for subject in ("Second", "First"):
        await site.ticket(mara, subject=subject)
    page = await visit(site.admin)
    await expect(badge(page, 2)).to_be_visible()
    # without an open ticket, the shortcut does nothing
    await page.keyboard.press("u")
    await ticket_link(page, "First").click()
    await expect(heading(page, "First")).to_be_focused()
    await expect(badge(page, 1)).to_be_visible()

    await page.keyboard.press("u")

    await expect(badge(page, 2)).to_be_visible()
    await expect(ticket_link(page, "First")).to_be_focused()
    await page.keyboard.press("j")
    await expect(ticket_link(page, "Second")).to_be_focused()
    assert await site.admin.unread() == 2


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_failure_to_mark_a_ticket_as_unread_is_shown(
    site: Site, visit: Visits, path: str
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    reader, _, _ = await unread_ticket(site, path)
    page = await visit(reader)
    await ticket_link(page, "The one").click()
    await expect(badge(page, 0)).to_be_visible()
    problem = {"detail": "The database is being restarted."}
    await page.route(
        re.compile(r"/\d+/unread$"), lambda route: route.fulfill(status=503, json=problem)
    )

    await page.get_by_role("button", name="Mark as unread").click()

    alert = page.get_by_role("alert").filter(has_text="The database is being restarted.")
    await expect(alert).to_be_visible()
    await expect_subjects(page, "The one")
    await expect(badge(page, 0)).to_be_visible()
