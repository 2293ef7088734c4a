"""Idempotency: impatient double clicks and retries send a ticket or a reply once."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, Request, Route, expect

from tests.web.site import Site
from tests.web.views import (
    fill_in_ticket,
    heading,
    message,
    reply_box,
    send_button,
    ticket_link,
)
from tests.web.visits import FAILED_REQUEST, HeldRequests, Visits


def sent_requests(visit: Visits) -> list[Request]:
    """Return the writes, without those that mark a ticket as read."""
    sent = [request for request in visit.requests if request.method == "POST"]
    return [request for request in sent if not request.url.endswith("/read")]


async def click_twice(page: Page) -> None:
    await send_button(page).dblclick()


async def press_twice(page: Page) -> None:
    for _ in range(2):
        await reply_box(page).press("Control+Enter")


async def hold_down(page: Page) -> None:
    await page.keyboard.down("Control")
    for _ in range(5):
        await page.keyboard.down("Enter")
    await page.keyboard.up("Enter")
    await page.keyboard.up("Control")


async def click_and_press(page: Page) -> None:
    await send_button(page).click()
    await reply_box(page).press("Control+Enter")


async def submit_by_script(page: Page) -> None:
    form = page.locator("form").filter(has=reply_box(page))
    await form.evaluate("form => { form.requestSubmit(); form.requestSubmit(); }")


IMPATIENT_WAYS = (click_twice, press_twice, hold_down, click_and_press, submit_by_script)


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_an_impatient_reply_is_sent_once(site: Site, visit: Visits, path: str) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara if path == "account" else site.admin, f"#/tickets/{ticket}")

    for way in IMPATIENT_WAYS:
        held = HeldRequests()
        await page.route("**/reply", held)
        await reply_box(page).fill(f"Once: {way.__name__}")
        await way(page)
        await held.wait_for_request()
        await expect(reply_box(page)).not_to_be_editable()
        held.release()
        await expect(message(page, f"Once: {way.__name__}")).to_have_count(1)
        await expect(reply_box(page)).to_be_editable()
        await page.unroute("**/reply")

    assert len(sent_requests(visit)) == len(IMPATIENT_WAYS)
    assert (await site.message_texts(ticket))[1:] == [
        f"Once: {way.__name__}" for way in IMPATIENT_WAYS
    ]


@pytest.mark.parametrize("impatience", ["click", "Enter", "Control+Enter"])
async def test_an_impatient_ticket_is_opened_once(
    site: Site, visit: Visits, impatience: str
) -> None:
    page = await visit(await site.user(), "#/new")
    held = HeldRequests()
    await page.route("**/api/v1/tickets", held)
    await fill_in_ticket(page, subject="Once only")
    await page.get_by_label("Subject").focus()

    if impatience == "click":
        await page.get_by_role("button", name="Open ticket").dblclick()
    else:
        for _ in range(2):
            await page.keyboard.press(impatience)
    await held.wait_for_request()
    held.release()

    await expect(heading(page, "Once only")).to_be_visible()
    assert len(sent_requests(visit)) == 1
    assert [kept["subject"] for kept in await site.list_tickets()] == ["Once only"]


async def test_coming_back_while_a_reply_is_being_sent_does_not_send_it_again(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, subject="Slow one")
    page = await visit(mara, f"#/tickets/{ticket}")
    held = HeldRequests()
    await page.route("**/reply", held)
    await reply_box(page).fill("Once only.")
    await send_button(page).click()
    await held.wait_for_request()

    await page.get_by_role("link", name="Back to tickets").click()
    await ticket_link(page, "Slow one").click()
    await expect(reply_box(page)).not_to_be_editable()
    await reply_box(page).press("Control+Enter")
    held.release()

    await expect(message(page, "Once only.")).to_have_count(1)
    await expect(reply_box(page)).to_have_value("")
    await expect(reply_box(page)).to_be_editable()
    assert (await site.message_texts(ticket))[1:] == ["Once only."]


async def test_a_retry_has_the_same_idempotency_key_and_other_text_has_another(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara, f"#/tickets/{ticket}")
    keys: list[str] = []

    async def refuse(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        await route.fulfill(status=503, json={"detail": f"Failure {len(keys)}."})

    await page.route("**/reply", refuse)

    for number, text in enumerate(["One text", "One text", "Another text", "One text"], 1):
        await reply_box(page).fill(text)
        await send_button(page).click()
        await expect(
            page.get_by_role("alert").filter(has_text=f"Failure {number}.")
        ).to_be_visible()
        if number == 1:
            await page.reload()
    first, retried, another, *_ = keys

    assert len(keys) == 4
    assert first == retried != another
    assert len(first) >= 16
