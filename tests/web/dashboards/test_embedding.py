"""Embedding: the dashboards in a host page, at the root and under a path prefix."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.commands.conftest import Running
from tests.web.pages.test_accessibility import AxeInspection
from tests.web.site import Site
from tests.web.views import (
    badge,
    expect_subjects,
    heading,
    message,
    reply_box,
    send_button,
    ticket_link,
)
from tests.web.visits import Person, Visits, next_poll

EXAMPLE = Path(__file__).parents[3] / "examples" / "embedding" / "host.py"
HOST_PATHS = {"the root": "/", "a path prefix": "/portal/help/"}


class Host:
    """The server of examples/embedding, where one person is signed in."""

    def __init__(self, root: str, service: str) -> None:
        self.root = root
        self._service = service
        self._running: Running | None = None

    def start(self, token: str) -> None:
        """Start it for a person with this token."""
        port = self.root.rpartition(":")[2]
        process = subprocess.Popen(
            [
                *(sys.executable, "-u", EXAMPLE),
                *("--service", self._service, "--port", port, "--token", token),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._running = Running(process)
        self._running.wait_for("/helpdesk/admin")

    def stop(self) -> None:
        """Stop it, if it was started."""
        if self._running:
            self._running.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def platform(host: str, service: str, visit: Visits) -> AsyncIterator[Host]:
    """Return the example's server, not started yet."""
    platform = Host(host, service)
    yield platform
    # close the pages first: they would report failed requests
    await visit.close()
    platform.stop()


async def open_host_page(visit: Visits, platform: Host, person: Person, place: str) -> Page:
    """Return the host's page at this path, with the person signed in to the host."""
    platform.start(person.token)
    visit.origins.add(platform.root)
    visit.watch_token(person.token)
    page = await visit.signed_out(clock=True)
    await page.clock.install()
    await page.goto(platform.root + HOST_PATHS[place])
    return page


@pytest.mark.parametrize("place", HOST_PATHS)
async def test_a_user_writes_with_the_admins_on_a_host_page(
    site: Site, visit: Visits, platform: Host, place: str
) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="Another")
    ticket = await site.ticket(mara, "An answer.", subject="Answered")
    page = await open_host_page(visit, platform, mara, place)

    await expect_subjects(page, "Unread: Answered", "Another")
    await expect(page.get_by_role("link", name="Help 1 unread")).to_be_visible()
    await expect(page).to_have_title("(1) Acme Energy: help")
    # the host page has a navigation of its own
    await expect(page.get_by_role("heading", level=1)).to_have_text(["Acme Energy"])
    await expect(page.get_by_role("main")).to_have_count(1)
    await expect(page.get_by_role("button", name="Sign out")).to_be_hidden()

    await ticket_link(page, "Answered").click()
    await expect(heading(page, "Answered")).to_be_focused()
    await expect(page.get_by_role("link", name="Help", exact=True)).to_be_visible()
    await expect(page).to_have_title("Acme Energy: help")
    await reply_box(page).fill("From the host's page.")
    await send_button(page).click()
    await expect(message(page, "From the host's page.")).to_be_visible()
    assert (await site.message_texts(ticket))[-1] == "From the host's page."

    await page.reload()
    await expect(heading(page, "Answered")).to_be_visible()
    await page.go_back()
    await expect_subjects(page, "Answered", "Another")
    await site.reply(site.admin, ticket, "And another answer.")
    await next_poll(page)
    await expect(page.get_by_role("link", name="Help 1 unread")).to_be_visible()
    stored = await page.evaluate("JSON.stringify([sessionStorage, localStorage])")
    assert mara.token not in stored


