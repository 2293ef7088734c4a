"""A ticket on the account dashboard: messages, days, replies, going back, closed tickets."""

from __future__ import annotations

from datetime import timedelta

from playwright.async_api import expect

from tests.web.site import Site
from tests.web.views import (
    announcement,
    badge,
    expect_subjects,
    heading,
    message,
    messages,
    reply_box,
    send_button,
    ticket_link,
)
from tests.web.visits import WIDE, Visits
from tests.world import ADMIN, START
from tickets.domain.people import Actor


async def test_each_side_has_its_messages_on_its_own_side(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, "Which browser?", message="Nothing happens.")

    page = await visit(mara, f"#/tickets/{ticket}")

    await expect(message(page, "Nothing happens.")).to_contain_text("You")
    await expect(message(page, "Which browser?")).to_contain_text("Support")
    own = await message(page, "Nothing happens.").bounding_box()
    other = await message(page, "Which browser?").bounding_box()
    assert own
    assert other
    assert own["x"] > other["x"]
    assert own["x"] + own["width"] > other["x"] + other["width"]
    colour = "bubble => getComputedStyle(bubble).backgroundColor"
    own = await message(page, "Nothing happens.").evaluate(colour)
    assert own != await message(page, "Which browser?").evaluate(colour)


async def test_messages_of_different_days_have_a_separator(site: Site, visit: Visits) -> None:
    mara = await site.user()
    opened = await site.world.ticket(mara.calls.user_id, message="On the first day.")
    site.world.clock.pass_time(days=5)
    await site.world.reply(opened.id, ADMIN, "On the sixth day.")
    await site.world.reply(opened.id, ADMIN, "A little later.")
    site.world.clock.pass_time(days=1)
    await site.world.reply(opened.id, Actor.user(mara.calls.user_id), "A day later.")
    site.world.clock.pass_time(days=1)
    await site.world.reply(opened.id, ADMIN, "On the last day.")
    page = await visit.signed_out(clock=True)
    await page.clock.install(time=START + timedelta(days=7, hours=3))
    await visit.sign_in(page, mara)

    await ticket_link(page, "The export stops half-way").click()

    days = page.get_by_role("region", name="Messages").get_by_role("heading", level=3)
    await expect(days).to_have_text(
        ["Tuesday 3 February", "Sunday 8 February", "New", "Yesterday", "Today"]
    )
    texts = [text.splitlines()[-1] for text in await messages(page).all_inner_texts()]
    assert texts == [
        "Tuesday 3 February",
        "On the first day.",
        "Sunday 8 February",
        "New",
        "On the sixth day.",
        "A little later.",
        "Yesterday",
        "A day later.",
        "Today",
        "On the last day.",
    ]
    await expect(message(page, "On the sixth day.").get_by_role("time")).to_have_text("11:00")


async def test_a_reply_is_sent_by_button_or_keyboard_and_the_box_is_ready_for_the_next(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, message="The first message.")
    page = await visit(mara, f"#/tickets/{ticket}")
    counter = page.locator("form").filter(has=reply_box(page))

    for number, keys in enumerate(["Control+Enter", "Meta+Enter", None], 1):
        await reply_box(page).fill(f"This is reply {number}.\nOf two lines.")
        await expect(counter.get_by_text("30 / 5,000", exact=True)).to_be_visible()
        await (reply_box(page).press(keys) if keys else send_button(page).click())
        await expect(message(page, f"This is reply {number}.")).to_be_in_viewport()
        await expect(reply_box(page)).to_be_focused()
        await expect(reply_box(page)).to_have_value("")
        await expect(counter.get_by_text("0 / 5,000", exact=True)).to_be_visible()
        await expect(announcement(page, "Reply sent.")).to_be_attached()

    replies = [f"This is reply {number}.\nOf two lines." for number in (1, 2, 3)]
    assert await site.message_texts(ticket) == ["The first message.", *replies]
    assert await site.admin.unread() == 1


async def test_the_focus_is_given_back_after_sending(site: Site, visit: Visits) -> None:
    """The button is disabled while the reply is being sent, and loses the focus with that."""
    visit.allow_problems("status of 503")
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara, f"#/tickets/{ticket}")
    await page.route("**/reply", lambda route: route.fulfill(status=503, json={"detail": "Down."}))
    await reply_box(page).fill("Hello?")

    await send_button(page).focus()
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("alert").filter(has_text="Down.")).to_be_visible()
    await expect(send_button(page)).to_be_focused()

    await page.unroute_all()
    await page.keyboard.press("Enter")

    await expect(message(page, "Hello?")).to_be_visible()
    await expect(reply_box(page)).to_have_value("")
    # ready for the next reply
    await expect(reply_box(page)).to_be_focused()


