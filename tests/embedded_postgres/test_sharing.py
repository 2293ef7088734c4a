"""A cluster that several processes have open: who starts the server, and who stops it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.embedded_postgres.clusters import (
    PATIENCE,
    VISITOR,
    Holders,
    opened,
    own_processes,
    query,
    release,
    server_pid,
    url_of,
    wait_until,
)


def test_the_last_of_two_processes_to_leave_stops_the_server(
    cluster: Path, holders: Holders
) -> None:
    with opened(cluster) as postgres:
        other = holders.start(cluster)
        assert url_of(other) == postgres.url
        server = server_pid(cluster)

    assert query(postgres.url, "select 1") == 1
    assert server_pid(cluster) == server
    release(other)
    assert own_processes(cluster) == []


def test_processes_that_open_and_close_it_at_once_always_find_a_server(
    folder: Path, holders: Holders
) -> None:
    """On an empty folder; starts and stops overlap in every order."""
    visitors = [holders.start(folder / "pg", script=VISITOR) for _ in range(4)]

    for visitor in visitors:
        release(visitor)

    assert own_processes(folder) == []


def test_ctrl_c_stops_the_service_and_not_the_server_that_it_shares(
    cluster: Path, holders: Holders
) -> None:
    holder = holders.start(cluster)
    url_of(holder)
    with opened(cluster) as postgres:
        server = server_pid(cluster)

        os.killpg(holder.pid, signal.SIGINT)
        holder.wait(PATIENCE)

        assert query(postgres.url, "select 1") == 1
        assert server_pid(cluster) == server


def test_ctrl_c_during_the_start_leaves_no_process_behind(cluster: Path, holders: Holders) -> None:
    with opened(cluster):
        pass
    holder = holders.start(cluster)
    wait_until((cluster / "postmaster.pid").exists)

    os.killpg(holder.pid, signal.SIGINT)
    holder.wait(PATIENCE)

    assert own_processes(cluster) == []
