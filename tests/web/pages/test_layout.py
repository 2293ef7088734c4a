"""Layout from 320 to 2560 pixels, with text at 200 percent, and with reduced motion."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, ViewportSize, expect

from tests.web.site import Site
from tests.web.views import heading, message, reply_box, rows, send_button, ticket_link
from tests.web.visits import NARROW, Person, Visits

# How far the page scrolls sideways, and which elements are outside where nobody can scroll.
OVERFLOW = """() => {
  const edge = document.documentElement.clientWidth;
  const out = [...document.querySelectorAll("button, a, input, select, textarea, h1, h2, p, time")]
    .filter((one) => one.checkVisibility() && getComputedStyle(one).clipPath === "none")
    .filter((one) => {
      const { left, right } = one.getBoundingClientRect();
      return left < -1 || right > edge + 1;
    });
  return [
    document.documentElement.scrollWidth - edge,
    ...out.map((one) => one.outerHTML.slice(0, 100)),
  ];
}"""

SIZES: dict[str, tuple[ViewportSize, int]] = {
    "320 pixels": (NARROW, 1),
    "a phone on its side": ({"width": 640, "height": 320}, 1),
    "1280 pixels, text at 200 percent": ({"width": 1280, "height": 800}, 2),
    "640 pixels, text at 200 percent": ({"width": 640, "height": 800}, 2),
    "2560 pixels": ({"width": 2560, "height": 1440}, 1),
}


async def set_text_size(page: Page, scale: int) -> None:
    """Set the text size, as in the browser's settings."""
    devtools = await page.context.new_cdp_session(page)
    sizes = {"standard": 16 * scale, "fixed": 13 * scale}
    await devtools.send("Page.setFontSizes", {"fontSizes": sizes})


async def expect_no_overflow(page: Page) -> None:
    """Expect no sideways scrolling, and nothing out of reach."""
    assert await page.evaluate(OVERFLOW) == [0]


async def open_two_tickets(site: Site) -> tuple[Person, int, int]:
    """Return a user, and an open and a closed ticket of theirs with long texts."""
    mara = await site.user("maximiliane.mustermann-beispielhausen@support.example.com")
    words = "A subject as people write it when they put all of the story into a single line"
    first = await site.ticket(mara, "Short.", "An answer. " * 60, subject=words)
    closed = await site.ticket(mara, subject="Settled", status="closed")
    return mara, first, closed


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", ["account", "admin"])
async def test_no_view_overflows(site: Site, visit: Visits, path: str, size: str) -> None:
    mara, first, closed = await open_two_tickets(site)
    viewport, scale = SIZES[size]
    page = await visit.signed_out(viewport=viewport)
    await set_text_size(page, scale)
    await page.goto(f"{site.root}/{path}")
    await expect(page.get_by_label("Access token")).to_be_visible()
    assert await page.evaluate("getComputedStyle(document.documentElement).fontSize") == (
        f"{16 * scale}px"
    )
    await expect_no_overflow(page)

    await visit.sign_in(page, mara if path == "account" else site.admin)
    await expect(rows(page)).to_have_count(2)
    await expect_no_overflow(page)

    await page.goto(f"{site.root}/{path}#/tickets/{first}")
    await expect(message(page, "An answer.")).to_be_visible()
    await reply_box(page).fill("A reply.\n" * 12)
    await expect_no_overflow(page)
    # all of it can be reached, even in a small window
    for place in (send_button(page), reply_box(page)):
        await place.scroll_into_view_if_needed()
        await expect(place).to_be_in_viewport()
        box = await place.bounding_box()
        assert box
        assert box["height"] >= 24

    await page.goto(f"{site.root}/{path}#/tickets/{closed}")
    await expect(page.get_by_text("This ticket is closed")).to_be_visible()
    await expect_no_overflow(page)

    if path == "account":
        await page.goto(f"{site.root}/{path}#/new")
        await page.get_by_label("Category", exact=True).select_option(label="Other")
        await page.get_by_role("button", name="Open ticket").click()
        await expect(page.get_by_text("Subject must not be empty.")).to_be_visible()
        await expect_no_overflow(page)
    else:
        await page.get_by_role("button", name="Keyboard shortcuts").click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await expect_no_overflow(page)


async def test_a_wide_admin_dashboard_without_an_open_ticket_shows_a_hint_in_its_place(
    site: Site, visit: Visits
) -> None:
    await site.ticket(await site.user(), subject="Not open")
    page = await visit(site.admin)
    await expect(rows(page)).to_have_count(1)

    await expect(page.get_by_text("Choose a ticket to read and answer it.")).to_be_visible()
    await expect(page.get_by_role("link", name="Back to tickets")).to_be_hidden()
    await expect(page.locator("ticket-thread")).to_be_hidden()


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_click_targets_are_large_enough_for_a_finger(
    site: Site, visit: Visits, path: str
) -> None:
    mara, first, _ = await open_two_tickets(site)
    person = mara if path == "account" else site.admin
    page = await visit(person, viewport=NARROW, has_touch=True)
    await expect(rows(page)).to_have_count(2)
    small = """() => [...document.querySelectorAll("button, select, input, textarea, a")]
      .filter((one) => one.checkVisibility())
      .filter((one) => {
        // a link in the list is as large as its row
        const { width, height } = (one.closest("li") ?? one).getBoundingClientRect();
        return width < 24 || height < 24;
      })
      .map((one) => one.outerHTML.slice(0, 80))"""
    assert await page.evaluate(small) == []

    await page.goto(f"{site.root}/{path}#/tickets/{first}")
    await expect(reply_box(page)).to_be_visible()

    assert await page.evaluate(small) == []


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
async def test_nothing_is_animated_with_reduced_motion(
    site: Site, visit: Visits, motion: str
) -> None:
    mara, first, _ = await open_two_tickets(site)
    page = await visit(mara, reduced_motion=motion)
    await expect(rows(page)).to_have_count(2)
    moving = """() => [...document.querySelectorAll("*")]
      .map((one) => getComputedStyle(one))
      .filter(({ transitionDuration, animationName, scrollBehavior }) =>
        transitionDuration !== "0s" || animationName !== "none" || scrollBehavior !== "auto")
      .length"""
    in_list = await page.evaluate(moving)
    await page.goto(f"{site.root}/account#/tickets/{first}")
    await expect(reply_box(page)).to_be_visible()
    in_thread = await page.evaluate(moving)

    if motion == "reduce":
        assert in_list == in_thread == 0
    else:
        # otherwise the assertion above would prove nothing
        assert in_list > 0


async def test_a_wide_window_does_not_make_lines_too_long_to_read(
    site: Site, visit: Visits
) -> None:
    mara, first, _ = await open_two_tickets(site)
    page = await visit(mara, f"#/tickets/{first}", viewport={"width": 2560, "height": 1440})
    bubble = await message(page, "An answer. An answer.").bounding_box()
    assert bubble
    assert bubble["width"] <= 800


async def test_the_newest_message_and_the_reply_box_are_in_view_when_a_ticket_opens(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    await site.ticket(mara, *[f"Line {number}\n" * 4 for number in range(20)], subject="Long one")
    for viewport in ({"width": 1280, "height": 800}, NARROW):
        page = await visit(mara, viewport=viewport)

        await ticket_link(page, "Long one").click()

        await expect(heading(page, "Long one")).to_be_focused()
        await expect(message(page, "Line 19")).to_be_in_viewport()
        await expect(reply_box(page)).to_be_in_viewport()
