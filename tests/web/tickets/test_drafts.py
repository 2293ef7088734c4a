"""Drafts survive reloads, failures, expired tokens and closed tickets, until they are sent."""

from __future__ import annotations

import json
import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.web.site import Site
from tests.web.views import (
    choose,
    fill_in_ticket,
    heading,
    message,
    reply_box,
    send_button,
    status_select,
    ticket_link,
)
from tests.web.visits import FAILED_REQUEST, Visits, next_poll

DRAFT = "Typed with care, line by line.\nAnd äöü 👍 too."

FAILURES = [400, 403, 413, 429, 500, 503, 0]


async def fail(page: Page, path: str, status: int) -> None:
    """Let writes to a path fail with this status; 0 is a network failure."""

    async def respond(route: Route) -> None:
        if route.request.method != "POST":
            await route.continue_()
        elif status:
            problem = {"status": status, "detail": f"It went wrong with a {status}."}
            await route.fulfill(
                status=status, body=json.dumps(problem), content_type="application/problem+json"
            )
        else:
            await route.abort()

    await page.route(path, respond)


def sentence(status: int) -> str:
    """Return the message that the person sees."""
    return f"It went wrong with a {status}." if status else "The service cannot be reached."


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_reply_that_fails_keeps_its_draft_and_is_sent_once_in_the_end(
    site: Site, visit: Visits, path: str
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara if path == "account" else site.admin, f"#/tickets/{ticket}")
    await reply_box(page).fill(DRAFT)

    for status in FAILURES:
        await fail(page, "**/reply", status)
        await send_button(page).click()
        await expect(page.get_by_role("alert").filter(has_text=sentence(status))).to_be_visible()
        await expect(reply_box(page)).to_have_value(DRAFT)
        await expect(reply_box(page)).to_be_editable()
        await page.unroute_all()
    await page.reload()
    await expect(reply_box(page)).to_have_value(DRAFT)
    assert len(await site.message_texts(ticket)) == 1

    await send_button(page).click()
    await expect(message(page, "Typed with care")).to_have_count(1)
    await expect(reply_box(page)).to_have_value("")
    await expect(page.get_by_role("alert").filter(has_text=re.compile(".+"))).to_have_count(0)
    await page.reload()
    await expect(message(page, "Typed with care")).to_have_count(1)
    await expect(reply_box(page)).to_have_value("")
    assert (await site.message_texts(ticket))[1:] == [DRAFT]


