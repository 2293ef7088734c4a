"""Long threads: the newest messages, older ones on request, and what counts as read meanwhile."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.web.site import Site
from tests.web.views import announcement, badge, message, messages, reply_box, send_button
from tests.web.visits import FAILED_REQUEST, WIDE, Person, Visits, next_poll

OLDER_PAGES = re.compile(r"peek=true&before=")
LAID_OUT = """async (pane) => {
  let height = 0;
  for (let unchanged = 0; unchanged < 5; unchanged += 1) {
    await new Promise(requestAnimationFrame);
    if (pane.scrollHeight !== height) unchanged = 0;
    height = pane.scrollHeight;
  }
}"""
FIRST = "The very first message."


async def long_ticket(site: Site, count: int, *, shown: int | None = None) -> tuple[Person, int]:
    """Return a user and their ticket with `count` messages, all but the first of the admins.

    The user was shown the first `shown` of them, or all.
    """
    mara = await site.user()
    ticket = await site.ticket(mara, message=FIRST)
    await site.world.database.fetch(
        """insert into ticket_messages (ticket_id, sender_type, message, created_at)
           select $1, 'admin', 'Message number ' || n || '.', clock_timestamp()
             from generate_series(2, $2::integer) as n""",
        ticket,
        count,
    )
    await site.world.database.fetch(
        "update tickets set user_unread = $2, user_seen = $3, admin_unread = false where id = $1",
        ticket,
        shown is not None,
        count if shown is None else shown,
    )
    return mara, ticket


def text(page: Page, wanted: str) -> Locator:
    """Return a message's text. The roles of hundreds of list items would take long to compute."""
    return page.get_by_role("region", name="Messages").get_by_text(wanted, exact=True)


def number(page: Page, wanted: int) -> Locator:
    """Return the text of the message with this number."""
    return text(page, f"Message number {wanted}.")


async def laid_out(page: Page) -> None:
    """Wait until the messages have their real height, which they get frames after they came."""
    await page.get_by_role("region", name="Messages").evaluate(LAID_OUT)


def older_button(page: Page, name: str = "Show older messages") -> Locator:
    """Return the button that shows older messages."""
    return page.get_by_role("button", name=name, exact=True)


def divider(page: Page) -> Locator:
    """Return the divider before the first new message."""
    return messages(page).filter(has=page.get_by_role("heading", name="New", exact=True))


def bodies(visit: Visits, ending: str) -> list[dict[str, Any]]:
    """Return the bodies of the requests to addresses with this ending."""
    requests = [request for request in visit.requests if request.url.endswith(ending)]
    return [json.loads(request.post_data or "{}") for request in requests]


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_long_thread_shows_older_messages_on_request_and_keeps_the_position(
    site: Site, visit: Visits, path: str
) -> None:
    mara, ticket = await long_ticket(site, 450)
    page = await visit(mara if path == "account" else site.admin, f"#/tickets/{ticket}")
    await expect(number(page, 450)).to_be_in_viewport()
    await expect(number(page, 251)).to_be_attached()
    await expect(number(page, 250)).to_have_count(0)

    await older_button(page).focus()
    before = await number(page, 251).bounding_box()
    await page.keyboard.press("Enter")

    await expect(number(page, 51)).to_be_attached()
    await expect(number(page, 50)).to_have_count(0)
    await expect(announcement(page, "200 older messages shown.")).to_be_attached()
    await laid_out(page)
    after = await number(page, 251).bounding_box()
    assert before
    assert after
    assert after["y"] == pytest.approx(before["y"], abs=2)
    await expect(older_button(page)).to_be_focused()

    await page.keyboard.press("Enter")

    await expect(text(page, FIRST)).to_be_attached()
    await expect(announcement(page, "50 older messages shown.")).to_be_attached()
    await expect(older_button(page)).to_be_hidden()
    # the button is gone, and the focus is where one was reading
    focused = page.locator(":focus").get_by_text("Message number 51.", exact=True)
    await expect(focused).to_have_count(1)


async def test_a_short_thread_has_no_button_for_older_messages(site: Site, visit: Visits) -> None:
    mara, ticket = await long_ticket(site, 200)
    page = await visit(mara, f"#/tickets/{ticket}")

    await expect(text(page, FIRST)).to_be_attached()
    await expect(older_button(page)).to_be_hidden()


@pytest.mark.parametrize("anchoring", ["auto", "none"])
async def test_where_the_page_itself_scrolls_the_position_is_kept_too(
    site: Site, visit: Visits, anchoring: str
) -> None:
    """Also without the browser's own scroll anchoring, which Safari does not have."""
    mara, ticket = await long_ticket(site, 420)
    page = await visit(mara, f"#/tickets/{ticket}", viewport=WIDE | {"width": 500})
    await expect(number(page, 221)).to_be_attached()
    await page.evaluate("value => document.body.style.overflowAnchor = value", anchoring)
    await older_button(page).focus()
    before = await number(page, 221).bounding_box()

    await page.keyboard.press("Enter")

    await expect(number(page, 21)).to_be_attached()
    await laid_out(page)
    after = await number(page, 221).bounding_box()
    assert before
    assert after
    assert after["y"] == pytest.approx(before["y"], abs=2)


