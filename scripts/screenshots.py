"""Takes the README's screenshots of both dashboards, in light and dark, from `tickets demo`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from tests.web import chromium

CHECKOUT = Path(__file__).parents[1]
IMAGES = CHECKOUT / "docs" / "images"
SIZE: ViewportSize = {"width": 1280, "height": 800}
MAX_BYTES = 200_000
"""Size limit of one image: people read READMEs on slow connections, too."""

LINK = re.compile(r"http://\S+/(account|admin)#token=\S+")


@contextlib.contextmanager
def demo() -> Iterator[Mapping[str, str]]:
    """Run the demo on a new database; yield the links that it prints, by dashboard."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="tickets-screenshots-") as folder:
        # the account that runs PostgreSQL for root must be able to enter
        Path(folder).chmod(0o711)
        process = subprocess.Popen(
            [Path(sys.executable).with_name("tickets"), "demo", "--port", f"{port}"],
            env=os.environ | {"TICKETS_DATA_FOLDER": f"{folder}/cluster"},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            links: dict[str, str] = {}
            for line in process.stdout:
                if link := LINK.search(line):
                    links[link[1]] = link[0]
                if len(links) == len(VIEWS):
                    break
            else:
                sys.exit("`tickets demo` ended without printing its links.")
            yield links
        finally:
            process.terminate()
            process.communicate()


async def account(page: Page) -> None:
    """Show the user's list."""
    await page.get_by_role("main").get_by_role("listitem").first.wait_for()


async def admin(page: Page) -> None:
    """Show the admins' list, and beside it the longest of the first threads."""
    rows = page.get_by_role("main").get_by_role("listitem").filter(has=page.get_by_role("link"))
    await rows.first.wait_for()
    lengths = [
        int(found[1]) if (found := re.search(r"(\d+) messages?", text)) else 0
        for text in (await rows.all_inner_texts())[:3]
    ]
    await rows.nth(lengths.index(max(lengths))).get_by_role("link").click()
    await page.get_by_label("Your reply").wait_for()


VIEWS = {"account": account, "admin": admin}


async def take(browser: Browser, links: Mapping[str, str]) -> None:
    """Take a screenshot of each dashboard in each color scheme."""
    for name, show in VIEWS.items():
        for scheme in ("light", "dark"):
            context = await browser.new_context(
                viewport=SIZE,
                color_scheme=scheme,
                reduced_motion="reduce",
                locale="en-GB",
                timezone_id="Europe/Berlin",
            )
            page = await context.new_page()
            await page.goto(links[name])
            await show(page)
            path = IMAGES / f"{name}-{scheme}.png"
            picture = await page.screenshot(path=path, animations="disabled")
            await context.close()
            print(f"{path.relative_to(CHECKOUT)}  {len(picture):,} bytes")
            if len(picture) > MAX_BYTES:
                sys.exit(f"{path.name} is larger than {MAX_BYTES:,} bytes.")


async def main() -> None:
    """Take all screenshots."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with demo() as links:
        async with async_playwright() as playwright:
            browser = await chromium.launch(playwright)
            await take(browser, links)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
