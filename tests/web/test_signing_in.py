"""Signing in by hand or by link, signing out, and a token that is no longer good."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, Route, expect

from tests.web.site import Site
from tests.web.views import heading, message, reply_box, ticket_link, voice
from tests.web.visits import Visits, half_a_minute

UNKNOWN = "This token is unknown, or it has expired."


async def give_token(page: Page, token: str) -> None:
    """Type a token where it is asked for."""
    await page.get_by_label("Access token").fill(token)
    await page.get_by_label("Access token").press("Enter")


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_token_is_asked_for_and_kept_for_the_session(
    site: Site, visit: Visits, path: str
) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="Behind the door")
    person = mara if path == "account" else site.admin
    page = await visit.stranger()
    await page.goto(f"{site.root}/{path}")
    await expect(page.get_by_label("Access token")).to_be_focused()
    await expect(page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()
    await expect(page.get_by_role("button", name="Sign out")).to_be_hidden()

    await give_token(page, f" {person.token} ")

    await expect(ticket_link(page, "Behind the door")).to_be_visible()
    await expect(page.get_by_label("Access token")).to_be_hidden()
    await page.reload()
    await expect(ticket_link(page, "Behind the door")).to_be_visible()


async def test_a_wrong_token_is_refused_at_its_field(site: Site, visit: Visits) -> None:
    visit.forgive("status of 401")
    page = await visit.stranger()
    await page.goto(f"{site.root}/account")
    box = page.get_by_label("Access token")

    for token in ("wrong", "wröng", "", "two words"):
        await box.fill("")
        await give_token(page, token)
        await expect(page.get_by_text(UNKNOWN)).to_be_visible()
        await expect(box).to_be_focused()
        await expect(box).to_have_accessible_description(UNKNOWN)
        await expect(box).to_have_value(token)


async def test_a_users_token_opens_no_admin_portal(site: Site, visit: Visits) -> None:
    visit.forgive("status of 401")
    mara = await site.user()
    await site.ticket(mara, subject="Behind the door")
    page = await visit.stranger()
    await page.goto(f"{site.root}/admin")

    await give_token(page, mara.token)

    await expect(page.get_by_text(UNKNOWN)).to_be_visible()
    await expect(page.get_by_text("Behind the door")).to_have_count(0)


async def test_signing_in_goes_on_to_where_the_address_leads(site: Site, visit: Visits) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, subject="The one that was linked")
    page = await visit.stranger()
    await page.goto(f"{site.root}/account#/tickets/{ticket}")

    await give_token(page, mara.token)

    await expect(heading(page, "The one that was linked")).to_be_focused()


async def test_after_signing_out_nothing_is_left_to_see(site: Site, visit: Visits) -> None:
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


async def test_after_an_admin_has_signed_out_nothing_is_left_either(
    site: Site, visit: Visits
) -> None:
    mara = await site.user("mara@example.com")
    ticket = await site.ticket(mara, "An answer.", subject="My secret")
    page = await visit(site.admin, f"#/tickets/{ticket}", clock=True)
    # what is there at the first look is shown and not announced
    await expect(page.get_by_text("An answer.")).to_be_visible()
    await site.say(mara, ticket, "A secret word.")
    await half_a_minute(page)
    await expect(voice(page, "A secret word.")).to_be_attached()

    await page.get_by_role("button", name="Sign out").click()

    await expect(page.get_by_label("Access token")).to_be_focused()
    for text in ("My secret", "An answer.", "A secret word.", "mara@example.com"):
        await expect(page.get_by_text(text)).to_have_count(0)
    figures = await page.locator("ticket-stats button").all_text_contents()
    assert figures == ["Open –", "In progress –", "Resolved –", "Unread –"]


async def test_the_next_person_at_the_computer_does_not_see_the_drafts_of_the_one_before(
    site: Site, visit: Visits
) -> None:
    mara, tomasz = await site.user(), await site.user()
    page = await visit(mara, "#/new")
    await page.get_by_label("Subject").fill("Between us")

    await page.get_by_role("button", name="Sign out").click()
    await give_token(page, tomasz.token)

    await expect(heading(page, "New ticket")).to_be_visible()
    await expect(page.get_by_label("Subject")).to_have_value("")
    await page.get_by_role("button", name="Sign out").click()
    await give_token(page, mara.token)
    await expect(page.get_by_label("Subject")).to_have_value("Between us")


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_a_link_with_a_token_signs_in_and_the_token_leaves_the_address_at_once(
    site: Site, visit: Visits, path: str
) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="Ready to use")
    person = mara if path == "account" else site.admin
    page = await visit.stranger()
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
    # nor does the way back lead to it
    await page.go_back()
    await page.go_forward()
    assert person.token not in page.url
    await expect(ticket_link(page, "Ready to use")).to_be_visible()


async def test_a_second_link_in_the_same_tab_is_another_person(site: Site, visit: Visits) -> None:
    mara, tomasz = await site.user(), await site.user()
    await site.ticket(mara, subject="Of Mara")
    await site.ticket(tomasz, subject="Of Tomasz")
    page = await visit(mara)
    await expect(ticket_link(page, "Of Mara")).to_be_visible()

    await visit.sign_in(page, tomasz)

    await expect(ticket_link(page, "Of Tomasz")).to_be_visible()
    await expect(page.get_by_text("Of Mara")).to_have_count(0)
    assert tomasz.token not in page.url


async def test_a_token_that_expires_meanwhile_is_asked_for_again_and_nothing_is_lost(
    site: Site, visit: Visits
) -> None:
    visit.forgive("status of 401")
    mara = await site.user()
    ticket = await site.ticket(mara, subject="Still open")
    page = await visit(mara, f"#/tickets/{ticket}", clock=True)
    await reply_box(page).fill("Typed before it expired")
    await site.expire(mara)

    await half_a_minute(page)

    dialog = page.get_by_role("dialog", name="Sign in")
    await expect(dialog.get_by_label("Access token")).to_be_focused()
    await expect(dialog).to_contain_text("what you typed is kept")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_visible()
    await give_token(page, "wrong")
    await expect(dialog.get_by_text(UNKNOWN)).to_be_visible()
    await give_token(page, await site.new_token(mara))
    await expect(dialog).to_be_hidden()
    await expect(reply_box(page)).to_be_focused()
    await expect(reply_box(page)).to_have_value("Typed before it expired")
    await page.keyboard.press("Control+Enter")
    await expect(message(page, "Typed before it expired")).to_be_visible()
    assert len(await site.thread(ticket)) == 2


async def test_a_reload_after_the_token_expired_asks_and_then_shows_what_was_typed(
    site: Site, visit: Visits
) -> None:
    visit.forgive("status of 401")
    mara = await site.user()
    page = await visit(mara, "#/new")
    await page.get_by_label("Subject").fill("Typed before it expired")
    await site.expire(mara)

    await page.reload()
    await give_token(page, await site.new_token(mara))

    await expect(page.get_by_label("Subject")).to_have_value("Typed before it expired")