async def test_enter_inserts_a_new_line(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara, f"#/tickets/{ticket}")

    await reply_box(page).fill("One")
    await reply_box(page).press("Enter")
    await reply_box(page).press_sequentially("Two")

    await expect(reply_box(page)).to_have_value("One\nTwo")
    assert len(await site.message_texts(ticket)) == 1


async def test_an_empty_reply_is_not_sent(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara, f"#/tickets/{ticket}")

    await reply_box(page).fill("  \n ")
    await send_button(page).click()

    await expect(page.get_by_text("Reply must not be empty.")).to_be_visible()
    await expect(reply_box(page)).to_be_focused()
    assert len(await site.message_texts(ticket)) == 1


async def test_opening_a_ticket_marks_it_as_read(site: Site, visit: Visits) -> None:
    mara = await site.user()
    await site.ticket(mara, "An answer.", subject="Answered")
    await site.ticket(mara, "Another.", subject="Answered too")
    page = await visit(mara)
    await expect(badge(page, 2)).to_be_visible()

    await ticket_link(page, "Answered too").click()

    await expect(badge(page, 1)).to_be_visible()
    await expect(page).to_have_title("(1) Answered too · Support")
    assert await mara.unread() == 1
    await page.get_by_role("link", name="Back to tickets").click()
    await expect_subjects(page, "Answered too", "Unread: Answered")


async def test_going_back_leads_to_the_same_place_in_the_same_list(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    for number in range(30):
        ticket = await site.world.ticket(mara.calls.user_id, subject=f"Number {number:02}")
        if number % 3:
            await site.change_status(ticket.id, "resolved")
    page = await visit(mara, "#/tickets?status=open", viewport=WIDE | {"height": 500})
    await ticket_link(page, "Number 09").scroll_into_view_if_needed()
    before = await ticket_link(page, "Number 09").bounding_box()
    await ticket_link(page, "Number 09").click()
    await expect(heading(page, "Number 09")).to_be_focused()

    await page.get_by_role("link", name="Back to tickets").click()

    await expect(ticket_link(page, "Number 09")).to_be_focused()
    await expect(page.get_by_label("Status")).to_have_value("open")
    assert await ticket_link(page, "Number 09").bounding_box() == before
    await page.go_back()
    await expect(heading(page, "Number 09")).to_be_focused()
    await page.go_forward()
    await expect(ticket_link(page, "Number 09")).to_be_focused()


async def test_a_closed_ticket_says_so_and_offers_a_follow_up(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, subject="Settled", status="closed")

    page = await visit(mara, f"#/tickets/{ticket}")

    await expect(page.get_by_text("This ticket is closed")).to_be_visible()
    await expect(reply_box(page)).to_be_hidden()
    await expect(send_button(page)).to_be_hidden()
    await page.get_by_role("link", name="Open a follow-up").click()
    await expect(heading(page, "New ticket")).to_be_visible()
    await expect(page.get_by_label("Category", exact=True)).to_be_focused()


async def test_every_other_status_accepts_replies(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await visit(mara, f"#/tickets/{ticket}")

    for status in ("in_progress", "resolved", "open"):
        await site.change_status(ticket, status)
        await page.reload()
        await expect(reply_box(page)).to_be_visible()
        await expect(page.get_by_text("This ticket is closed")).to_be_hidden()


async def test_a_missing_ticket_shows_an_error_and_a_way_back(site: Site, visit: Visits) -> None:
    visit.allow_problems("status of 404")
    mara, tomasz = await site.user(), await site.user()
    foreign = await site.ticket(tomasz, subject="Not for Mara")
    page = await visit(mara)

    for ticket in (foreign, 999_999_999):
        await page.goto(f"{site.root}/account#/tickets/{ticket}")
        await expect(page.get_by_text("There is no such ticket.")).to_be_visible()
        await expect(page.get_by_text("Not for Mara")).to_have_count(0)
        await expect(reply_box(page)).to_be_hidden()
        await page.get_by_role("link", name="Back to tickets").click()
        await expect(heading(page, "Tickets")).to_be_visible()
