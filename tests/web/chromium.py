"""Finds a browser for the tests: the system's Chromium or Chrome, or else Playwright's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.async_api import Browser, Playwright

CHOICE = "TICKETS_TEST_CHROMIUM"
"""Environment variable with the path of the browser; "own" selects Playwright's."""

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

# The browser sends requests to the service under test only.
QUIET = (
    "--no-sandbox",  # the sandbox does not work for root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def installed() -> str | None:
    """Return the path of the chosen or installed browser; None selects Playwright's."""
    choice = os.environ.get(CHOICE, "")
    if choice:
        return None if choice == "own" else choice
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class NoBrowser(Exception):
    """There is no browser, and downloading one failed; the message says what to do."""


async def launch(playwright: Playwright) -> Browser:
    """Start the browser; without one, install Playwright's own first.

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
            f"`playwright install chromium` failed: {done.stderr.strip()[-500:]}\n"
            f"Install one with the system's package manager, or set {CHOICE} to its path."
        )
        raise NoBrowser(message)
