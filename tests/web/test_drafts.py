"""A draft is never lost: it survives reload, failure and the other side, and goes only when it was sent."""

from __future__ import annotations

import json
import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.web.site import Site
from tests.web.views import (
    choose,
    heading,
    message,
    reply_box,
    send_button,
    status_of_ticket,
    ticket_link,
    type_ticket,
)
from tests.web.visits import FAILED_REQUEST, Visits, half_a_minute

DRAFT = "Typed with care, line by line.\nAnd äöü 👍 too."

FAILURES = [400, 403, 413, 429, 500, 503, 0]


async def fail(page: Page, path: str, status: int) -> None:
    """Let what is posted to a path fail: with a problem, or with no answer at all for 0."""

    async def answer(route: Route) -> None:
        if route.request.method != "POST":
            await route.continue_()
        elif status:
            problem = {"status": status, "detail": f"It went wrong with a {status}."}
            await route.fulfill(
                status=status, body=json.dumps(problem), content_type="application/problem+json"
            )
        else:
            await route.abort()

    await page.route(path, answer)


def sentence(status: int) -> str:
    """Return what a person is to be told."""
    return f"It went wrong with a {status}." if status else "The service cannot be reached."


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_reply_that_fails_is_kept_and_sent_in_the_end_once(
    site: Site, visit: Visits, path: str
) -> None:
    visit.forgive(FAILED_REQUEST)
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
    assert len(await site.thread(ticket)) == 1

    await send_button(page).click()
    await expect(message(page, "Typed with care")).to_have_count(1)
    await expect(reply_box(page)).to_have_value("")
    await expect(page.get_by_role("alert").filter(has_text=re.compile(".+"))).to_have_count(0)
    await page.reload()
    await expect(message(page, "Typed with care")).to_have_count(1)
    await expect(reply_box(page)).to_have_value("")
    assert (await site.thread(ticket))[1:] == [DRAFT]


async def test_a_new_ticket_that_fails_is_kept_and_opened_in_the_end_once(
    site: Site, visit: Visits
) -> None:
    visit.forgive(FAILED_REQUEST)
    page = await visit(await site.user(), "#/new")
    await type_ticket(page, category="Other", custom="Press", subject="Kept", message=DRAFT)

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
    assert [stored["subject"] for stored in await site.tickets()] == ["Kept"]


async def test_a_reply_that_is_refused_for_its_token_is_kept_until_it_is_sent(
    site: Site, visit: Visits
) -> None:
    visit.forgive("status of 401")
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara, f"#/tickets/{ticket}")
    await reply_box(page).fill(DRAFT)
    await site.expire(mara)

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
    assert (await site.thread(ticket))[1:] == [DRAFT]


async def test_a_body_that_is_too_large_for_the_service_is_told_and_kept(
    site: Site, visit: Visits
) -> None:
    visit.forgive(FAILED_REQUEST)
    page = await visit(await site.user(), "#/new")
    # few enough for the counter; in JSON each takes six bytes and more
    await type_ticket(page, subject="\u0001" * 100 + "x", message="Long enough.")
    await page.route(
        "**/api/v1/tickets",
        lambda route: route.continue_(post_data=" " * 70_000 + (route.request.post_data or "")),
    )

    await page.get_by_role("button", name="Open ticket").click()

    await expect(page.get_by_role("alert").filter(has_text="64 KiB")).to_be_visible()
    await expect(page.get_by_label("Message", exact=True)).to_have_value("Long enough.")


async def test_drafts_of_different_tickets_are_different_drafts(site: Site, visit: Visits) -> None:
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


async def test_a_ticket_that_is_closed_while_somebody_types_gives_the_text_back(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara, f"#/tickets/{ticket}", clock=True)
    await reply_box(page).fill(DRAFT)
    await site.change_status(ticket, "closed")

    await half_a_minute(page)

    await expect(
        page.get_by_text("This ticket is closed and takes no further replies.", exact=True)
    ).to_be_visible()
    await expect(page.get_by_label("Your unsent reply")).to_have_value(DRAFT)
    # the focus is not lost with the box
    assert await page.evaluate("document.activeElement !== document.body")
    await page.reload()
    await expect(page.get_by_label("Your unsent reply")).to_have_value(DRAFT)
    await page.get_by_role("link", name="Open a new ticket").click()
    await expect(page.get_by_label("Message", exact=True)).to_have_value(DRAFT)
    await site.change_status(ticket, "open")
    await page.go_back()
    await expect(reply_box(page)).to_have_value(DRAFT)


async def test_a_reply_to_a_ticket_that_was_just_closed_is_given_back(
    site: Site, visit: Visits
) -> None:
    visit.forgive("status of 400")
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
    # the focus is not lost with the box, and nothing is said a second time when the box is back
    assert await page.evaluate("document.activeElement !== document.body")
    await site.change_status(ticket, "open")
    await half_a_minute(page)
    await expect(reply_box(page)).to_be_visible()
    await expect(reply_box(page)).to_have_value(DRAFT)
    await expect(page.get_by_role("alert").filter(has_text="closed")).to_have_count(0)
    assert len(await site.thread(ticket)) == 1


async def test_an_admin_who_closes_a_ticket_in_the_middle_of_a_reply_keeps_it(
    site: Site, visit: Visits
) -> None:
    ticket = await site.ticket(await site.user())
    page = await visit(site.admin, f"#/tickets/{ticket}")
    await reply_box(page).fill(DRAFT)

    await choose(status_of_ticket(page), "Closed")
    await expect(page.get_by_label("Your unsent reply")).to_have_value(DRAFT)
    await choose(status_of_ticket(page), "Open")

    await expect(reply_box(page)).to_have_value(DRAFT)


async def test_a_draft_is_still_there_in_a_tab_that_is_opened_another_day(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    page = await visit(mara, "#/new")
    await type_ticket(page, subject="Tomorrow", message=DRAFT)

    later = await visit(mara, "#/new", beside=page)

    await expect(later.get_by_label("Subject")).to_have_value("Tomorrow")
    await expect(later.get_by_label("Message", exact=True)).to_have_value(DRAFT)


async def test_leaving_while_a_reply_is_under_way_neither_loses_nor_doubles_it(
    site: Site, visit: Visits
) -> None:
    visit.forgive(FAILED_REQUEST)
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


async def test_a_draft_is_there_though_the_ticket_could_not_be_had_at_first(
    site: Site, visit: Visits
) -> None:
    visit.forgive(FAILED_REQUEST)
    mara = await site.user()
    ticket = await site.ticket(mara, subject="Comes late")
    page = await visit(mara, f"#/tickets/{ticket}", clock=True)
    await reply_box(page).fill(DRAFT)
    await page.get_by_role("link", name="Back to tickets").click()
    await page.route(f"**/api/v1/tickets/{ticket}?**", lambda route: route.abort())
    await ticket_link(page, "Comes late").click()
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()

    await page.unroute(f"**/api/v1/tickets/{ticket}?**")
    await half_a_minute(page)

    await expect(heading(page, "Comes late")).to_be_visible()
    await expect(reply_box(page)).to_have_value(DRAFT)
