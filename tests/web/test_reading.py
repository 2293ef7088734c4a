"""A ticket is read once somebody has it before their eyes, and unread again when they say so."""

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
from tests.web.visits import FAILED_REQUEST, HIDE, Held, Person, Visits, half_a_minute

DETAILS = re.compile(r"/api/v1/tickets(/admin)?/\d+\?peek=true$")
NOTES = "**/read"


def notes(visit: Visits) -> list[Request]:
    """Return what was said to have been read."""
    return [request for request in visit.requests if request.url.endswith("/read")]


async def lose_answer(route: Route) -> None:
    """Let the service do it, and the browser not hear of it."""
    await route.fetch()
    await route.abort()


async def unread_ticket(site: Site, path: str) -> tuple[Person, Person, int]:
    """Return who has an unread ticket, who wrote it, and the ticket, which is called The one."""
    mara = await site.user("mara@example.com")
    ticket = await site.ticket(mara, "An answer.", subject="The one")
    return (mara, site.admin, ticket) if path == "account" else (site.admin, mara, ticket)


async def seen_requests(page: Page) -> None:
    """Wait until all that the page has asked for until now was noticed."""
    await page.evaluate("fetch('health/live')")


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_ticket_whose_answer_is_lost_on_the_way_is_not_read(
    site: Site, visit: Visits, path: str
) -> None:
    visit.forgive(FAILED_REQUEST)
    reader, _, _ = await unread_ticket(site, path)
    page = await visit(reader)
    await expect(badge(page, 1)).to_be_visible()
    await page.route(DETAILS, lose_answer)

    await ticket_link(page, "The one").click()

    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    assert await reader.unread() == 1
    assert notes(visit) == []
    await page.unroute_all()
    await page.get_by_role("button", name="Try again").click()
    await expect(message(page, "An answer.")).to_be_visible()
    await expect(badge(page, 0)).to_be_visible()
    assert await reader.unread() == 0


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_note_that_is_lost_is_repeated_with_the_next_look(
    site: Site, visit: Visits, path: str
) -> None:
    visit.forgive(FAILED_REQUEST)
    reader, _, _ = await unread_ticket(site, path)
    page = await visit(reader, clock=True)
    await page.route(NOTES, lambda route: route.abort())
    async with page.expect_event("requestfailed", lambda request: request.url.endswith("/read")):
        await ticket_link(page, "The one").click()
    await expect(message(page, "An answer.")).to_be_visible()
    await expect(badge(page, 1)).to_be_visible()
    assert await reader.unread() == 1
    await page.unroute_all()

    await half_a_minute(page)

    await expect(badge(page, 0)).to_be_visible()
    assert await reader.unread() == 0


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_what_comes_while_nobody_looks_is_read_when_somebody_does(
    site: Site, visit: Visits, path: str
) -> None:
    reader, _, _ = await unread_ticket(site, path)
    page = await visit(reader)
    held = Held()
    await page.route(DETAILS, held)
    await ticket_link(page, "The one").click()
    await held.arrival()
    await page.evaluate(HIDE, arg=True)

    held.release()

    await expect(heading(page, "The one")).to_be_focused()
    await seen_requests(page)
    assert notes(visit) == []
    assert await reader.unread() == 1
    await page.evaluate(HIDE, arg=False)
    await expect(badge(page, 0)).to_be_visible()
    assert await reader.unread() == 0


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_ticket_that_is_left_before_it_is_there_is_not_read(
    site: Site, visit: Visits, path: str
) -> None:
    reader, _, _ = await unread_ticket(site, path)
    page = await visit(reader)
    held = Held()
    await page.route(DETAILS, held)
    await ticket_link(page, "The one").click()
    await held.arrival()
    await page.get_by_role("link", name="Back to tickets").click()
    await expect_subjects(page, "Unread: The one")

    async with page.expect_event("requestfinished", lambda request: "peek=true" in request.url):
        held.release()

    await seen_requests(page)
    assert notes(visit) == []
    await expect(badge(page, 1)).to_be_visible()
    assert await reader.unread() == 1


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_message_that_overtakes_the_note_stays_unread_until_it_is_shown(
    site: Site, visit: Visits, path: str
) -> None:
    reader, writer, ticket = await unread_ticket(site, path)
    page = await visit(reader, clock=True)
    held = Held()
    await page.route(NOTES, held)
    await ticket_link(page, "The one").click()
    await held.arrival()
    await site.say(writer, ticket, "One more thing.")

    async with page.expect_response(NOTES):
        held.release()

    assert await reader.unread() == 1
    await expect(badge(page, 1)).to_be_visible()
    await expect(message(page, "One more thing.")).to_have_count(0)
    await half_a_minute(page)
    await expect(message(page, "One more thing.")).to_be_visible()
    await expect(badge(page, 0)).to_be_visible()
    assert await reader.unread() == 0


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_what_is_read_already_is_not_noted_again(
    site: Site, visit: Visits, path: str
) -> None:
    reader, _, ticket = await unread_ticket(site, path)
    page = await visit(reader, f"#/tickets/{ticket}", clock=True)
    await expect(badge(page, 0)).to_be_visible()

    async with page.expect_response(DETAILS):
        await half_a_minute(page)

    await seen_requests(page)
    assert len(notes(visit)) == 1


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_ticket_is_marked_as_unread_and_is_left_for_another_time(
    site: Site, visit: Visits, path: str
) -> None:
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
    # the other side sees nothing of it
    assert await writer.unread() == 1
    await half_a_minute(page)
    await seen_requests(page)
    assert await reader.unread() == 1
    await expect(badge(page, 1)).to_be_visible()
    await ticket_link(page, "The one").click()
    await expect(reply_box(page)).to_have_value("Half a sentence")
    await expect(badge(page, 0)).to_be_visible()
    assert len(await site.thread(ticket)) == 2


async def test_marking_as_unread_waits_for_the_note_that_is_under_way(
    site: Site, visit: Visits
) -> None:
    reader, _, _ = await unread_ticket(site, "account")
    page = await visit(reader)
    held = Held()
    await page.route(NOTES, held)
    await ticket_link(page, "The one").click()
    await held.arrival()

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
    # with no ticket open there is nothing to mark
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
async def test_a_mark_that_fails_is_told(site: Site, visit: Visits, path: str) -> None:
    visit.forgive(FAILED_REQUEST)
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
