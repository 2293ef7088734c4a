"""From 320 to 2560 pixels, with text at 200 percent, and without motion."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, ViewportSize, expect

from tests.web.site import Site
from tests.web.views import heading, message, reply_box, rows, send_button, ticket_link
from tests.web.visits import NARROW, Person, Visits

# How far the page can be scrolled sideways, and what sticks out of it to where nobody can scroll.
SIDEWAYS = """() => {
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


async def with_text_of(page: Page, scale: int) -> None:
    """Set the size of text as somebody does in the browser's own settings."""
    devtools = await page.context.new_cdp_session(page)
    sizes = {"standard": 16 * scale, "fixed": 13 * scale}
    await devtools.send("Page.setFontSizes", {"fontSizes": sizes})


async def expect_to_fit(page: Page) -> None:
    """Expect that nothing has to be scrolled sideways, and nothing is out of reach."""
    assert await page.evaluate(SIDEWAYS) == [0]


async def some_tickets(site: Site) -> tuple[Person, int, int]:
    """Return a user with an open and a closed ticket that have long texts, and both."""
    mara = await site.user("maximiliane.mustermann-beispielhausen@support.example.com")
    words = "A subject as people write it when they put all of the story into a single line"
    first = await site.ticket(mara, "Short.", "An answer. " * 60, subject=words)
    closed = await site.ticket(mara, subject="Settled", status="closed")
    return mara, first, closed


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", ["account", "admin"])
async def test_every_view_fits(site: Site, visit: Visits, path: str, size: str) -> None:
    mara, first, closed = await some_tickets(site)
    viewport, scale = SIZES[size]
    page = await visit.stranger(viewport=viewport)
    await with_text_of(page, scale)
    await page.goto(f"{site.root}/{path}")
    await expect(page.get_by_label("Access token")).to_be_visible()
    assert await page.evaluate("getComputedStyle(document.documentElement).fontSize") == (
        f"{16 * scale}px"
    )
    await expect_to_fit(page)

    await visit.sign_in(page, mara if path == "account" else site.admin)
    await expect(rows(page)).to_have_count(2)
    await expect_to_fit(page)

    await page.goto(f"{site.root}/{path}#/tickets/{first}")
    await expect(message(page, "An answer.")).to_be_visible()
    await reply_box(page).fill("A reply.\n" * 12)
    await expect_to_fit(page)
    # all of it can be reached, however little room there is
    for place in (send_button(page), reply_box(page)):
        await place.scroll_into_view_if_needed()
        await expect(place).to_be_in_viewport()
        box = await place.bounding_box()
        assert box
        assert box["height"] >= 24

    await page.goto(f"{site.root}/{path}#/tickets/{closed}")
    await expect(page.get_by_text("This ticket is closed")).to_be_visible()
    await expect_to_fit(page)

    if path == "account":
        await page.goto(f"{site.root}/{path}#/new")
        await page.get_by_label("Category", exact=True).select_option(label="Other")
        await page.get_by_role("button", name="Open ticket").click()
        await expect(page.get_by_text("Subject must not be empty.")).to_be_visible()
        await expect_to_fit(page)
    else:
        await page.get_by_role("button", name="Keyboard shortcuts").click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await expect_to_fit(page)


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_what_can_be_clicked_is_large_enough_for_a_finger(
    site: Site, visit: Visits, path: str
) -> None:
    mara, first, _ = await some_tickets(site)
    person = mara if path == "account" else site.admin
    page = await visit(person, viewport=NARROW, has_touch=True)
    await expect(rows(page)).to_have_count(2)
    small = """() => [...document.querySelectorAll("button, select, input, textarea, a")]
      .filter((one) => one.checkVisibility())
      // a link of the list reaches as far as its row
      .map((one) => [one.outerHTML.slice(0, 80), (one.closest("li") ?? one).getBoundingClientRect()])
      .filter(([, box]) => box.width < 24 || box.height < 24)
      .map(([html]) => html)"""
    assert await page.evaluate(small) == []

    await page.goto(f"{site.root}/{path}#/tickets/{first}")
    await expect(reply_box(page)).to_be_visible()

    assert await page.evaluate(small) == []


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
async def test_nothing_moves_for_who_asks_for_less_motion(
    site: Site, visit: Visits, motion: str
) -> None:
    mara, first, _ = await some_tickets(site)
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
        # else the lines above would prove nothing
        assert in_list > 0


async def test_a_wide_window_does_not_make_lines_too_long_to_read(
    site: Site, visit: Visits
) -> None:
    mara, first, _ = await some_tickets(site)
    page = await visit(mara, f"#/tickets/{first}", viewport={"width": 2560, "height": 1440})
    bubble = await message(page, "An answer. An answer.").bounding_box()
    assert bubble
    assert bubble["width"] <= 800


async def test_the_newest_message_and_the_box_are_in_sight_when_a_ticket_opens(
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
