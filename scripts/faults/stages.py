"""What some faults need besides a cluster: a small disk, or PgBouncer in front of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.faults.processes import PATIENCE, Cluster
from tickets.embedded_postgres.os_account import OsAccount

DISK_SIZE = "200m"
"""A cluster, and some segments of its write-ahead log."""

_POOLER_PORT = 6432

_POOLER_SETTINGS = """\
[databases]
tickets = host={server} port=5432 user=postgres

[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
unix_socket_mode = 0777
listen_port = {port}
auth_type = any
pool_mode = transaction
max_client_conn = 100
default_pool_size = 20
logfile = {folder}/log
"""


class CannotRun(Exception):
    """A fault cannot be injected on this machine; the message says why."""


@contextlib.contextmanager
def cluster_on_a_small_disk() -> Iterator[tuple[Cluster, Path]]:
    """Start a cluster on a small file system of its own; remove both at the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="tickets-faults-disk-"))
    folder.chmod(0o711)
    options = ["-t", "tmpfs", "-o", f"size={DISK_SIZE},mode=0755"]
    try:
        _mount([*options, "tmpfs", str(folder)])
        try:
            cluster = Cluster(folder)
            cluster.start()
            try:
                yield cluster, folder
            finally:
                cluster.stop()
        finally:
            subprocess.run(["/bin/umount", folder], check=True)
    finally:
        folder.rmdir()


def _mount(arguments: list[str]) -> None:
    try:
        done = subprocess.run(
            ["/bin/mount", *arguments], check=False, capture_output=True, text=True
        )
    except OSError as error:
        raise CannotRun(f"nothing can be mounted here ({error})") from error
    if done.returncode:
        raise CannotRun(f"nothing can be mounted here ({done.stderr.strip()})")


def fill(path: Path) -> None:
    """Write a file that takes all the space that is left."""
    block = b"x" * 65536
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(block) == len(block):
            pass


class Pooler:
    """PgBouncer in transaction mode, between a cluster and the service."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        """Write its settings into an empty folder; start nothing."""
        program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise CannotRun("PgBouncer is not installed")
        self._program = program
        # it refuses to run as root
        self._account = OsAccount.for_postgres().uid
        os.chown(folder, self._account, -1)
        folder.chmod(0o711)
        self._socket = folder / f".s.PGSQL.{_POOLER_PORT}"
        self._settings = folder / "pgbouncer.ini"
        self._settings.write_text(
            _POOLER_SETTINGS.format(server=cluster.socket_folder, folder=folder, port=_POOLER_PORT)
        )
        self._settings.chmod(0o644)
        self.url = f"postgresql://postgres@/tickets?host={folder}&port={_POOLER_PORT}"

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        self._process = subprocess.Popen(
            [self._program, "--quiet", self._settings],
            user=self._account,
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
                client.connect(str(self._socket))
                return
            time.sleep(0.02)
        raise RuntimeError("PgBouncer does not accept connections")

    def stop(self) -> None:
        """End it at once, with all its connections."""
        self._process.terminate()
        self._process.wait(PATIENCE)

    @classmethod
    @contextlib.contextmanager
    def running(cls, cluster: Cluster) -> Iterator[Pooler]:
        """Run it for the block."""
        with tempfile.TemporaryDirectory(prefix="tickets-faults-pooler-") as name:
            pooler = cls(cluster, Path(name))
            pooler.start()
            try:
                yield pooler
            finally:
                pooler.stop()
