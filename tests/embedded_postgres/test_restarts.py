"""The embedded server is restarted when it dies: by one process, with all committed data."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.embedded_postgres.clusters import (
    HOLDER,
    PATIENCE,
    Holders,
    opened,
    own_processes,
    query,
    server_pid,
    url_of,
    wait_until,
)
from tickets.embedded_postgres import watchdog
from tickets.embedded_postgres.errors import EmbeddedPostgresError
from tickets.embedded_postgres.leftovers import is_alive

KEEPER = HOLDER.replace("import os,", "import logging, os,").replace(
    "    print(postgres.url, flush=True)\n    sys.stdin.read()\n",
    "    logging.basicConfig(stream=sys.stdout, format='%(message)s')\n"
    "    with postgres.kept_running():\n"
    "        print(postgres.url, flush=True)\n"
    "        sys.stdin.read()\n",
)
"""Holds a cluster open, restarts its server when it dies, and prints the log."""


def runs_again(folder: Path, killed: int) -> bool:
    """Return whether another server accepts connections."""
    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and int(lines[0]) != killed and lines[7].strip() == "ready"


def test_a_killed_server_is_started_again_under_the_same_url(
    cluster: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(cluster) as postgres, postgres.kept_running():
        url = postgres.url
        query(url, "create table kept_here as select generate_series(1, 1000) as number")
        killed = server_pid(cluster)

        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: runs_again(cluster, killed))

        assert query(url, "select count(*) from kept_here") == 1000
        assert postgres.url == url
        wait_until(lambda: "runs again after" in caplog.text)

    assert "the embedded PostgreSQL has died (killed, or crashed): starting it again" in caplog.text
    assert own_processes(cluster) == []


def test_a_server_that_was_killed_twice_is_started_twice(cluster: Path) -> None:
    with opened(cluster) as postgres, postgres.kept_running():
        for _ in range(2):
            killed = server_pid(cluster)
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda killed=killed: runs_again(cluster, killed))  # type: ignore[misc]

        assert query(postgres.url, "select 1") == 1


def test_of_several_processes_exactly_one_starts_it_again(cluster: Path, holders: Holders) -> None:
    keepers = [holders.start(cluster, script=KEEPER) for _ in range(3)]
    urls = {url_of(keeper) for keeper in keepers}
    killed = server_pid(cluster)

    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: runs_again(cluster, killed))
    assert len(urls) == 1
    assert query(urls.pop(), "select 1") == 1
    # one that leaves ends its restart, and logs it, first
    outputs = [keeper.communicate(timeout=PATIENCE)[0] for keeper in keepers]

    restarts = re.findall(r"runs again after [\d.]+ s$", "".join(outputs), re.MULTILINE)
    assert len(restarts) == 1
    assert [keeper.returncode for keeper in keepers] == [0, 0, 0]
    assert own_processes(cluster) == []


def test_backends_that_outlive_their_killed_server_are_ended_first(
    cluster: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(cluster) as postgres, postgres.kept_running():
        killed = server_pid(cluster)
        stuck = psutil.Process(killed).children()[0]
        stuck.suspend()

        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: runs_again(cluster, killed))

        assert not is_alive(stuck.pid)
        assert query(postgres.url, "select 1") == 1
        wait_until(lambda: "runs again after" in caplog.text)


def test_a_server_that_is_frozen_is_not_dead(cluster: Path) -> None:
    with opened(cluster) as postgres:
        server = psutil.Process(server_pid(cluster))
        server.suspend()
        try:
            assert not postgres.is_dead()
        finally:
            server.resume()


def test_a_cluster_that_is_gone_is_not_replaced_by_an_empty_one(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As when the data folder was unmounted."""
    path, away = folder / "pg", folder / "away"
    with opened(path) as postgres, postgres.kept_running():
        query(postgres.url, "create table still_there as select 1 as number")
        killed = server_pid(path)
        path.rename(away)
        os.kill(killed, signal.SIGKILL)

        wait_until(lambda: f"has lost its folder {path}" in caplog.text)
        assert not path.exists()

        away.rename(path)
        wait_until(lambda: runs_again(path, killed))
        assert query(postgres.url, "select number from still_there") == 1


