"""Finds a browser to test in: the system's Chromium where there is one, else Playwright's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.async_api import Browser, Playwright

CHOICE = "TICKETS_TEST_CHROMIUM"
"""The variable that names a browser's program; "own" is Playwright's."""

# First the build without a user interface, which Playwright downloads as well: the tests take about
# 40 % less CPU on it, as the full browser runs pages of its own user interface.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

# It talks to the service under test, and to nobody else.
QUIET = (
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def installed() -> str | None:
    """Return the path of the browser that the variable names or the system has; None is Playwright's."""
    choice = os.environ.get(CHOICE, "")
    if choice:
        return None if choice == "own" else choice
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class NoBrowser(Exception):
    """There is no browser, and none could be fetched, with a sentence that says what to do."""


async def launch(playwright: Playwright) -> Browser:
    """Start the browser; where there is none, let Playwright fetch its own, once.

    Raises `NoBrowser`.
    """
    path = installed()
    if path is None and not Path(playwright.chromium.executable_path).exists():
        _fetch()
    return await playwright.chromium.launch(executable_path=path, args=QUIET)


def _fetch() -> None:
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        message = (
            "The browser journeys need Chromium or Chrome. There is none on the PATH, and "
            f"`playwright install chromium` could not fetch one: {done.stderr.strip()[-500:]}\n"
            f"Install one with the system's package manager, or name its program in {CHOICE}."
        )
        raise NoBrowser(message)
