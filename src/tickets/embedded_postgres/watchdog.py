"""Watchdog: starts the embedded server again when it has died, with exponential backoff.

It runs in a thread of the process that has the cluster open for long: the supervisor, or the only
process. Several services may share a cluster. All of them notice a death, and the lock "deciding"
lets one of them restart the server. A planned stop is no death: the last process to leave stops the
server, and has ended its watchdog before.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tickets.embedded_postgres.errors import EmbeddedPostgresError

logger = logging.getLogger("tickets")

CHECK_INTERVAL = 0.5
"""Seconds between two checks whether the server is alive."""

FIRST_DELAY, MAX_DELAY = 0.5, 5.0
"""Seconds between two attempts: doubled after each failure. The first attempt is made at once."""

STABLE_SECONDS = 30.0
"""A server that dies sooner after its restart counts as a failed attempt."""

LITTLE_SPACE = 64 << 20
"""Bytes: four files of the write-ahead log. If less is free, a failure names it."""


class Restartable(Protocol):
    """A server that can be started again."""

    @property
    def folder(self) -> Path:
        """The folder with its data."""

    def is_dead(self) -> bool:
        """Return whether the server has ended without being stopped."""

    def last_words(self) -> str:
        """Return the PANIC that the server logged since its start; empty if there is none."""

    def restart(self, cancelled: threading.Event) -> bool:
        """Start the server unless it runs again; return whether this process has started it.

        Gives up when `cancelled` is set. Raises `EmbeddedPostgresError` or `OSError`.
        """


@contextmanager
def watching(server: Restartable) -> Iterator[None]:
    """Keep the server running while the block runs."""
    stopping = threading.Event()
    watchdog = Watchdog(server, stopping)
    thread = threading.Thread(target=watchdog.run, name="embedded-postgres", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


class Watchdog:
    """Checks a server regularly and restarts it; one thread uses it."""

    def __init__(self, server: Restartable, stopping: threading.Event) -> None:
        """Watch this server until the event is set."""
        self._server = server
        self._stopping = stopping
        self._delay = FIRST_DELAY
        self._started_at = -STABLE_SECONDS
        self._last_failure = ""

    def run(self) -> None:
        """Check and restart until the event is set."""
        while not self._stopping.wait(CHECK_INTERVAL):
            try:
                if self._server.is_dead():
                    self._restart()
            except OSError as error:
                self._log_failure(str(error))
                self._wait()
            except Exception:
                # an unexpected error must not end the watch for the life of the process
                logger.exception("unhandled exception in the watchdog of the embedded PostgreSQL")
                self._wait()

    def _restart(self) -> None:
        """Try until the server runs; each failure doubles the wait."""
        words = self._server.last_words()
        reason = f", {words}" if words else " (killed, or crashed)"
        logger.error("the embedded PostgreSQL has died%s: starting it again", reason)
        died_at = time.monotonic()
        if died_at - self._started_at < STABLE_SECONDS:
            self._wait()
        else:
            self._delay = FIRST_DELAY
        while not self._stopping.is_set():
            try:
                is_own = self._server.restart(self._stopping)
            except (EmbeddedPostgresError, OSError) as error:
                self._log_failure(str(error))
                self._wait()
                continue
            self._started_at = time.monotonic()
            self._last_failure = ""
            by = "" if is_own else ", started by another process that shares it"
            seconds = self._started_at - died_at
            logger.warning("the embedded PostgreSQL runs again after %.1f s%s", seconds, by)
            return

    def _wait(self) -> None:
        self._stopping.wait(self._delay)
        self._delay = min(2 * self._delay, MAX_DELAY)

    def _log_failure(self, failure: str) -> None:
        """Log a failure unless it is the same as the last one: there may be one every 5 s."""
        if self._stopping.is_set() or failure == self._last_failure:
            return
        self._last_failure = failure
        logger.error(
            "the embedded PostgreSQL cannot be started again: %s%s; trying again every %.0f s",
            failure,
            _little_space(self._server.folder),
            MAX_DELAY,
        )


def _little_space(folder: Path) -> str:
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return ""
    return f"; only {free >> 20} MB are free in {folder}" if free < LITTLE_SPACE else ""
