"""Routes: every view has an address, for reload, back and forward, and links."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.web.site import Site
from tests.web.views import (
    card,
    choose,
    expect_subjects,
    heading,
    message,
    status_filter,
    ticket_link,
)
from tests.web.visits import Visits


async def test_each_view_of_the_account_dashboard_is_the_same_after_a_reload(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="Open still")
    await site.ticket(mara, subject="Settled", status="resolved")
    page = await visit(mara)

    await choose(status_filter(page), "Resolved")
    await expect_subjects(page, "Settled")
    await page.reload()
    await expect_subjects(page, "Settled")
    await expect(status_filter(page)).to_have_value("resolved")

    await ticket_link(page, "Settled").click()
    await expect(heading(page, "Settled")).to_be_visible()
    await page.reload()
    await expect(heading(page, "Settled")).to_be_visible()
    await page.get_by_role("link", name="Back to tickets").click()
    await expect_subjects(page, "Settled")

    await page.get_by_role("link", name="New ticket").click()
    await expect(heading(page, "New ticket")).to_be_visible()
    await page.reload()
    await expect(heading(page, "New ticket")).to_be_visible()
    await expect(page).to_have_title("New ticket · Support")


async def test_each_view_of_the_admin_dashboard_is_the_same_after_a_reload(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="A bill", category="billing")
    read = await site.ticket(mara, subject="A bill that is read", category="billing")
    await site.ticket(mara, subject="No bill")
    await site.admin.calls.get(f"/admin/{read}")
    page = await visit(site.admin)

    await choose(page.get_by_label("Category"), "Billing")
    await card(page, "Unread").click()
    await expect_subjects(page, "Unread: A bill")
    await page.reload()
    await expect_subjects(page, "Unread: A bill")
    await expect(card(page, "Unread")).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_label("Category")).to_have_value("billing")

    await ticket_link(page, "A bill").click()
    await expect(heading(page, "A bill")).to_be_visible()
    await page.reload()
    await expect(heading(page, "A bill")).to_be_visible()
    await expect(page.get_by_label("Category")).to_have_value("billing")


async def test_back_and_forward_go_through_all_visited_views(site: Site, visit: Visits) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="First")
    await site.ticket(mara, subject="Second", status="resolved")
    page = await visit(mara)
    await ticket_link(page, "First").click()
    await expect(heading(page, "First")).to_be_visible()
    await page.get_by_role("link", name="Back to tickets").click()
    await choose(status_filter(page), "Resolved")
    await expect_subjects(page, "Second")
    await ticket_link(page, "Second").click()
    await expect(heading(page, "Second")).to_be_visible()

    await page.go_back()
    await expect_subjects(page, "Second")
    await expect(status_filter(page)).to_have_value("resolved")
    await page.go_back()
    await expect_subjects(page, "Second", "First")
    await expect(status_filter(page)).to_have_value("")
    await page.go_back()
    await expect(heading(page, "First")).to_be_visible()
    await page.go_forward()
    await page.go_forward()
    await page.go_forward()
    await expect(heading(page, "Second")).to_be_visible()


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_link_to_a_ticket_opens_it(site: Site, visit: Visits, path: str) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, subject="The one", message="That was linked to.")
    person = mara if path == "account" else site.admin
    page = await visit(person)
    # in another tab, as from an e-mail: only the first tab is signed in
    await page.goto("about:blank")

    await page.goto(f"{site.root}/{path}#/tickets/{ticket}")

    await expect(heading(page, "The one")).to_be_visible()
    await expect(message(page, "That was linked to.")).to_be_visible()


async def test_an_unknown_address_is_the_list(site: Site, visit: Visits) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="The one")
    page = await visit(mara)

    for route in (
        "#/nowhere",
        "#/tickets/0x1f",
        "#/tickets/1e9",
        "#/tickets/-1",
        "#/tickets/99999999999999999999",
        "#/tickets?status=bogus&category=&unread=maybe",
        "#/tickets?status=__proto__",
        "#%E0%A4%A",
        "#token=",
    ):
        await page.goto(f"{site.root}/account{route}")
        await page.reload()
        await expect_subjects(page, "The one")
        await expect(status_filter(page)).to_have_value("")


async def test_a_ticket_opens_in_another_tab_by_its_link(site: Site, visit: Visits) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="The one")
    page = await visit(mara)

    async with page.context.expect_page() as opening:
        await ticket_link(page, "The one").click(modifiers=["ControlOrMeta"])
    other = await opening.value

    assert "#/tickets/" in other.url
    await expect_subjects(page, "The one")


async def test_the_root_leads_to_the_account(site: Site, visit: Visits) -> None:
    page = await visit.signed_out()

    await page.goto(f"{site.root}/")

    await expect(page).to_have_url(f"{site.root}/account")
    await expect(page.get_by_label("Access token")).to_be_focused()
