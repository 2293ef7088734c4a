"""Users close their own tickets, and open follow-ups of closed ones."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from tests.web.site import Site
from tests.web.views import (
    announcement,
    fill_in_ticket,
    heading,
    message,
    reply_box,
    row,
)
from tests.web.visits import Visits

CLOSED = "This ticket is closed"


def close_button(page: Page) -> Locator:
    """Return the button in the ticket's header."""
    return page.get_by_role("main").get_by_role("button", name="Close ticket", exact=True)


def dialog(page: Page) -> Locator:
    """Return the dialog that asks whether to close the ticket."""
    return page.get_by_role("dialog", name="Close this ticket?")


async def test_a_user_closes_an_own_ticket_after_confirming_it(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, "Try again now.", subject="Solved")
    page = await visit(mara, f"#/tickets/{ticket}")
    await close_button(page).click()
    await expect(dialog(page)).to_be_visible()

    await dialog(page).get_by_role("button", name="Close ticket").click()

    await expect(page.get_by_text(CLOSED)).to_be_visible()
    await expect(reply_box(page)).to_be_hidden()
    await expect(close_button(page)).to_be_hidden()
    await expect(announcement(page, "Ticket closed.")).to_be_attached()
    # the button is gone, and the focus is not lost with it
    await expect(page.locator(":focus")).to_contain_text(CLOSED)
    assert [kept["status"] for kept in await site.list_tickets()] == ["closed"]
    await page.get_by_role("link", name="Back to tickets").click()
    await expect(row(page, "Solved").get_by_text("Closed", exact=True)).to_be_visible()


@pytest.mark.parametrize("way", ["button", "Escape"])
async def test_a_user_who_does_not_confirm_keeps_the_ticket_open(
    site: Site, visit: Visits, way: str
) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara, f"#/tickets/{ticket}")
    await reply_box(page).fill("Half a reply")
    await close_button(page).click()

    if way == "button":
        await dialog(page).get_by_role("button", name="Keep it open").click()
    else:
        await page.keyboard.press("Escape")

    await expect(dialog(page)).to_be_hidden()
    await expect(close_button(page)).to_be_focused()
    await expect(reply_box(page)).to_have_value("Half a reply")
    assert [kept["status"] for kept in await site.list_tickets()] == ["open"]


async def test_a_ticket_that_could_not_be_closed_stays_open(site: Site, visit: Visits) -> None:
    visit.allow_problems("status of 503")
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara, f"#/tickets/{ticket}")
    problem = {"detail": "The database is being restarted."}
    await page.route("**/close", lambda route: route.fulfill(status=503, json=problem))
    await close_button(page).click()

    await dialog(page).get_by_role("button", name="Close ticket").click()

    alert = page.get_by_role("alert").filter(has_text="The database is being restarted.")
    await expect(alert).to_be_visible()
    await expect(reply_box(page)).to_be_visible()
    await expect(close_button(page)).to_be_focused()


async def test_a_users_reply_to_a_resolved_ticket_shows_that_it_is_open_again(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, "Try again now.", status="resolved")
    page = await visit(mara, f"#/tickets/{ticket}", clock=True)
    header = page.get_by_role("main").get_by_role("paragraph").filter(has_text=f"#{ticket}")
    await expect(header).to_contain_text("Resolved")

    await reply_box(page).fill("It still does not work.")
    await reply_box(page).press("Control+Enter")

    await expect(message(page, "It still does not work.")).to_be_visible()
    await expect(header).to_contain_text("Open")
    assert [kept["status"] for kept in await site.list_tickets()] == ["open"]


async def test_admins_close_a_ticket_by_its_status_alone(site: Site, visit: Visits) -> None:
    ticket = await site.ticket(await site.user())
    page = await visit(site.admin, f"#/tickets/{ticket}")

    await expect(reply_box(page)).to_be_visible()
    await expect(close_button(page)).to_have_count(0)


async def test_a_follow_up_is_linked_with_the_closed_ticket_on_both_sides(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    closed = await site.ticket(mara, subject="The first time", status="closed")
    page = await visit(mara, f"#/tickets/{closed}")

    await page.get_by_role("link", name="Open a follow-up").click()

    await expect(page.get_by_text(f"This continues ticket #{closed}.")).to_be_visible()
    # a reload loses nothing of it
    await fill_in_ticket(page, subject="It is back", message="It broke in the same way.")
    await page.reload()
    await expect(page.get_by_text(f"This continues ticket #{closed}.")).to_be_visible()
    await page.get_by_role("button", name="Open ticket").click()
    await expect(heading(page, "It is back")).to_be_visible()
    ours = await visit(site.admin, "#/tickets?status=open")
    follow_up = next(kept["id"] for kept in await site.list_tickets() if kept["id"] != closed)
    await ours.goto(f"{site.root}/admin#/tickets/{follow_up}?status=open")

    for each in (page, ours):
        await each.get_by_role("link", name=f"Follows #{closed}").click()
        await expect(heading(each, "The first time")).to_be_focused()
        await each.get_by_role("link", name=f"Followed by #{follow_up}").click()
        await expect(heading(each, "It is back")).to_be_focused()
        await expect(message(each, "It broke in the same way.")).to_be_visible()
    # the admins' list keeps its filter
    await expect(row(ours, "It is back")).to_have_count(1)
    await expect(row(ours, "The first time")).to_have_count(0)


async def test_a_follow_up_can_be_opened_on_its_own_instead(site: Site, visit: Visits) -> None:
    mara = await site.user()
    closed = await site.ticket(mara, subject="The first time", status="closed")
    page = await visit(mara, f"#/new?follows={closed}")
    await fill_in_ticket(page, subject="Something else", message="It has nothing to do with it.")

    await page.get_by_role("link", name="Open it on its own").click()

    await expect(page.get_by_text("This continues ticket")).to_be_hidden()
    await expect(page.get_by_label("Subject")).to_have_value("Something else")
    await page.get_by_role("button", name="Open ticket").click()
    await expect(heading(page, "Something else")).to_be_visible()
    await expect(page.get_by_role("link", name="Follows")).to_have_count(0)


async def test_a_follow_up_of_a_ticket_that_is_open_again_is_refused_with_a_sentence(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems("status of 400")
    mara = await site.user()
    closed = await site.ticket(mara, status="closed")
    page = await visit(mara, f"#/new?follows={closed}")
    await fill_in_ticket(page, subject="It is back", message="It broke in the same way.")
    await site.change_status(closed, "open")

    await page.get_by_role("button", name="Open ticket").click()

    await expect(page.get_by_role("alert").filter(has_text="closed")).to_be_visible()
    await expect(page.get_by_label("Subject")).to_have_value("It is back")
    assert len(await site.list_tickets()) == 1
