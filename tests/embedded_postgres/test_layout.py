"""Where clusters lie in the data folder: all inside of it, and old clusters stay in place."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded_postgres.clusters import opened, query
from tickets.embedded_postgres.errors import EmbeddedPostgresError
from tickets.embedded_postgres.layout import cluster_in, demo_cluster_in


@pytest.fixture
def mount_point(folder: Path) -> Iterator[Path]:
    """Return a folder on which a file system of its own is mounted."""
    path = folder / "mounted"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200m,mode=0755", "tmpfs", str(path)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def test_the_data_folder_can_be_a_mount_point(mount_point: Path) -> None:
    (mount_point / "lost+found").mkdir()

    for cluster in (cluster_in(mount_point), demo_cluster_in(mount_point)):
        with opened(cluster) as postgres:
            assert query(postgres.url, "select 1") == 1

    assert [path.name for path in mount_point.parent.iterdir()] == ["mounted"]
    assert {path.name.partition(".")[0] for path in mount_point.iterdir()} == {
        "lost+found",
        "postgres-18",
        "demo-postgres-18",
    }


def make_cluster(path: Path, version: str = "18") -> None:
    path.mkdir(parents=True)
    (path / "PG_VERSION").write_text(f"{version}\n")


def test_a_folder_that_an_earlier_release_made_a_cluster_stays_the_cluster(tmp_path: Path) -> None:
    data = tmp_path / "data"
    make_cluster(data)

    assert cluster_in(data) == data
    # nothing of the demo is put into a cluster
    assert demo_cluster_in(data) == tmp_path / "demo-postgres-18"


def test_the_clusters_in_the_default_folder_are_those_of_earlier_releases(tmp_path: Path) -> None:
    make_cluster(tmp_path / "postgres-18")
    make_cluster(tmp_path / "demo-postgres-18")

    assert cluster_in(tmp_path) == tmp_path / "postgres-18"
    assert demo_cluster_in(tmp_path) == tmp_path / "demo-postgres-18"


def test_the_demo_of_an_earlier_release_goes_on_beside_the_folder(tmp_path: Path) -> None:
    make_cluster(tmp_path / "demo-postgres-18")

    assert demo_cluster_in(tmp_path / "data") == tmp_path / "demo-postgres-18"


def test_a_new_folder_gets_both_clusters_inside(tmp_path: Path) -> None:
    data = tmp_path / "data"

    assert cluster_in(data) == data / "postgres-18"
    assert demo_cluster_in(data) == data / "demo-postgres-18"


def test_no_empty_desk_is_started_beside_a_cluster_of_another_version(tmp_path: Path) -> None:
    make_cluster(tmp_path / "postgres-17", "17")

    with pytest.raises(EmbeddedPostgresError, match="postgres-17 was created by PostgreSQL 17"):
        cluster_in(tmp_path)


def test_no_empty_desk_is_started_in_a_damaged_cluster(tmp_path: Path) -> None:
    (tmp_path / "pg_wal").mkdir()

    with pytest.raises(EmbeddedPostgresError, match="without its file PG_VERSION"):
        cluster_in(tmp_path)