def test_a_planned_stop_is_no_death(cluster: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(cluster) as postgres:
        with postgres.kept_running(), opened(cluster) as other, other.kept_running():
            assert query(postgres.url, "select 1") == 1
        assert not postgres.is_dead()

    assert own_processes(cluster) == []
    assert caplog.text == ""


class FakeServer:
    """A server that is dead until `failures` attempts to restart it have failed."""

    folder = Path("/")

    def __init__(self, failures: list[str]) -> None:
        self.failures = failures
        self.dead = True
        self.attempts = 0

    def is_dead(self) -> bool:
        return self.dead

    def last_words(self) -> str:
        return "PANIC:  could not write to file: No space left on device"

    def restart(self, cancelled: threading.Event) -> bool:
        del cancelled
        self.attempts += 1
        if self.failures:
            raise EmbeddedPostgresError(self.failures.pop(0))
        self.dead = False
        return True


class FakeEvent(threading.Event):
    """An event that does not wait, and is set once a condition holds."""

    def __init__(self, is_over: Callable[[], bool]) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._is_over = is_over

    def is_set(self) -> bool:
        return self._is_over()

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0)
        return self._is_over()


def test_attempts_are_made_with_growing_delays_and_a_failure_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = FakeServer(["no space"] * 7)
    stopping = FakeEvent(lambda: not server.dead)

    watchdog.Watchdog(server, stopping).run()

    assert server.attempts == 8
    delays = [wait for wait in stopping.waits if wait != watchdog.CHECK_INTERVAL]
    assert delays == sorted(delays)
    assert delays[-1] == watchdog.MAX_DELAY
    died, failed, runs = caplog.messages
    assert "has died, PANIC:  could not write to file: No space left on device" in died
    assert "cannot be started again: no space" in failed
    assert re.search(r"runs again after [\d.]+ s$", runs)


def test_a_server_that_dies_right_after_each_restart_is_restarted_less_and_less_often() -> None:
    server = FakeServer([])
    stopping = FakeEvent(lambda: server.attempts == 6)

    def dies_again(cancelled: threading.Event) -> bool:
        del cancelled
        server.attempts += 1
        return True

    server.restart = dies_again  # type: ignore[method-assign] # it stays dead
    watchdog.Watchdog(server, stopping).run()

    delays = [wait for wait in stopping.waits if wait != watchdog.CHECK_INTERVAL]
    assert delays[-1] == watchdog.MAX_DELAY


def test_the_delay_begins_anew_after_a_server_has_run_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watchdog, "STABLE_SECONDS", -1.0)  # it always has
    failures = [["no space", "no space"], ["no space"]]
    server = FakeServer([])
    stopping = FakeEvent(lambda: not server.dead and not failures)

    def is_dead() -> bool:
        server.failures = failures.pop(0)
        server.dead = True
        return True

    server.is_dead = is_dead  # type: ignore[method-assign] # it dies again
    watchdog.Watchdog(server, stopping).run()

    delays = [wait for wait in stopping.waits if wait != watchdog.CHECK_INTERVAL]
    assert watchdog.FIRST_DELAY == watchdog.CHECK_INTERVAL
    assert delays == [2 * watchdog.FIRST_DELAY]
    assert stopping.waits.count(watchdog.FIRST_DELAY) == 2 + 2 + 1


def test_an_unexpected_error_does_not_end_the_watch(caplog: pytest.LogCaptureFixture) -> None:
    server = FakeServer([])
    errors: list[Exception] = [ZeroDivisionError("a bug"), OSError("no such folder")]

    def is_dead() -> bool:
        if errors:
            raise errors.pop(0)
        return server.dead

    server.is_dead = is_dead  # type: ignore[method-assign] # it fails twice
    watchdog.Watchdog(server, FakeEvent(lambda: not server.dead)).run()

    assert server.attempts == 1
    assert "unhandled exception in the watchdog" in caplog.text
    assert "no such folder" in caplog.text


def test_leaving_ends_a_restart_that_is_under_way() -> None:
    server = FakeServer([])
    begun = threading.Event()

    def hangs(cancelled: threading.Event) -> bool:
        begun.set()
        cancelled.wait(PATIENCE)
        raise EmbeddedPostgresError("cancelled")

    server.restart = hangs  # type: ignore[method-assign] # until it is cancelled
    with watchdog.watching(server):
        assert begun.wait(PATIENCE)

    assert "embedded-postgres" not in {thread.name for thread in threading.enumerate()}
