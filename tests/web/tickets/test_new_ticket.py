"""The form for a new ticket: its fields, counters, validation and errors."""

from __future__ import annotations

from playwright.async_api import expect

from tests.web.site import Site
from tests.web.views import choose, expect_subjects, fill_in_ticket, heading, message, ticket_link
from tests.web.visits import Visits


async def test_a_ticket_is_opened_as_it_was_typed(site: Site, visit: Visits) -> None:
    mara = await site.user("mara@example.com")
    page = await visit(mara)

    await page.get_by_role("link", name="New ticket").click()
    await fill_in_ticket(
        page,
        category="Other",
        custom="  Press  ",
        subject=" An interview? ",
        message="On\n\nFriday?",
    )
    await page.get_by_role("button", name="Open ticket").click()

    await expect(heading(page, "An interview?")).to_be_focused()
    await expect(message(page, "On\n\nFriday?")).to_be_visible()
    (kept,) = await site.list_tickets()
    fields = ("category", "other_category", "subject", "user_email", "message_count", "status")
    assert [kept[field] for field in fields] == [
        "other",
        "Press",
        "An interview?",
        "mara@example.com",
        1,
        "open",
    ]
    assert await site.message_texts(kept["id"]) == ["On\n\nFriday?"]
    assert page.url.endswith(f"/account#/tickets/{kept['id']}")
    await page.get_by_role("link", name="Back to tickets").click()
    await expect_subjects(page, "An interview?")


async def test_going_back_from_a_new_ticket_skips_the_form(site: Site, visit: Visits) -> None:
    page = await visit(await site.user(), "#/new")
    await fill_in_ticket(page)
    await page.get_by_role("button", name="Open ticket").click()
    await expect(heading(page, "The export stops")).to_be_visible()

    await page.go_back()

    await expect_subjects(page, "The export stops")
    await page.get_by_role("link", name="New ticket").click()
    await expect(page.get_by_label("Subject")).to_have_value("")
    await expect(page.get_by_label("Message", exact=True)).to_have_value("")


async def test_there_are_four_categories_and_a_custom_one_for_other(
    site: Site, visit: Visits
) -> None:
    page = await visit(await site.user(), "#/new")
    category = page.get_by_label("Category", exact=True)

    await expect(category.get_by_role("option")).to_have_text(
        ["Support", "Billing", "Feature Suggestion", "Other"]
    )
    for name in ("Support", "Billing", "Feature Suggestion"):
        await choose(category, name)
        await expect(page.get_by_label("Custom category")).to_be_hidden()
    await choose(category, "Other")
    await expect(page.get_by_label("Custom category")).to_be_visible()


async def test_a_custom_category_is_not_sent_with_another_category(
    site: Site, visit: Visits
) -> None:
    page = await visit(await site.user(), "#/new")
    await fill_in_ticket(page, category="Other", custom="Press")

    await choose(page.get_by_label("Category", exact=True), "Billing")
    await page.get_by_role("button", name="Open ticket").click()

    await expect(heading(page, "The export stops")).to_be_visible()
    (kept,) = await site.list_tickets()
    assert (kept["category"], kept["other_category"]) == ("billing", None)


async def test_the_counter_counts_characters_as_the_server_does(site: Site, visit: Visits) -> None:
    page = await visit(await site.user(), "#/new")
    await choose(page.get_by_label("Category", exact=True), "Other")

    for label, typed, counted in (
        ("Subject", "  abc  ", "3 / 200"),
        ("Subject", "", "0 / 200"),
        ("Subject", "👩\u200d👧", "3 / 200"),  # three characters, displayed as one
        ("Message", "a" * 5000, "5,000 / 5,000"),
        ("Custom category (optional)", "Größe", "5 / 100"),
    ):
        box = page.get_by_label(label, exact=True)
        await box.fill(typed)
        await expect(page.get_by_text(counted, exact=True)).to_be_visible()
        # screen readers read it with its field
        await expect(box).to_have_accessible_description(counted)


async def test_a_text_that_is_too_long_shows_an_error_during_typing(
    site: Site, visit: Visits
) -> None:
    page = await visit(await site.user(), "#/new")
    subject = page.get_by_label("Subject")

    await subject.fill("a" * 201)

    await expect(page.get_by_text("Subject must be at most 200 characters long.")).to_be_visible()
    await expect(subject).to_have_attribute("aria-invalid", "true")
    await expect(subject).to_have_value("a" * 201)
    await subject.fill("a" * 200)
    await expect(page.get_by_text("Subject must be at most 200 characters long.")).to_be_hidden()
    await expect(subject).not_to_have_attribute("aria-invalid", "true")


async def test_missing_fields_show_errors_and_nothing_is_sent(site: Site, visit: Visits) -> None:
    page = await visit(await site.user(), "#/new")
    await page.get_by_label("Message", exact=True).fill("too short")

    await page.get_by_role("button", name="Open ticket").click()

    await expect(page.get_by_text("Subject must not be empty.")).to_be_visible()
    await expect(page.get_by_text("Message must be at least 10 characters long.")).to_be_visible()
    await expect(page.get_by_label("Subject")).to_be_focused()
    await expect(page.get_by_label("Subject")).to_have_accessible_description(
        "Subject must not be empty. 0 / 200"
    )
    assert [request.method for request in visit.requests if request.method == "POST"] == []


async def test_a_validation_error_of_the_server_is_shown_at_its_field(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems("status of 400")
    page = await visit(await site.user(), "#/new")
    await fill_in_ticket(page, subject="A\0B\0C", message="Half a pair: \0 is none.")

    await page.get_by_role("button", name="Open ticket").click()

    subject = "Subject contains a NUL character, which cannot be stored."
    await expect(page.get_by_text(subject, exact=True)).to_be_visible()
    await expect(page.get_by_label("Subject")).to_be_focused()
    await expect(page.get_by_label("Subject")).to_have_accessible_description(f"{subject} 5 / 200")
    await expect(page.get_by_label("Message", exact=True)).to_have_accessible_description(
        "Message contains a NUL character, which cannot be stored. 23 / 5,000"
    )
    await expect(page.get_by_role("alert").filter(has_text="NUL")).to_have_count(1)
    assert await site.list_tickets() == []


async def test_cancelling_leads_to_the_list_and_keeps_the_draft(site: Site, visit: Visits) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="An older one")
    page = await visit(mara, "#/new")
    await fill_in_ticket(page, subject="Not sure yet")

    await page.get_by_role("link", name="Cancel").click()

    await expect(ticket_link(page, "An older one")).to_be_visible()
    await page.get_by_role("link", name="New ticket").click()
    await expect(page.get_by_label("Subject")).to_have_value("Not sure yet")
    assert len(await site.list_tickets()) == 1