async def test_a_new_ticket_that_fails_keeps_its_draft_and_is_opened_once_in_the_end(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    page = await visit(await site.user(), "#/new")
    await fill_in_ticket(page, category="Other", custom="Press", subject="Kept", message=DRAFT)

    for status in FAILURES:
        await fail(page, "**/api/v1/tickets", status)
        await page.get_by_role("button", name="Open ticket").click()
        await expect(page.get_by_role("alert").filter(has_text=sentence(status))).to_be_visible()
        await expect(page.get_by_label("Message", exact=True)).to_be_editable()
        await page.unroute_all()
    await page.reload()
    await expect(page.get_by_label("Category", exact=True)).to_have_value("other")
    await expect(page.get_by_label("Custom category")).to_have_value("Press")
    await expect(page.get_by_label("Subject")).to_have_value("Kept")
    await expect(page.get_by_label("Message", exact=True)).to_have_value(DRAFT)

    await page.get_by_role("button", name="Open ticket").click()
    await expect(heading(page, "Kept")).to_be_visible()
    assert [kept["subject"] for kept in await site.list_tickets()] == ["Kept"]


async def test_a_reply_with_an_expired_token_keeps_its_draft_until_it_is_sent(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems("status of 401")
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara, f"#/tickets/{ticket}")
    await reply_box(page).fill(DRAFT)
    await site.expire_tokens(mara)

    await reply_box(page).press("Control+Enter")

    dialog = page.get_by_role("dialog", name="Sign in")
    await dialog.get_by_label("Access token").fill(await site.new_token(mara))
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(dialog).to_be_hidden()
    await expect(reply_box(page)).to_be_focused()
    await expect(reply_box(page)).to_have_value(DRAFT)
    await expect(page.get_by_role("alert").filter(has_text="This was not sent")).to_be_visible()
    await page.keyboard.press("Control+Enter")
    await expect(message(page, "Typed with care")).to_be_visible()
    assert (await site.message_texts(ticket))[1:] == [DRAFT]


async def test_a_request_that_is_too_large_shows_an_error_and_keeps_its_draft(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    page = await visit(await site.user(), "#/new")
    # within the limit of characters, but each takes six bytes in JSON
    await fill_in_ticket(page, subject="\u0001" * 100 + "x", message="Long enough.")
    await page.route(
        "**/api/v1/tickets",
        lambda route: route.continue_(post_data=" " * 70_000 + (route.request.post_data or "")),
    )

    await page.get_by_role("button", name="Open ticket").click()

    await expect(page.get_by_role("alert").filter(has_text="64 KiB")).to_be_visible()
    await expect(page.get_by_label("Message", exact=True)).to_have_value("Long enough.")


async def test_each_ticket_has_its_own_draft(site: Site, visit: Visits) -> None:
    mara = await site.user()
    for subject in ("First", "Second"):
        await site.ticket(mara, subject=subject)
    page = await visit(mara)

    for subject in ("First", "Second"):
        await ticket_link(page, subject).click()
        await expect(heading(page, subject)).to_be_visible()
        await expect(reply_box(page)).to_have_value("")
        await reply_box(page).fill(f"To the {subject}")
        await page.get_by_role("link", name="Back to tickets").click()

    for subject in ("First", "Second"):
        await ticket_link(page, subject).click()
        await expect(heading(page, subject)).to_be_visible()
        await expect(reply_box(page)).to_have_value(f"To the {subject}")
        await page.go_back()


async def test_a_ticket_that_is_closed_during_typing_shows_the_unsent_reply(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara, f"#/tickets/{ticket}", clock=True)
    await reply_box(page).fill(DRAFT)
    await site.change_status(ticket, "closed")

    await next_poll(page)

    await expect(
        page.get_by_text("This ticket is closed and takes no further replies.", exact=True)
    ).to_be_visible()
    await expect(page.get_by_label("Your unsent reply")).to_have_value(DRAFT)
    # the focus is not lost with the reply box
    assert await page.evaluate("document.activeElement !== document.body")
    await page.reload()
    await expect(page.get_by_label("Your unsent reply")).to_have_value(DRAFT)
    await page.get_by_role("link", name="Open a follow-up").click()
    await expect(page.get_by_label("Message", exact=True)).to_have_value(DRAFT)
    await site.change_status(ticket, "open")
    await page.go_back()
    await expect(reply_box(page)).to_have_value(DRAFT)


async def test_a_reply_to_a_ticket_that_was_just_closed_is_shown_as_unsent(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems("status of 400")
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara, f"#/tickets/{ticket}", clock=True)
    await reply_box(page).fill(DRAFT)
    await site.change_status(ticket, "closed")

    await send_button(page).click()

    await expect(
        page.get_by_text("This ticket is closed and takes no further replies.", exact=True)
    ).to_be_visible()
    await expect(page.get_by_label("Your unsent reply")).to_have_value(DRAFT)
    # the focus is not lost with the reply box, and the error is gone when the box is back
    assert await page.evaluate("document.activeElement !== document.body")
    await site.change_status(ticket, "open")
    await next_poll(page)
    await expect(reply_box(page)).to_be_visible()
    await expect(reply_box(page)).to_have_value(DRAFT)
    await expect(page.get_by_role("alert").filter(has_text="closed")).to_have_count(0)
    assert len(await site.message_texts(ticket)) == 1


async def test_an_admin_who_closes_a_ticket_while_typing_keeps_the_draft(
    site: Site, visit: Visits
) -> None:
    ticket = await site.ticket(await site.user())
    page = await visit(site.admin, f"#/tickets/{ticket}")
    await reply_box(page).fill(DRAFT)

    await choose(status_select(page), "Closed")
    await expect(page.get_by_label("Your unsent reply")).to_have_value(DRAFT)
    await choose(status_select(page), "Open")

    await expect(reply_box(page)).to_have_value(DRAFT)


async def test_a_draft_is_shown_in_another_tab(site: Site, visit: Visits) -> None:
    mara = await site.user()
    page = await visit(mara, "#/new")
    await fill_in_ticket(page, subject="Tomorrow", message=DRAFT)

    later = await visit(mara, "#/new", beside=page)

    await expect(later.get_by_label("Subject")).to_have_value("Tomorrow")
    await expect(later.get_by_label("Message", exact=True)).to_have_value(DRAFT)


async def test_leaving_a_ticket_while_its_reply_fails_keeps_the_draft(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    mara = await site.user()
    ticket = await site.ticket(mara, subject="Slow one")
    page = await visit(mara, f"#/tickets/{ticket}")
    await fail(page, "**/reply", 503)
    await reply_box(page).fill(DRAFT)
    async with page.expect_response("**/reply"):
        await send_button(page).click()
        await page.get_by_role("link", name="Back to tickets").click()

    await ticket_link(page, "Slow one").click()

    await expect(reply_box(page)).to_have_value(DRAFT)
    await expect(reply_box(page)).to_be_editable()


async def test_a_draft_is_shown_after_the_ticket_failed_to_load_at_first(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    mara = await site.user()
    ticket = await site.ticket(mara, subject="Comes late")
    page = await visit(mara, f"#/tickets/{ticket}", clock=True)
    await reply_box(page).fill(DRAFT)
    await page.get_by_role("link", name="Back to tickets").click()
    await page.route(f"**/api/v1/tickets/{ticket}?**", lambda route: route.abort())
    await ticket_link(page, "Comes late").click()
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()

    await page.unroute(f"**/api/v1/tickets/{ticket}?**")
    await next_poll(page)

    await expect(heading(page, "Comes late")).to_be_visible()
    await expect(reply_box(page)).to_have_value(DRAFT)
