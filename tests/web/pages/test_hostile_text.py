"""Hostile text (XSS payloads, odd Unicode) is shown as it was typed and never runs."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.web.site import Site
from tests.web.views import (
    fill_in_ticket,
    heading,
    message,
    messages,
    reply_box,
    row,
    rows,
    send_button,
    ticket_link,
)
from tests.web.visits import NARROW, Person, Visits, next_poll

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)>",
    "<a href='javascript:alert(1)'>Click me</a>",
    "javascript:alert(1)",
    "</title></textarea></option></select><iframe srcdoc='<script>alert(1)</script>'>",
    "{{7*7}} ${7*7} <%= 7*7 %> #{7*7} [[constructor]]",
    "&lt;b&gt; &amp;amp; &#x27; &nbsp;",
    "' OR 1=1; drop table tickets; --",
    "\u202egnp.exe \u2066left\u2069 \u200bzero\ufeff",
    "Zalgo: H\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309\u030a",
    "👩\u200d👩\u200d👧\u200d👦 🏳️\u200d🌈 🇺🇦 1️⃣",
    "عنوان بالعربية mixed with English, 123",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "<style>*{display:none}</style><meta http-equiv=refresh content=0;url=//x>",
    "W" * 180,
]

FORBIDDEN = (
    "script:not([src]), img, iframe, object, embed, base, meta[http-equiv], style, "
    "a[href^='javascript']"
)
"""Elements that the pages never have: only text that was parsed as HTML could add them."""


async def expect_harmless(page: Page) -> None:
    """Expect that no text was parsed as HTML."""
    await expect(page.locator(FORBIDDEN)).to_have_count(0)
    assert await page.evaluate("[...document.querySelectorAll('*')].every(one => !one.onclick)")


async def seed(site: Site) -> Person:
    """Write each text into every field, as a user with a hostile e-mail address."""
    mara = await site.user('"<img/src=x/onerror=alert(1)>\'{{7*7}}"@example.com')
    for text in HOSTILE:
        await site.ticket(
            mara,
            category="other",
            other_category=text[:100].strip(),
            subject=text,
            message=f"{text}\n{text}",
        )
    return mara


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_hostile_text_is_shown_as_it_was_typed_in_every_field(
    site: Site, visit: Visits, path: str
) -> None:
    mara = await seed(site)
    kept = await site.list_tickets()
    page = await visit(mara if path == "account" else site.admin)
    await expect(rows(page)).to_have_count(len(HOSTILE))

    for number, ticket in enumerate(kept):
        shown = rows(page).nth(number)
        subject, label = ticket["subject"], ticket["other_category"]
        await expect(shown.get_by_role("link")).to_contain_text(subject)
        await expect(shown.get_by_text(label, exact=True).last).to_be_attached()
        if path == "admin":
            await expect(shown.get_by_text(ticket["user_email"], exact=True)).to_be_attached()
        else:
            await expect(shown).to_contain_text(ticket["last_message"])
    await expect_harmless(page)

    for ticket in kept:
        await page.goto(f"{site.root}/{path}#/tickets/{ticket['id']}")
        title = page.get_by_role("main").get_by_role("heading", level=2)
        await expect(title.filter(has_text=ticket["subject"])).to_be_visible()
        text = f"{ticket['subject']}\n{ticket['subject']}"
        await expect(page.get_by_role("paragraph").filter(has_text=text).last).to_be_visible()
        await expect(messages(page).last).to_contain_text(ticket["subject"])
        assert text in await messages(page).last.inner_text()
        assert ticket["subject"] in await page.evaluate("document.title")
    await expect_harmless(page)


async def test_hostile_text_can_be_typed_counted_sent_and_announced(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    hostile = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}"
    page = await visit(mara, "#/new")
    await fill_in_ticket(
        page, category="Other", custom=hostile, subject=hostile, message=hostile * 3
    )
    await page.reload()
    await page.get_by_role("button", name="Open ticket").click()
    await expect(heading(page, hostile)).to_be_visible()
    ours = await visit(site.admin, clock=True)
    await expect(row(ours, hostile)).to_be_visible()
    await ticket_link(ours, hostile).click()
    await expect(message(ours, hostile * 3)).to_be_visible()

    await reply_box(page).fill(hostile)
    await send_button(page).click()
    await expect(messages(page).filter(has_text=hostile)).to_have_count(2)
    await next_poll(ours)

    await expect(messages(ours).filter(has_text=hostile)).to_have_count(2)
    await expect(ours.locator("[aria-live]").filter(has_text=hostile)).to_be_attached()
    await expect_harmless(page)
    await expect_harmless(ours)


async def test_hostile_text_in_an_error_response_is_shown_as_text(
    site: Site, visit: Visits
) -> None:
    visit.allow_problems("status of 400")
    hostile = "<img src=x onerror=alert(1)>"
    page = await visit(await site.user(), "#/new")
    problem = {"detail": hostile, "errors": [{"field": "subject", "message": hostile}]}
    await page.route("**/api/v1/tickets", lambda route: route.fulfill(status=400, json=problem))
    await fill_in_ticket(page)

    await page.get_by_role("button", name="Open ticket").click()

    await expect(page.get_by_role("alert").filter(has_text=hostile)).to_be_visible()
    await expect(page.get_by_text(hostile, exact=True)).to_have_count(2)
    await expect_harmless(page)


async def test_taken_over_texts_are_shown_with_their_line_breaks(site: Site, visit: Visits) -> None:
    """Contract, "Requests": rows of other programs look as if they were written here."""
    mara = await site.user()
    await site.ticket(mara, category="other", other_category="Mine")
    ticket = (await site.list_tickets())[0]["id"]
    old = "\u2028\f  if a:\u2028    b\rc\x85\x07d\r\n"
    await site.world.database.fetch(
        "update tickets set subject = $2, other_category = $3, last_message = $4 where id = $1",
        ticket,
        "one\u2028two\x1b",
        "three\vfour",
        old,
    )
    await site.world.database.fetch(
        "update ticket_messages set message = $2 where ticket_id = $1", ticket, old
    )

    for person in (mara, site.admin):
        page = await visit(person)
        shown = row(page, "one two\ufffd")
        await expect(shown).to_have_count(1)
        await expect(shown.get_by_text("three four", exact=True)).to_be_attached()
        if person is mara:
            about = shown.get_by_text("if a:     b c \ufffdd", exact=True)
            assert await about.evaluate("(one) => one.textContent") == "if a:     b c \ufffdd"
        await ticket_link(page, "one two\ufffd").click()
        text = message(page, "if a:").get_by_role("paragraph").last
        await expect(heading(page, "one two\ufffd")).to_be_visible()
        await expect(text).to_be_visible()
        assert await text.inner_text() == "  if a:\n    b\nc\n\ufffdd"
        assert "one two\ufffd" in await page.title()


async def test_right_to_left_text_does_not_affect_its_surroundings(
    site: Site, visit: Visits
) -> None:
    mara = await site.user()
    await site.ticket(mara, category="other", other_category="\u202eabc", subject="\u202exyz (3)")
    page = await visit(mara)

    shown = rows(page).first
    count = await shown.get_by_text("1 message", exact=True).bounding_box()
    label = await shown.get_by_text("\u202eabc").bounding_box()
    status = await shown.get_by_text("Open", exact=True).bounding_box()

    assert status
    assert label
    assert count
    assert status["x"] < label["x"] < count["x"]


async def test_a_very_long_word_does_not_widen_the_page(site: Site, visit: Visits) -> None:
    mara = await site.user(f"{'m' * 60}@{'example.' * 20}com")
    ticket = await site.ticket(
        mara, "W" * 5000, category="other", other_category="W" * 100, subject="W" * 200
    )
    overflow = "document.documentElement.scrollWidth - window.innerWidth"

    for person in (mara, site.admin):
        page = await visit(person, viewport=NARROW)
        await expect(rows(page)).to_have_count(1)
        assert await page.evaluate(overflow) <= 0
        await page.goto(f"{site.root}/{person.path}#/tickets/{ticket}")
        await expect(message(page, "W" * 5000)).to_be_visible()
        assert await page.evaluate(overflow) <= 0


async def test_every_kind_of_problem_on_a_page_is_reported(site: Site, visit: Visits) -> None:
    """All other journeys rely on these reports."""
    page = await visit(await site.user())
    await page.evaluate("setTimeout(() => { throw new Error('an error') })")
    await page.evaluate("void Promise.reject(new Error('a rejection'))")
    await page.evaluate("console.error('something odd')")
    await page.evaluate("alert('a dialog')")
    await page.evaluate("fetch('https://elsewhere.invalid/').catch(() => {})")
    await page.evaluate("document.body.append(document.createElement('style'))")
    await page.evaluate(
        "document.querySelector('style').append('body { color: red }'); document.body.offsetTop"
    )
    async with page.expect_console_message(lambda logged: "policy violated: req" in logged.text):
        await page.evaluate(
            "() => { try { document.body.innerHTML = '<b>x</b>'; } catch { return; } }"
        )

    expected = ["an error", "a rejection", "something odd", "dialog: a dialog", "connect-src"]
    expected += ["style-src", "require-trusted-types-for"]
    reported = "\n".join(visit.unexpected_problems())
    assert [name for name in expected if name not in reported] == []
    visit.allow_problems(".")
