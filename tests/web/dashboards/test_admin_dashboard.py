"""The admin dashboard: figures, filters, all tickets, and one ticket beside the list."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.web.site import Site
from tests.web.views import (
    announcement,
    badge,
    card,
    choose,
    expect_subjects,
    heading,
    message,
    reply_box,
    row,
    rows,
    send_button,
    status_filter,
    status_select,
    ticket_link,
)
from tests.web.visits import NARROW, HeldRequests, Person, Visits


async def card_counts(page: Page) -> dict[str, str]:
    """Return the figures by the labels of their cards."""
    labels = ("Open", "In progress", "Resolved", "Unread")
    return {label: (await card(page, label).inner_text()).split()[-1] for label in labels}


async def open_tickets_of_every_kind(site: Site) -> Person:
    """Open tickets of every status and category; return their user."""
    mara = await site.user("mara@example.com")
    for category, status, count in (
        ("support", "open", 3),
        ("billing", "open", 1),
        ("billing", "in_progress", 2),
        ("feature_suggestion", "resolved", 1),
        ("other", "closed", 1),
    ):
        for number in range(count):
            subject = f"{category} {status} {number}"
            await site.ticket(mara, "Seen.", category=category, status=status, subject=subject)
    # a reply of the admins does not mark the ticket as read
    for ticket in (await site.list_tickets())[2:]:
        await site.admin.calls.get(f"/admin/{ticket['id']}")
    return mara


async def test_a_row_shows_every_column(site: Site, visit: Visits) -> None:
    mara = await site.user("mara@example.com")
    await site.ticket(
        mara, "One.", "Two.", category="other", other_category="Press", subject="An interview?"
    )

    page = await visit(site.admin)

    api_requests = row(page, "An interview?")
    await expect(api_requests.get_by_role("link", name="Unread: An interview?")).to_be_visible()
    for column in ("mara@example.com", "Press", "3 messages", "Open", "just now"):
        await expect(api_requests.get_by_text(column, exact=True)).to_be_visible()
    assert await api_requests.evaluate(
        "row => getComputedStyle(row, '::before').content !== 'none'"
    )
    assert await api_requests.get_by_role("time").get_attribute("title")


async def test_the_cards_show_the_stats_of_the_api(site: Site, visit: Visits) -> None:
    await open_tickets_of_every_kind(site)

    page = await visit(site.admin)

    await expect(card(page, "Open")).to_have_text("Open 4")
    assert await card_counts(page) == {
        "Open": "4",
        "In progress": "2",
        "Resolved": "1",
        "Unread": "2",
    }
    await expect(badge(page, 2)).to_be_visible()
    await expect(page).to_have_title("(2) Tickets · Support admin")


async def test_a_card_turns_its_filter_on_and_off(site: Site, visit: Visits) -> None:
    await open_tickets_of_every_kind(site)
    page = await visit(site.admin)
    await expect(rows(page)).to_have_count(8)

    for label, count in (("Open", 4), ("In progress", 2), ("Resolved", 1), ("Unread", 2)):
        await card(page, label).click()
        await expect(rows(page)).to_have_count(count)
        await expect(card(page, label)).to_have_attribute("aria-pressed", "true")
        await expect(card(page, label)).to_be_focused()
        status = "All statuses" if label == "Unread" else label
        await expect(status_filter(page).locator("option:checked")).to_have_text(status)
        await card(page, label).click()
        await expect(rows(page)).to_have_count(8)
        await expect(card(page, label)).to_have_attribute("aria-pressed", "false")


async def test_the_unread_card_shows_only_unread_tickets(site: Site, visit: Visits) -> None:
    mara = await site.user()
    read = await site.ticket(mara, subject="Read already")
    await site.admin.calls.get(f"/admin/{read}")
    await site.ticket(mara, subject="Not read yet")
    page = await visit(site.admin)

    await card(page, "Unread").click()

    await expect_subjects(page, "Unread: Not read yet")


async def test_the_chart_shows_tickets_by_category(site: Site, visit: Visits) -> None:
    await open_tickets_of_every_kind(site)

    page = await visit(site.admin)

    chart = page.get_by_role("figure", name="Tickets by category")
    await expect(chart.get_by_role("listitem")).to_have_text(
        ["Support 3", "Billing 3", "Feature Suggestion 1", "Other 1"]
    )
    full = "bars => bars.map(({ value, max }) => value / max)"
    assert await chart.locator("meter").evaluate_all(full) == pytest.approx([1, 1, 1 / 3, 1 / 3])


async def test_status_and_category_filter_together(site: Site, visit: Visits) -> None:
    await open_tickets_of_every_kind(site)
    page = await visit(site.admin)

    await choose(page.get_by_label("Category"), "Billing")
    await expect(rows(page)).to_have_count(3)
    await choose(status_filter(page), "In progress")

    await expect(rows(page)).to_have_count(2)
    await expect(rows(page).get_by_text("Billing", exact=True)).to_have_count(2)
    await expect(rows(page).get_by_text("In progress", exact=True)).to_have_count(2)
    await expect(card(page, "In progress")).to_have_attribute("aria-pressed", "true")
    await choose(page.get_by_label("Category"), "Other")
    await expect(page.get_by_text("No tickets match these filters.")).to_be_visible()
    await page.get_by_role("link", name="Show all tickets").click()
    await expect(rows(page)).to_have_count(8)


async def test_the_status_select_changes_the_status(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, subject="To be resolved")
    page = await visit(site.admin, f"#/tickets/{ticket}")
    status = status_select(page)
    await expect(status.get_by_role("option")).to_have_text(
        ["Open", "In progress", "Resolved", "Closed"]
    )

    await choose(status, "Resolved")

    await expect(card(page, "Resolved")).to_have_text("Resolved 1")
    await expect(card(page, "Open")).to_have_text("Open 0")
    await expect(row(page, "To be resolved").get_by_text("Resolved", exact=True)).to_be_visible()
    await expect(page.get_by_text("Status is now Resolved.")).to_be_attached()
    await expect(status).to_be_focused()
    assert [kept["status"] for kept in await site.list_tickets()] == ["resolved"]
    theirs = await visit(mara)
    await expect(row(theirs, "To be resolved").get_by_text("Resolved", exact=True)).to_be_visible()


async def test_of_two_choices_of_a_status_the_later_one_wins(site: Site, visit: Visits) -> None:
    ticket = await site.ticket(await site.user(), subject="Undecided")
    page = await visit(site.admin, f"#/tickets/{ticket}")
    status = status_select(page)
    first, second = HeldRequests(), HeldRequests()
    handlers = [first, second]
    await page.route("**/status", lambda route: handlers.pop(0)(route))

    await choose(status, "Resolved")
    await first.wait_for_request()
    await choose(status, "In progress")
    # the later one is sent only now, so that the earlier one cannot overtake it
    assert second.count == 0
    first.release()
    await second.wait_for_request()

    # the response to the earlier one has come, and does not show in the thread
    await expect(announcement(page, "Status is now Resolved.")).to_be_attached()
    await expect(status).to_have_value("in_progress")
    second.release()
    await expect(announcement(page, "Status is now In progress.")).to_be_attached()
    await expect(status).to_have_value("in_progress")
    assert [kept["status"] for kept in await site.list_tickets()] == ["in_progress"]


async def test_a_failed_status_change_shows_the_error_and_the_current_status(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems("status of 503")
    ticket = await site.ticket(await site.user())
    page = await visit(site.admin, f"#/tickets/{ticket}")
    sentence = '{"detail": "The database is being restarted."}'
    await page.route(
        "**/status",
        lambda route: route.fulfill(
            status=503, body=sentence, content_type="application/problem+json"
        ),
    )

    await choose(status_select(page), "Closed")

    await expect(page.get_by_role("alert")).to_contain_text(["The database is being restarted."])
    await expect(status_select(page)).to_have_value("open")
    await expect(reply_box(page)).to_be_visible()


async def test_a_closed_ticket_has_no_reply_box(site: Site, visit: Visits) -> None:
    ticket = await site.ticket(await site.user())
    page = await visit(site.admin, f"#/tickets/{ticket}")
    await expect(reply_box(page)).to_be_visible()

    await choose(status_select(page), "Closed")

    await expect(page.get_by_text("This ticket is closed")).to_be_visible()
    await expect(reply_box(page)).to_be_hidden()
    await expect(send_button(page)).to_be_hidden()
    await choose(status_select(page), "In progress")
    await expect(reply_box(page)).to_be_visible()


async def test_a_reply_is_sent_and_updates_the_list(site: Site, visit: Visits) -> None:
    mara = await site.user("mara@example.com")
    ticket = await site.ticket(mara, subject="Answer me", message="Is anybody there?")
    page = await visit(site.admin)
    await ticket_link(page, "Answer me").click()
    await expect(message(page, "Is anybody there?")).to_contain_text("mara@example.com")

    await reply_box(page).fill("Somebody is.")
    await reply_box(page).press("Control+Enter")

    await expect(message(page, "Somebody is.")).to_contain_text("Support team")
    await expect(row(page, "Answer me").get_by_text("2 messages", exact=True)).to_be_visible()
    assert await site.message_texts(ticket) == ["Is anybody there?", "Somebody is."]
    assert await mara.unread() == 1


async def test_opening_a_ticket_marks_it_as_read_and_it_stays_in_the_filtered_list(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="First")
    await site.ticket(mara, subject="Second")
    page = await visit(site.admin, "#/tickets?unread=1")

    await ticket_link(page, "First").click()

    await expect(badge(page, 1)).to_be_visible()
    await expect(card(page, "Unread")).to_have_text("Unread 1")
    await expect(rows(page)).to_have_count(2)
    await expect(page.get_by_role("link", name="First", exact=True)).to_have_attribute(
        "aria-current", "true"
    )
    assert await site.admin.unread() == 1


async def test_list_and_ticket_are_side_by_side_in_a_wide_window(site: Site, visit: Visits) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="First")
    await site.ticket(mara, subject="Second")
    page = await visit(site.admin)
    await expect(page.get_by_text("Choose a ticket to read and answer it.")).to_be_visible()

    await ticket_link(page, "First").click()

    await expect(heading(page, "First")).to_be_focused()
    left = await ticket_link(page, "Second").bounding_box()
    right = await heading(page, "First").bounding_box()
    assert left
    assert right
    assert left["x"] + left["width"] < right["x"]
    await ticket_link(page, "Second").click()
    await expect(heading(page, "Second")).to_be_focused()
    await expect(heading(page, "First")).to_have_count(0)
    await page.get_by_role("link", name="Back to tickets").click()
    await expect(ticket_link(page, "Second")).to_be_focused()
    await expect(page.get_by_text("Choose a ticket to read and answer it.")).to_be_visible()


async def test_the_ticket_replaces_the_list_on_a_narrow_screen(site: Site, visit: Visits) -> None:
    await site.ticket(await site.user(), subject="First")
    page = await visit(site.admin, viewport=NARROW)

    await ticket_link(page, "First").click()

    await expect(heading(page, "First")).to_be_focused()
    await expect(ticket_link(page, "First")).to_be_hidden()
    await page.get_by_role("link", name="Back to tickets").click()
    await expect(ticket_link(page, "First")).to_be_focused()
    await expect(heading(page, "First")).to_be_hidden()


async def test_show_more_loads_all_tickets_each_once(site: Site, visit: Visits) -> None:
    user = await site.world.user()
    for number in range(52):
        await site.world.ticket(user, subject=f"Number {number:02}")
    page = await visit(site.admin)
    await expect(rows(page)).to_have_count(50)

    await page.get_by_role("button", name="Show more").click()

    await expect_subjects(page, *[f"Unread: Number {number:02}" for number in reversed(range(52))])
    await expect(page.get_by_role("button", name="Show more")).to_be_hidden()
