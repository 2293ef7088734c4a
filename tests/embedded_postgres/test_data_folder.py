"""The data folder: where it is, what is refused, and the log and socket folder beside it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.embedded_postgres.clusters import (
    Holders,
    only_root,
    opened,
    query,
    release,
    url_of,
)
from tickets.embedded_postgres.cluster import EmbeddedPostgres
from tickets.embedded_postgres.errors import EmbeddedPostgresError
from tickets.embedded_postgres.layout import default_folder


@pytest.mark.parametrize("name", ["long" * 30, 'it\'s, "$HOME" & ü'], ids=["long", "unusual"])
def test_a_path_that_is_unfit_for_a_socket_gets_a_private_socket_folder(
    folder: Path, holders: Holders, name: str
) -> None:
    (folder / "other").mkdir()
    (folder / "other").chmod(0o711)

    with opened(folder / name) as postgres:
        other = holders.start(folder / name, TMPDIR=str(folder / "other"))

        assert url_of(other) == postgres.url
        assert query(postgres.url, "select current_user") == "postgres"
        sockets = Path(postgres.url.partition("?host=")[2].partition("&")[0])
        assert sockets.parent == Path(tempfile.gettempdir()).resolve()
        assert sockets.stat().st_mode & 0o777 == 0o700
        release(other)

    sockets.rmdir()
    sockets.symlink_to(folder / "other")  # as another account could
    with pytest.raises(
        EmbeddedPostgresError, match=f"{sockets}, for PostgreSQL's socket, is not a private folder"
    ):
        opened(folder / name).__enter__()
    sockets.unlink()


def test_the_error_of_a_failed_start_has_the_cause_and_the_path_of_the_log(cluster: Path) -> None:
    with pytest.raises(EmbeddedPostgresError) as caught:
        EmbeddedPostgres(cluster, options=("shared_buffers=nonsense",)).__enter__()

    message = str(caught.value)
    assert 'invalid value for parameter "shared_buffers": "nonsense"' in message
    assert f"(log: {cluster}.log)" in message
    assert "\n" not in message


def test_a_cluster_of_another_major_version_is_refused_with_both_versions_named(
    folder: Path,
) -> None:
    (folder / "pg").mkdir()
    (folder / "pg" / "PG_VERSION").write_text("16\n")

    with pytest.raises(EmbeddedPostgresError, match="PostgreSQL 16, but this is PostgreSQL 18"):
        opened(folder / "pg").__enter__()


def test_a_folder_with_other_files_is_refused_and_not_changed(folder: Path) -> None:
    (folder / "pg").mkdir()
    (folder / "pg" / "letter.txt").write_text("dear")

    with pytest.raises(EmbeddedPostgresError, match="is not empty"):
        opened(folder / "pg").__enter__()

    assert (folder / "pg" / "letter.txt").read_text() == "dear"


def test_the_error_of_a_folder_that_cannot_be_created_is_one_line(folder: Path) -> None:
    (folder / "file").write_text("")

    with pytest.raises(EmbeddedPostgresError, match=f"'{folder}/file'") as caught:
        opened(folder / "file" / "pg").__enter__()

    assert "\n" not in str(caught.value)


def test_a_large_log_is_rotated_at_the_start(cluster: Path) -> None:
    with opened(cluster):
        pass
    with (Path(f"{cluster}.log")).open("a") as log:
        log.write("x" * (1 << 20))

    with opened(cluster):
        pass

    assert (Path(f"{cluster}.log.old")).stat().st_size > 1 << 20
    assert (Path(f"{cluster}.log")).stat().st_size < 1 << 20


def test_the_default_folder_is_in_the_users_own_data_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert default_folder() == Path("/somewhere/tickets")


@only_root
def test_the_default_folder_of_root_is_one_that_another_account_can_enter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert default_folder() == Path("/var/lib/tickets")
