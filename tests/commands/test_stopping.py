"""What stops `tickets`: SIGHUP, signals during the start, and a supervisor that is killed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import httpx
import psutil
import pytest

from tests.commands.conftest import PATIENCE, Shell, free_port
from tests.commands.test_serve import ADMIN, servers, start_service
from tests.postgres.waiting import until_sql


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sighup_stops_the_service_as_sigterm_does(shell: Shell, workers: str) -> None:
    running, _ = start_service(shell, "--workers", workers)
    children = psutil.Process(running.process.pid).children(recursive=True)

    assert running.stop(signal.SIGHUP) == 0
    assert "Traceback" not in running.output
    assert psutil.wait_procs(children, timeout=PATIENCE)[1] == []
    assert servers(shell.folder) == []


def test_a_terminal_that_closes_sends_sighup_to_every_process(shell: Shell) -> None:
    running, _ = start_service(shell, "--workers", "2")

    for process in psutil.Process(running.process.pid).children():
        process.send_signal(signal.SIGHUP)

    assert running.stop(signal.SIGHUP) == 0
    assert "Traceback" not in running.output
    assert servers(shell.folder) == []


def test_sighup_stops_the_demo(shell: Shell) -> None:
    port = free_port()
    running = shell.start("demo", "--port", f"{port}")
    running.wait_for("Stop with Ctrl-C")
    assert httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=30).status_code == 200

    assert running.stop(signal.SIGHUP) == 0
    assert "Traceback" not in running.output
    assert servers(shell.folder) == []


@contextmanager
def nohup() -> Iterator[None]:
    """Ignore SIGHUP in the processes that are started in the block."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_under_nohup_the_service_ignores_sighup(shell: Shell, workers: str) -> None:
    with nohup():
        running, api = start_service(shell, "--workers", workers)
    supervisor = psutil.Process(running.process.pid)
    processes = [supervisor, *supervisor.children(recursive=True)]

    for process in processes:
        process.send_signal(signal.SIGHUP)
    # a signal that has arrived would end the processes while the next one is answered
    assert httpx.get(f"{api}/admin/stats", headers=ADMIN).status_code == 200

    assert all(process.is_running() for process in processes)
    assert running.stop() == 0


def test_workers_end_with_a_supervisor_that_is_killed_and_free_the_port(shell: Shell) -> None:
    temporary = shell.folder / "temporary"
    temporary.mkdir()
    shell.environment["TMPDIR"] = str(temporary)
    running, api = start_service(shell, "--workers", "2")
    port = api.removesuffix("/api/v1/tickets").rpartition(":")[2]
    workers = psutil.Process(running.process.pid).children(recursive=True)
    (server,) = [process for process in servers(shell.folder) if process.ppid() == 1]

    running.stop(signal.SIGKILL)

    assert psutil.wait_procs(workers, timeout=PATIENCE)[1] == []
    assert "the supervisor is gone" in running.output
    with pytest.raises(httpx.ConnectError):
        httpx.get(api)
    # the embedded PostgreSQL is taken over by the next start, on the same port
    again = shell.start("serve", "--port", port, TICKETS_ADMIN_TOKEN=ADMIN["X-Admin-Token"])
    again.wait_for("Stop with Ctrl-C")
    assert httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=30).status_code == 200
    assert server.is_running()
    # the metrics that the killed one shared
    assert list(temporary.iterdir()) == []
    assert again.stop() == 0
    assert servers(shell.folder) == []


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("command", ["serve", "migrate"])
async def test_a_signal_during_the_migration_ends_the_command_with_its_code_and_no_traceback(
    shell: Shell, empty_database_url: str, command: str, signal_number: int
) -> None:
    blocker = await asyncpg.connect(empty_database_url)
    # in a transaction, `pg_stat_activity` does not change
    observer = await asyncpg.connect(empty_database_url)
    transaction = blocker.transaction()
    await transaction.start()
    # whoever creates a table of this name waits for this transaction
    await blocker.execute("create table ticket_migrations (migration integer)")
    try:
        running = shell.start(
            command,
            TICKETS_ADMIN_TOKEN=ADMIN["X-Admin-Token"],
            TICKETS_PORT=f"{free_port()}",
            TICKETS_DATABASE_URL=empty_database_url,
        )
        await until_sql(observer, f"exists (select {WAITING})")

        code = await asyncio.to_thread(running.stop, signal_number)
    finally:
        await transaction.rollback()
        await blocker.close()
        await observer.close()

    assert code == 128 + signal_number
    assert "Traceback" not in running.output
    assert "Error" not in running.output


WAITING = """
    from pg_stat_activity
   where datname = current_database() and wait_event_type = 'Lock'
"""