@pytest.mark.parametrize("place", HOST_PATHS)
async def test_the_host_page_replaces_an_expired_token(
    site: Site, visit: Visits, platform: Host, place: str
) -> None:
    visit.allow_problems("status of 401")
    mara = await site.user()
    ticket = await site.ticket(mara)
    page = await open_host_page(visit, platform, mara, place)
    await page.goto(f"{platform.root}{HOST_PATHS[place]}#/tickets/{ticket}")
    await reply_box(page).fill("Half a sentence")
    await site.expire_tokens(mara)
    renewed = await site.new_token(mara)
    await page.route("**/session.json", lambda route: route.fulfill(json={"token": renewed}))
    await site.reply(site.admin, ticket, "Read with the new token.")

    await next_poll(page)

    await expect(message(page, "Read with the new token.")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(reply_box(page)).to_be_focused()
    await expect(reply_box(page)).to_have_value("Half a sentence")


async def test_the_dashboard_asks_for_a_token_that_the_host_cannot_replace(
    site: Site, visit: Visits, platform: Host
) -> None:
    visit.allow_problems("status of 401")
    mara = await site.user()
    await site.ticket(mara, subject="The one")
    page = await open_host_page(visit, platform, mara, "the root")
    await expect_subjects(page, "The one")
    await site.expire_tokens(mara)

    await next_poll(page)

    await expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
    await page.get_by_label("Access token").fill(await site.new_token(mara))
    await page.get_by_label("Access token").press("Enter")
    await expect_subjects(page, "The one")


@pytest.mark.parametrize("path", ["account", "admin"])
async def test_the_services_own_pages_work_under_a_prefix(
    site: Site, visit: Visits, platform: Host, path: str
) -> None:
    mara = await site.user()
    await site.ticket(mara, subject="The one")
    person = mara if path == "account" else site.admin
    platform.start(mara.token)
    visit.origins = {platform.root}
    visit.watch_token(person.token)
    page = await visit.signed_out()

    await page.goto(f"{platform.root}/helpdesk/{path}#token={person.token}")
    await expect(ticket_link(page, "The one")).to_be_visible()
    await ticket_link(page, "The one").click()
    await reply_box(page).fill("Under a prefix.")
    await send_button(page).click()
    await expect(message(page, "Under a prefix.")).to_be_visible()
    await page.reload()
    await expect(message(page, "Under a prefix.")).to_be_visible()
    assert page.url.startswith(f"{platform.root}/helpdesk/{path}#/tickets/")
    await page.goto(f"{platform.root}/helpdesk/")
    await expect(page).to_have_url(f"{platform.root}/helpdesk/account")
    # with a trailing slash it still finds its code
    await page.goto(f"{platform.root}/helpdesk/{path}/")
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    # no request went to the service without the prefix
    assert [one.url for one in visit.requests if "/helpdesk/" not in one.url] == []


class HostPage:
    """A server with one host page: pages without an origin may not call the API."""

    def __init__(self, host: str) -> None:
        self.address = f"{host}/mine.html"
        self.body = ""
        host_page = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                head = '<link rel=icon href="data:,"><title>Host page</title>'
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(
                    f"<!doctype html><html lang=en>{head}<body>{host_page.body}".encode()
                )

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", int(host.rpartition(":")[2])), Answer)


@pytest_asyncio.fixture(loop_scope="session")
async def host_page(host: str, visit: Visits) -> AsyncIterator[HostPage]:
    """Return a host page whose body the test writes."""
    host_page = HostPage(host)
    visit.origins.add(host)
    serving = threading.Thread(target=host_page.server.serve_forever)
    serving.start()
    yield host_page
    await visit.close()
    host_page.server.shutdown()
    serving.join()
    host_page.server.server_close()


async def test_a_host_page_needs_one_script_and_one_tag(
    site: Site, visit: Visits, host_page: HostPage
) -> None:
    mara = await site.user()
    await site.ticket(mara, "An answer.", subject="The one")
    page = await visit.signed_out()

    host_page.body = (
        f'<script type="module" src="{site.root}/static/tickets.js"></script>'
        f'<main><ticket-account token="{mara.token}"></ticket-account></main>'
    )
    await page.goto(host_page.address)

    await expect_subjects(page, "Unread: The one")
    await expect(badge(page, 1)).to_be_visible()
    await ticket_link(page, "The one").click()
    await expect(message(page, "An answer.")).to_be_visible()
    assert page.url.startswith(f"{host_page.address}#/tickets/")
    await expect(page).to_have_title("Host page")


async def test_a_badge_polls_by_itself_with_its_token_as_attribute_or_property(
    site: Site, visit: Visits, host_page: HostPage
) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, "An answer.")
    await site.ticket(mara)
    page = await visit.signed_out(clock=True)
    await page.clock.install()
    host_page.body = (
        f'<nav><a href="#mine">Mine <ticket-badge side="user" token="{mara.token}">'
        "</ticket-badge></a>"
        '<a href="#all">All <ticket-badge side="admin"></ticket-badge></a></nav>'
        # set before the element is defined
        f"<script>document.querySelector('[side=admin]').token = '{site.admin.token}'</script>"
        f'<script type="module" src="{site.root}/static/tickets.js"></script>'
    )

    await page.goto(host_page.address)

    await expect(page.get_by_role("link", name="Mine 1 unread", exact=True)).to_be_visible()
    await expect(page.get_by_role("link", name="All 2 unread", exact=True)).to_be_visible()
    await mara.calls.get(f"/{ticket}")
    await next_poll(page)
    await expect(page.get_by_role("link", name="Mine", exact=True)).to_be_visible()
    await expect(page.get_by_role("link", name="All 2 unread", exact=True)).to_be_visible()
    await page.evaluate("document.querySelector('[side=admin]').token = null")
    await expect(page.get_by_role("link", name="All", exact=True)).to_be_visible()


