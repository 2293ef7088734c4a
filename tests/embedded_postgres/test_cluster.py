"""The embedded cluster with real processes: its data, its settings, its copies."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.embedded_postgres.clusters import opened, own_processes, query


def test_data_is_kept_between_runs(cluster: Path) -> None:
    with opened(cluster) as postgres:
        query(postgres.url, "create table kept as select 'still here' as text")

    assert own_processes(cluster) == []
    with opened(cluster) as postgres:
        assert query(postgres.url, "select text from kept") == "still here"


def test_the_cluster_is_private_and_uses_utf_8_and_utc(cluster: Path) -> None:
    with opened(cluster) as postgres:
        settings = {
            name: query(postgres.url, f"select current_setting('{name}')")
            for name in ("server_encoding", "timezone", "listen_addresses", "fsync")
        }
        lowered = query(postgres.url, "select lower('ÀÉ')")

    assert settings == {
        "server_encoding": "UTF8",
        "timezone": "UTC",
        "listen_addresses": "",
        "fsync": "off",
    }
    assert lowered == "àé"
    assert cluster.stat().st_mode & 0o777 == 0o700
    assert Path(f"{cluster}.log").stat().st_mode & 0o777 == 0o600


def test_environment_variables_of_libpq_are_ignored(
    cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGPORT", "PGDATA", "PGHOST", "PGSERVICE"):
        monkeypatch.setenv(name, "1")

    with opened(cluster), opened(cluster) as postgres:
        monkeypatch.delenv("PGSERVICE")  # asyncpg reads it, and is not under test
        assert query(postgres.url, "select current_database()") == "tickets"


def test_a_copy_of_a_running_cluster_gets_its_own_server(cluster: Path, folder: Path) -> None:
    with opened(cluster) as original:
        subprocess.run(["cp", "-a", cluster, folder / "copy"], check=True)
        with opened(folder / "copy") as copy:
            assert query(copy.url, "show data_directory") == str(folder / "copy")
        assert query(original.url, "show data_directory") == str(cluster)
