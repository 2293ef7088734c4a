"""`tickets demo`: its two links lead into both dashboards, with sample data."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.commands.conftest import Shell, free_port, shell
from tests.web.views import badge, message, reply_box, rows, send_button, ticket_link
from tests.web.visits import Contexts, Visits

__all__ = ["shell"]  # the fixture


async def follow(visit: Visits, link: str) -> Page:
    """Open a link; return the page."""
    page = await visit.signed_out()
    await page.goto(link)
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert "token" not in page.url
    return page


async def test_both_links_of_the_demo_lead_to_a_working_dashboard(
    shell: Shell, contexts: Contexts
) -> None:
    running = shell.start("demo", "--port", f"{free_port()}")
    running.wait_for("ready to use")
    links = {
        path: running.wait_for(rf"http://\S+/{path}#token=\S+")[0] for path in ("account", "admin")
    }
    visit = Visits(contexts, links["account"].partition("/account")[0])

    theirs = await follow(visit, links["account"])
    await theirs.get_by_role("link", name="New ticket").click()
    await theirs.get_by_label("Subject").fill("My first ticket")
    await theirs.get_by_label("Message", exact=True).fill("Does anybody read this?")
    await theirs.get_by_role("button", name="Open ticket").click()
    await expect(message(theirs, "Does anybody read this?")).to_be_visible()

    ours = await follow(visit, links["admin"])
    await expect(rows(ours).first.get_by_role("link")).to_contain_text("My first ticket")
    await ticket_link(ours, "My first ticket").click()
    await reply_box(ours).fill("We do.")
    await send_button(ours).click()
    await expect(message(ours, "We do.")).to_be_visible()

    await theirs.reload()
    await expect(message(theirs, "We do.")).to_be_visible()
    await theirs.get_by_role("link", name="Back to tickets").click()
    await expect(rows(theirs).first.get_by_role("link")).to_contain_text("My first ticket")
    await expect(badge(theirs, 0)).to_be_hidden()
    await visit.close()
    assert visit.unexpected_problems() == []
    assert running.stop() == 0
