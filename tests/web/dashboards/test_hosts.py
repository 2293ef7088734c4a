"""The example hosts, each run by uvicorn: both sides walk through the desk by the host's cookie."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.commands.conftest import Running, free_port, inherited
from tests.databases import new_database
from tests.web.views import (
    fill_in_ticket,
    heading,
    message,
    reply_box,
    send_button,
    ticket_link,
)

EXAMPLES = Path(__file__).parents[3] / "examples" / "hosts"

HOSTS = {
    "fastapi": ("fastapi_host:app", False),
    "litestar": ("litestar_host:app", False),
    "django": ("django_host:application", True),
}
"""The application of each host, and whether it asks for a password."""


class Host:
    """A running host."""

    def __init__(self, root: str, *, asks_for_password: bool) -> None:
        self.root = root
        self._asks_for_password = asks_for_password

    async def sign_in(self, page: Page, name: str) -> None:
        """Sign in to the host by its own form."""
        if self._asks_for_password:
            await page.goto(f"{self.root}/sign-in")
            await page.get_by_label("Username").fill(name)
            await page.get_by_label("Password").fill("example")
        else:
            await page.goto(f"{self.root}/")
            await page.get_by_label("Name").fill(name)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_text("Signed in: ")).to_be_visible()


@pytest_asyncio.fixture(params=HOSTS, loop_scope="session")
async def host(request: pytest.FixtureRequest, postgres_url: str) -> AsyncIterator[Host]:
    """Return each example in turn, on an empty database of its own."""
    target, asks_for_password = HOSTS[request.param]
    root = f"http://127.0.0.1:{free_port()}"
    async with new_database(postgres_url, "template0") as url:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn", target),
                *("--app-dir", str(EXAMPLES), "--port", root.rpartition(":")[2]),
            ],
            env=inherited() | {"DATABASE_URL": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running = Running(process)
        try:
            running.wait_for("Uvicorn running on")
            yield Host(root, asks_for_password=asks_for_password)
            assert "Traceback" not in running.output, running.output
            assert running.stop() in (0, -15)
        finally:
            running.kill()


async def test_both_sides_work_by_the_hosts_cookie(host: Host, browser: Browser) -> None:
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.goto(f"{host.root}/support/account")
        await expect(page.get_by_role("heading", name="Signed out")).to_be_visible()

        await host.sign_in(page, "mara")
        await page.goto(f"{host.root}/support/")
        assert page.url == f"{host.root}/support/account"
        await page.get_by_role("link", name="New ticket").click()
        await fill_in_ticket(page)
        await page.get_by_role("button", name="Open ticket").click()
        await expect(heading(page, "The export stops")).to_be_visible()
        assert await context.cookies() != []
        tokens = await page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
        assert ":token" not in tokens

        staff = await browser.new_context()
        desk = await staff.new_page()
        await host.sign_in(desk, "nadia")
        await desk.goto(f"{host.root}/support/admin")
        await ticket_link(desk, "The export stops").click()
        await reply_box(desk).fill("We are on it, please wait.")
        await send_button(desk).click()
        await expect(message(desk, "We are on it, please wait.")).to_be_visible()
        await staff.close()

        await page.reload()
        await expect(message(page, "We are on it, please wait.")).to_be_visible()
        await expect(page.get_by_text("Nadia Berg").first).to_be_visible()

        # somebody else signs in, in another tab of the same browser
        other = await context.new_page()
        await host.sign_in(other, "nadia")
        await reply_box(page).fill("This is Mara's, and nobody else may send it.")
        await send_button(page).click()
        await expect(message(page, "We are on it, please wait.")).to_have_count(0)
        await host.sign_in(other, "mara")
        await other.goto(f"{host.root}/support/account")
        await ticket_link(other, "The export stops").click()
        await expect(message(other, "We are on it, please wait.")).to_be_visible()
        await expect(message(other, "This is Mara's")).to_have_count(0)
    finally:
        await context.close()
