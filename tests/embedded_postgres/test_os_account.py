"""The account that PostgreSQL runs as, for root and for an ordinary user; Windows has none."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from tests.embedded_postgres.clusters import (
    Holders,
    install_wheel,
    only_root,
    opened,
    own_processes,
    query,
    release,
    server_pid,
    url_of,
)
from tickets.embedded_postgres.errors import EmbeddedPostgresError


def test_on_windows_it_can_be_imported_and_the_error_names_the_setting() -> None:
    script = """
import sys
from pathlib import Path
import platformdirs, shutil, subprocess, tempfile  # the real ones, before this becomes Windows
sys.platform = "win32"
sys.modules["fcntl"] = sys.modules["pwd"] = None
from tickets.embedded_postgres.cluster import EmbeddedPostgres
from tickets.embedded_postgres.errors import EmbeddedPostgresError
try:
    EmbeddedPostgres(Path("x")).__enter__()
except EmbeddedPostgresError as error:
    print(error)
"""
    stdout = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout

    assert "TICKETS_DATABASE_URL" in stdout


@only_root
def test_an_ordinary_user_runs_it_in_the_home_folder(folder: Path, holders: Holders) -> None:
    user = pwd.getpwnam("nobody")
    home = folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, user.pw_uid, user.pw_gid)
    # a copy, as the user may not be able to read the environment that runs the tests
    wheel = install_wheel(folder)
    path = os.pathsep.join([str(wheel), *sys.path])
    environment = {"HOME": str(home), "XDG_DATA_HOME": "", "PYTHONPATH": path}

    holder = holders.start(None, uid=str(user.pw_uid), **environment)
    url = url_of(holder)

    assert f"{home}/.local/share/tickets/postgres-18" in url
    assert query(url, "select 1") == 1
    server = server_pid(home / ".local/share/tickets/postgres-18")
    assert Path(f"/proc/{server}").stat().st_uid == user.pw_uid
    release(holder)
    assert own_processes(folder) == []


@only_root
def test_root_runs_it_as_pgserver_even_if_only_root_can_read_the_wheel(
    folder: Path, holders: Holders
) -> None:
    (folder / "private").mkdir(mode=0o700)
    wheel = install_wheel(folder / "private")
    path = os.pathsep.join([str(wheel), *sys.path])

    holder, other = (holders.start(folder / "data" / "pg", PYTHONPATH=path) for _ in range(2))

    assert query(url_of(holder), "select 1") == 1
    assert query(url_of(other), "select 1") == 1
    server = server_pid(folder / "data" / "pg")
    assert Path(f"/proc/{server}").stat().st_uid == pwd.getpwnam("pgserver").pw_uid
    (copy,) = (folder / "data").glob("pg.programs-*")
    assert Path(f"/proc/{server}/exe").readlink().is_relative_to(copy)
    assert (folder / "private").stat().st_mode & 0o777 == 0o700
    release(holder)
    release(other)

    # pgserver can read the usual wheel, so the copy is not needed any more
    with opened(folder / "data" / "pg"):
        assert not copy.exists()


@only_root
def test_the_error_names_the_folder_that_pgserver_cannot_enter(folder: Path) -> None:
    (folder / "private").mkdir(mode=0o700)

    with pytest.raises(EmbeddedPostgresError, match=rf"chmod o\+x {folder}/private`"):
        opened(folder / "private" / "deep" / "pg").__enter__()

    assert (folder / "private").stat().st_mode & 0o777 == 0o700
