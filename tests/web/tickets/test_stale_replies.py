"""Stale replies: a reply is refused if its writer has not seen the newest messages (409)."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Page, Route, expect

from tests.web.site import Site
from tests.web.views import (
    announcement,
    badge,
    message,
    messages,
    reply_box,
    send_button,
)
from tests.web.visits import FAILED_REQUEST, Person, Visits, next_poll

CONFLICT = "status of 409"
NEW_MESSAGES = "A new message has arrived since you last looked."


async def open_ticket_with_two_people(site: Site, path: str) -> tuple[Person, Person, int]:
    """Return the person at the page, the person on the other side, and their ticket."""
    mara = await site.user("mara@example.com")
    ticket = await site.ticket(mara)
    return (mara, site.admin, ticket) if path == "account" else (site.admin, mara, ticket)


async def expect_conflict_message(page: Page) -> None:
    """Expect the message that there are new messages."""
    await expect(page.get_by_role("alert").filter(has_text=NEW_MESSAGES)).to_be_visible()


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_new_messages_are_shown_before_the_reply_can_be_sent(
    site: Site, visit: Visits, path: str
) -> None:
    visit.allow_problems(CONFLICT)
    writer, other, ticket = await open_ticket_with_two_people(site, path)
    page = await visit(writer, f"#/tickets/{ticket}")
    await reply_box(page).fill("An answer to the first.")
    await site.reply(other, ticket, "Never mind, it works.")

    await send_button(page).click()

    await expect_conflict_message(page)
    await expect(message(page, "Never mind, it works.")).to_be_in_viewport()
    await expect(announcement(page, "Never mind, it works.")).to_be_attached()
    await expect(reply_box(page)).to_have_value("An answer to the first.")
    await expect(reply_box(page)).to_be_editable()
    assert len(await site.message_texts(ticket)) == 2
    # the message was shown, so the ticket is read
    await expect(badge(page, 0)).to_be_visible()
    assert await writer.unread() == 0

    await send_button(page).click()
    await expect(message(page, "An answer to the first.")).to_be_visible()
    await expect(reply_box(page)).to_have_value("")
    assert (await site.message_texts(ticket))[1:] == [
        "Never mind, it works.",
        "An answer to the first.",
    ]


async def test_of_two_replies_at_once_the_second_is_refused_and_shown_the_first(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems(CONFLICT)
    mara = await site.user("mara@example.com")
    ticket = await site.ticket(mara, message="Is anybody there?")
    theirs = await visit(mara, f"#/tickets/{ticket}")
    ours = await visit(site.admin, f"#/tickets/{ticket}")
    await reply_box(theirs).fill("Hello?")
    await reply_box(ours).fill("We are.")

    await reply_box(ours).press("Control+Enter")
    await expect(message(ours, "We are.")).to_be_visible()
    await reply_box(theirs).press("Control+Enter")

    await expect_conflict_message(theirs)
    await expect(message(theirs, "We are.")).to_be_visible()
    await expect(reply_box(theirs)).to_be_focused()
    await reply_box(theirs).fill("Oh, you are.")
    await reply_box(theirs).press("Control+Enter")
    await expect(message(theirs, "Oh, you are.")).to_be_visible()
    assert await site.message_texts(ticket) == ["Is anybody there?", "We are.", "Oh, you are."]


async def test_ones_own_replies_count_as_seen(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara, f"#/tickets/{ticket}")

    for number in range(3):
        await reply_box(page).fill(f"Reply {number}")
        await reply_box(page).press("Control+Enter")
        await expect(message(page, f"Reply {number}")).to_be_visible()
        await expect(reply_box(page)).to_have_value("")

    assert (await site.message_texts(ticket))[1:] == ["Reply 0", "Reply 1", "Reply 2"]


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_reply_whose_response_was_lost_is_stored_once_despite_new_messages(
    site: Site, visit: Visits, path: str
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    writer, other, ticket = await open_ticket_with_two_people(site, path)
    page = await visit(writer, f"#/tickets/{ticket}", clock=True)

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await page.route("**/reply", lose)
    await reply_box(page).fill("Once only.")
    await send_button(page).click()
    await expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_visible()
    await expect(reply_box(page)).to_have_value("Once only.")
    await page.unroute_all()
    await site.reply(other, ticket, "I have read it.")
    await next_poll(page)
    await expect(message(page, "I have read it.")).to_be_visible()
    await page.reload()

    await send_button(page).click()

    await expect(reply_box(page)).to_have_value("")
    await expect(messages(page).filter(has_text="Once only.")).to_have_count(1)
    assert (await site.message_texts(ticket))[1:] == ["Once only.", "I have read it."]
    # the next reply has seen both
    await reply_box(page).fill("Good.")
    await send_button(page).click()
    await expect(message(page, "Good.")).to_be_visible()


async def test_a_retry_while_the_first_request_is_in_progress_has_the_same_key(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems(CONFLICT)
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara, f"#/tickets/{ticket}")
    tries: list[tuple[str, str | None]] = []
    sentence = "The same request is still being worked on."
    problem = {"type": "urn:tickets:problem:still-running", "status": 409, "detail": sentence}

    async def respond(route: Route) -> None:
        tries.append((route.request.headers["idempotency-key"], route.request.post_data))
        if len(tries) == 1:
            body = json.dumps(problem)
            await route.fulfill(status=409, body=body, content_type="application/problem+json")
        else:
            await route.continue_()

    await page.route("**/reply", respond)
    await reply_box(page).fill("Patience.")
    await send_button(page).click()
    await expect(page.get_by_role("alert").filter(has_text=sentence)).to_be_visible()
    await expect(reply_box(page)).to_have_value("Patience.")

    await send_button(page).click()

    await expect(message(page, "Patience.")).to_be_visible()
    assert len(tries) == 2
    assert tries[0] == tries[1]
