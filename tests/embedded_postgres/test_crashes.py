"""Crashes of the service, of the server and of the creation of a cluster (kill -9)."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tests.embedded_postgres.clusters import (
    AS_ROOT,
    PATIENCE,
    Holders,
    is_locked_exclusively,
    opened,
    own_processes,
    query,
    release,
    server_pid,
    url_of,
    wait_until,
)


def test_the_server_of_a_killed_process_is_adopted_and_stopped(
    cluster: Path, holders: Holders
) -> None:
    killed = holders.start(cluster)
    url = url_of(killed)
    query(url, "create table adopted as select 1 as number")
    orphan = server_pid(cluster)

    killed.kill()
    killed.wait()

    assert query(url, "select number from adopted") == 1
    with opened(cluster) as postgres:
        assert server_pid(cluster) == orphan
        assert query(postgres.url, "select number from adopted") == 1
    assert own_processes(cluster) == []


def test_a_killed_server_is_started_again_with_all_committed_data(
    cluster: Path, holders: Holders
) -> None:
    holder = holders.start(cluster)
    query(url_of(holder), "create table committed as select generate_series(1, 1000) as number")
    killed = server_pid(cluster)

    os.kill(killed, signal.SIGKILL)

    with opened(cluster) as postgres:
        assert server_pid(cluster) != killed
        assert query(postgres.url, "select count(*) from committed") == 1000
        release(holder)
        assert query(postgres.url, "select count(*) from committed") == 1000
    assert own_processes(cluster) == []


def test_leaving_succeeds_after_the_server_was_killed(cluster: Path) -> None:
    with opened(cluster):
        os.kill(server_pid(cluster), signal.SIGKILL)

    assert own_processes(cluster) == []


def test_a_cluster_whose_creation_was_killed_is_created_again(
    folder: Path, holders: Holders
) -> None:
    killed = holders.start(folder / "pg")
    wait_until(lambda: list(folder.glob("pg.unfinished-*/PG_VERSION")))
    killed.kill()
    killed.wait()
    (unfinished,) = folder.glob("pg.unfinished-*")

    assert not (folder / "pg").exists()
    with opened(folder / "pg") as postgres:
        assert query(postgres.url, "select current_database()") == "tickets"
    assert not unfinished.exists()
    assert list(folder.glob("pg.unfinished-*")) == []


def test_a_stale_pid_file_with_the_pid_of_another_process_is_ignored(cluster: Path) -> None:
    with opened(cluster):
        owner = cluster.stat()
        lines = (cluster / "postmaster.pid").read_text().split("\n")
    user = owner.st_uid if AS_ROOT else None
    with subprocess.Popen(["sleep", "600"], user=user) as unrelated:
        try:
            stale = cluster / "postmaster.pid"
            stale.write_text("\n".join([str(unrelated.pid), *lines[1:]]))
            os.chown(stale, owner.st_uid, owner.st_gid)

            with opened(cluster) as postgres:
                assert query(postgres.url, "select 1") == 1
                assert server_pid(cluster) != unrelated.pid

            assert unrelated.poll() is None
        finally:
            unrelated.kill()


def test_another_process_with_the_pid_of_a_killed_server_is_not_stopped(
    cluster: Path, holders: Holders
) -> None:
    holder = holders.start(cluster)
    url_of(holder)
    pid_file = cluster / "postmaster.pid"
    server, *rest = pid_file.read_text().split("\n")
    backend = int(Path(f"/proc/{server}/task/{server}/children").read_text().split()[0])
    user = cluster.stat().st_uid if AS_ROOT else None
    with subprocess.Popen(["sleep", "600"], user=user) as unrelated:
        try:
            os.kill(backend, signal.SIGSTOP)  # so that a process of the server stays alive
            os.kill(int(server), signal.SIGKILL)
            pid_file.write_text("\n".join([str(unrelated.pid), *rest]))

            assert holder.stdin
            holder.stdin.close()
            wait_until(lambda: is_locked_exclusively(Path(f"{cluster}.open.lock")))
            os.kill(backend, signal.SIGCONT)

            assert holder.wait(PATIENCE) == 0
            assert unrelated.poll() is None
        finally:
            unrelated.kill()
