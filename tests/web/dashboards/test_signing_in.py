"""Signing in by form or link, signing out, and expired tokens."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, Route, expect

from tests.web.site import Site
from tests.web.views import announcement, heading, message, reply_box, ticket_link
from tests.web.visits import Visits, next_poll

UNKNOWN_TOKEN = "This token is unknown, or it has expired."


async def enter_token(page: Page, token: str) -> None:
    """Type a token into the sign-in form and submit it."""
    await page.get_by_label("Access token").fill(token)
    await page.get_by_label("Access token").press("Enter")


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_token_is_requested_and_stored_for_the_session(
    site: Site, visit: Visits, path: str
) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="Behind the door")
    person = mara if path == "account" else site.admin
    page = await visit.signed_out()
    await page.goto(f"{site.root}/{path}")
    await expect(page.get_by_label("Access token")).to_be_focused()
    await expect(page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()
    await expect(page.get_by_role("button", name="Sign out")).to_be_hidden()

    await enter_token(page, f" {person.token} ")

    await expect(ticket_link(page, "Behind the door")).to_be_visible()
    await expect(page.get_by_label("Access token")).to_be_hidden()
    await page.reload()
    await expect(ticket_link(page, "Behind the door")).to_be_visible()


async def test_an_unknown_token_shows_an_error_at_its_field(site: Site, visit: Visits) -> None:
    visit.allow_problems("status of 401")
    page = await visit.signed_out()
    await page.goto(f"{site.root}/account")
    box = page.get_by_label("Access token")

    for token in ("wrong", "wröng", "", "two words"):
        await box.fill("")
        await enter_token(page, token)
        await expect(page.get_by_text(UNKNOWN_TOKEN)).to_be_visible()
        await expect(box).to_be_focused()
        await expect(box).to_have_accessible_description(UNKNOWN_TOKEN)
        await expect(box).to_have_value(token)


async def test_a_users_token_does_not_open_the_admin_dashboard(site: Site, visit: Visits) -> None:
    visit.allow_problems("status of 401")
    mara = await site.user()
    await site.ticket(mara, subject="Behind the door")
    page = await visit.signed_out()
    await page.goto(f"{site.root}/admin")

    await enter_token(page, mara.token)

    await expect(page.get_by_text(UNKNOWN_TOKEN)).to_be_visible()
    await expect(page.get_by_text("Behind the door")).to_have_count(0)


async def test_signing_in_leads_to_the_view_of_the_address(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, subject="The one that was linked")
    page = await visit.signed_out()
    await page.goto(f"{site.root}/account#/tickets/{ticket}")

    await enter_token(page, mara.token)

    await expect(heading(page, "The one that was linked")).to_be_focused()


async def test_after_a_user_has_signed_out_no_data_is_left(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, "An answer.", subject="My secret")
    page = await visit(mara, f"#/tickets/{ticket}")
    await reply_box(page).fill("A secret draft")

    await page.get_by_role("button", name="Sign out").click()

    await expect(page.get_by_label("Access token")).to_be_focused()
    await expect(page).to_have_title("Sign in · Support")
    for text in ("My secret", "An answer.", "A secret draft"):
        await expect(page.get_by_text(text)).to_have_count(0)
    assert mara.token not in await page.evaluate("JSON.stringify([sessionStorage, localStorage])")
    await page.reload()
    await expect(page.get_by_label("Access token")).to_be_focused()
    await page.go_back()
    await expect(page.get_by_text("My secret")).to_have_count(0)


async def test_after_an_admin_has_signed_out_no_data_is_left(site: Site, visit: Visits) -> None:
    mara = await site.user("mara@example.com")
    ticket = await site.ticket(mara, "An answer.", subject="My secret")
    page = await visit(site.admin, f"#/tickets/{ticket}", clock=True)
    # messages that are there when the ticket opens are not announced
    await expect(page.get_by_text("An answer.")).to_be_visible()
    await site.reply(mara, ticket, "A secret word.")
    await next_poll(page)
    await expect(announcement(page, "A secret word.")).to_be_attached()

    await page.get_by_role("button", name="Sign out").click()

    await expect(page.get_by_label("Access token")).to_be_focused()
    for text in ("My secret", "An answer.", "A secret word.", "mara@example.com"):
        await expect(page.get_by_text(text)).to_have_count(0)
    cards = await page.locator("ticket-stats button").all_text_contents()
    assert cards == ["Open –", "In progress –", "Resolved –", "Unread –"]


async def test_the_next_person_at_the_computer_does_not_see_the_previous_drafts(
    site: Site, visit: Visits
) -> None:
    mara, tomasz = await site.user(), await site.user()
    page = await visit(mara, "#/new")
    await page.get_by_label("Subject").fill("Between us")

    await page.get_by_role("button", name="Sign out").click()
    await enter_token(page, tomasz.token)

    await expect(heading(page, "New ticket")).to_be_visible()
    await expect(page.get_by_label("Subject")).to_have_value("")
    await page.get_by_role("button", name="Sign out").click()
    await enter_token(page, mara.token)
    await expect(page.get_by_label("Subject")).to_have_value("Between us")


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_link_with_a_token_signs_in_and_the_token_is_removed_from_the_address(
    site: Site, visit: Visits, path: str
) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="Ready to use")
    person = mara if path == "account" else site.admin
    page = await visit.signed_out()
    await page.goto("about:blank")
    addresses = []

    async def look(route: Route) -> None:
        addresses.append(await page.evaluate("location.href"))
        await route.continue_()

    await page.route("**/api/**", look)

    await page.goto(f"{site.root}/{path}#token={person.token}")

    await expect(ticket_link(page, "Ready to use")).to_be_visible()
    assert addresses
    assert not [address for address in addresses if "token" in address]
    assert person.token not in page.url
    # nor is it in the history
    await page.go_back()
    await page.go_forward()
    assert person.token not in page.url
    await expect(ticket_link(page, "Ready to use")).to_be_visible()


async def test_a_second_link_in_the_same_tab_signs_in_another_person(
    site: Site, visit: Visits
) -> None:
    mara, tomasz = await site.user(), await site.user()
    await site.ticket(mara, subject="Of Mara")
    await site.ticket(tomasz, subject="Of Tomasz")
    page = await visit(mara)
    await expect(ticket_link(page, "Of Mara")).to_be_visible()

    await visit.sign_in(page, tomasz)

    await expect(ticket_link(page, "Of Tomasz")).to_be_visible()
    await expect(page.get_by_text("Of Mara")).to_have_count(0)
    assert tomasz.token not in page.url


async def test_an_expired_token_is_requested_again_and_the_draft_is_kept(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems("status of 401")
    mara = await site.user()
    ticket = await site.ticket(mara, subject="Still open")
    page = await visit(mara, f"#/tickets/{ticket}", clock=True)
    await reply_box(page).fill("Typed before it expired")
    await site.expire_tokens(mara)

    await next_poll(page)

    dialog = page.get_by_role("dialog", name="Sign in")
    await expect(dialog.get_by_label("Access token")).to_be_focused()
    await expect(dialog).to_contain_text("what you typed is kept")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_visible()
    await enter_token(page, "wrong")
    await expect(dialog.get_by_text(UNKNOWN_TOKEN)).to_be_visible()
    await enter_token(page, await site.new_token(mara))
    await expect(dialog).to_be_hidden()
    await expect(reply_box(page)).to_be_focused()
    await expect(reply_box(page)).to_have_value("Typed before it expired")
    await page.keyboard.press("Control+Enter")
    await expect(message(page, "Typed before it expired")).to_be_visible()
    assert len(await site.message_texts(ticket)) == 2


async def test_a_reload_with_an_expired_token_asks_to_sign_in_and_then_shows_the_draft(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems("status of 401")
    mara = await site.user()
    page = await visit(mara, "#/new")
    await page.get_by_label("Subject").fill("Typed before it expired")
    await site.expire_tokens(mara)

    await page.reload()
    await enter_token(page, await site.new_token(mara))

    await expect(page.get_by_label("Subject")).to_have_value("Typed before it expired")