async def test_two_dashboards_with_memory_routing_leave_the_address_alone(
    site: Site, visit: Visits, host_page: HostPage
) -> None:
    mara = await site.user()
    await site.ticket(mara, "An answer.", subject="The one")
    page = await visit.signed_out()
    address = f"{host_page.address}?page=3#somewhere"
    attributes = f'routing="memory" api="{site.root}/api/v1/tickets"'

    host_page.body = (
        '<base href="/elsewhere/"><h1>Host</h1><p id="count"></p>'
        f'<script type="module" src="{site.root}/static/tickets.js"></script>'
        f'<ticket-account {attributes} token="{mara.token}"></ticket-account>'
        f'<ticket-admin {attributes} token="{site.admin.token}"></ticket-admin>'
    )
    await page.goto(address)

    account, admin = page.locator("ticket-account"), page.locator("ticket-admin")
    await account.get_by_role("link", name="The one").click()
    await expect(account.get_by_label("Your reply")).to_be_visible()
    await expect(message(account, "An answer.")).to_be_visible()
    await admin.get_by_role("link", name="The one").click()
    await expect(admin.get_by_label("Your reply")).to_be_visible()
    await account.get_by_role("link", name="Back to tickets").click()
    await expect(account.get_by_role("link", name="The one")).to_be_visible()
    await expect(admin.get_by_label("Your reply")).to_be_visible()
    assert page.url == address


async def test_messages_that_arrive_while_the_host_hides_the_element_are_read_once_it_is_shown(
    site: Site, visit: Visits, host_page: HostPage
) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, subject="The one")
    page = await visit.signed_out(clock=True)
    await page.clock.install()
    host_page.body = (
        f'<script type="module" src="{site.root}/static/tickets.js"></script>'
        f'<main><ticket-account token="{mara.token}"></ticket-account></main>'
    )
    await page.goto(f"{host_page.address}#/tickets/{ticket}")
    await expect(reply_box(page)).to_be_visible()
    await page.evaluate("document.querySelector('main').style.display = 'none'")
    await site.reply(site.admin, ticket, "While nobody looked.")

    await next_poll(page)

    await expect(page.get_by_text("While nobody looked.").last).to_be_attached()
    await page.evaluate(f"fetch('{site.root}/static/tickets.js')")
    assert await mara.unread() == 1
    await page.evaluate("document.querySelector('main').style.display = ''")
    await next_poll(page)
    await expect(message(page, "While nobody looked.")).to_be_visible()
    await expect(badge(page, 0)).to_be_visible()
    assert await mara.unread() == 0


async def test_an_element_that_is_removed_sends_no_more_requests(
    site: Site, visit: Visits, host_page: HostPage
) -> None:
    mara = await site.user()
    ticket = await site.ticket(mara, subject="The one")
    page = await visit.signed_out(clock=True)
    await page.clock.install()
    host_page.body = (
        f'<script type="module" src="{site.root}/static/tickets.js"></script>'
        f'<ticket-account token="{mara.token}"></ticket-account>'
    )
    await page.goto(host_page.address)
    await expect(page.get_by_role("link", name="The one")).to_be_visible()
    await page.evaluate("void (window.taken = document.querySelector('ticket-account')).remove()")
    before = len(visit.requests)

    await page.clock.run_for(300_000)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.evaluate("location.hash = '#/new'")
    await page.evaluate(f"fetch('{site.root}/static/tickets.js')")
    api_requests = [one.url for one in visit.requests[before:] if "/api/" in one.url]
    assert api_requests == []

    # and works again when it is inserted again
    await site.reply(site.admin, ticket, "Written meanwhile.")
    await page.evaluate("location.hash = '#/tickets'")
    await page.evaluate("document.body.append(window.taken)")
    await expect(page.get_by_role("link", name="Unread: The one")).to_be_visible()


async def test_a_host_page_violates_no_accessibility_rule(
    site: Site, visit: Visits, platform: Host
) -> None:
    mara = await site.user()
    await site.ticket(mara, "An answer.", subject="Answered")
    platform.start(mara.token)
    visit.origins.add(platform.root)
    # without the policy the browser requests an icon, which the host does not have
    visit.allow_problems("status of 404")
    page = await visit.signed_out(reduced_motion="reduce", bypass_csp=True)
    inspect = AxeInspection(page)
    await page.goto(f"{platform.root}/portal/help/")
    await expect_subjects(page, "Unread: Answered")

    await inspect.view("list in a host page")
    await ticket_link(page, "Answered").click()
    await expect(reply_box(page)).to_be_visible()
    await inspect.view("thread in a host page")

    assert inspect.found == {}


def test_the_help_of_the_example_says_how_to_start_it() -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLE, "--help"], capture_output=True, text=True, check=True
    )

    assert "tickets demo" in done.stdout