async def test_a_poll_keeps_the_older_messages_that_are_shown(site: Site, visit: Visits) -> None:
    mara, ticket = await long_ticket(site, 450)
    page = await visit(mara, f"#/tickets/{ticket}", clock=True)
    await expect(number(page, 450)).to_be_attached()
    await older_button(page).click()
    await expect(number(page, 51)).to_be_attached()
    await site.reply(site.admin, ticket, "And one more.")

    await next_poll(page)

    await expect(message(page, "And one more.")).to_be_attached()
    await expect(number(page, 51)).to_be_attached()
    await expect(number(page, 451)).to_have_count(0)
    await expect(badge(page, 0)).to_be_visible()
    assert bodies(visit, "/read")[-1] == {"seen": 451}
    assert await mara.unread() == 0


async def test_a_ticket_with_more_unread_messages_than_a_page_is_read_once_all_were_shown(
    site: Site, visit: Visits
) -> None:
    """No message is ever marked read unseen."""
    mara, ticket = await long_ticket(site, 450, shown=100)
    page = await visit(mara, f"#/tickets/{ticket}", clock=True)
    await expect(number(page, 450)).to_be_in_viewport()
    button = older_button(page, "Show older unread messages")
    await expect(button).to_be_attached()
    await expect(divider(page)).to_have_count(0)
    await next_poll(page)
    await expect(badge(page, 1)).to_be_visible()
    assert bodies(visit, "/read") == []
    assert await mara.unread() == 1

    await button.click()

    await expect(badge(page, 0)).to_be_visible()
    assert bodies(visit, "/read") == [{"seen": 450}]
    assert await mara.unread() == 0
    await expect(older_button(page)).to_be_attached()
    await expect(divider(page).locator("+ li")).to_contain_text("Message number 101.")


async def test_a_reply_does_not_mark_messages_as_shown_that_are_not(
    site: Site, visit: Visits
) -> None:
    """A reply with `seen` moves its writer's mark, so this one goes without."""
    mara, ticket = await long_ticket(site, 450, shown=100)
    page = await visit(mara, f"#/tickets/{ticket}")
    await expect(number(page, 450)).to_be_attached()

    await reply_box(page).fill("I have not read all of this.")
    await send_button(page).click()

    await expect(message(page, "I have not read all of this.")).to_be_visible()
    await expect(reply_box(page)).to_have_value("")
    assert bodies(visit, "/reply") == [{"message": "I have not read all of this."}]
    assert await mara.unread() == 1
    await older_button(page, "Show older unread messages").click()
    await expect(badge(page, 0)).to_be_visible()
    await reply_box(page).fill("Now I have.")
    await send_button(page).click()
    await expect(message(page, "Now I have.")).to_be_visible()
    assert bodies(visit, "/reply")[-1] == {"message": "Now I have.", "seen": 451}


async def test_older_messages_that_fail_to_load_are_an_error_and_can_be_tried_again(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems(FAILED_REQUEST)
    mara, ticket = await long_ticket(site, 250)
    page = await visit(mara, f"#/tickets/{ticket}")
    await expect(number(page, 250)).to_be_attached()
    await page.route(OLDER_PAGES, lambda route: route.abort())

    await older_button(page).click()

    await expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_visible()
    await page.unroute_all()
    await older_button(page).click()
    await expect(text(page, FIRST)).to_be_attached()


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_divider_stands_before_the_first_new_message_of_the_other_side(
    site: Site, visit: Visits, path: str
) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, "An answer.")
    reader, writer = (mara, site.admin) if path == "account" else (site.admin, mara)
    side = "" if path == "account" else "/admin"
    await reader.calls.get(f"{side}/{ticket}")
    await site.reply(reader, ticket, "One's own is not new.")
    await site.reply(writer, ticket, "This is new.")
    await site.reply(writer, ticket, "So is this.")

    page = await visit(reader, f"#/tickets/{ticket}", clock=True)

    await expect(divider(page)).to_have_count(1)
    await expect(divider(page).locator("+ li")).to_contain_text("This is new.")
    # it stays where it is while the ticket is open
    await expect(badge(page, 0)).to_be_visible()
    await site.reply(writer, ticket, "And this came later.")
    await next_poll(page)
    await expect(message(page, "And this came later.")).to_be_visible()
    await expect(divider(page)).to_have_count(1)
    await expect(divider(page).locator("+ li")).to_contain_text("This is new.")
    # nothing is new when it is opened again
    await page.reload()
    await expect(message(page, "And this came later.")).to_be_visible()
    await expect(divider(page)).to_have_count(0)
