"""PgBouncer in transaction mode, in front of the server of the tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from tickets.embedded_postgres.os_account import OsAccount

CONFIGURATION = """\
[databases]
* = {server}

[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
unix_socket_mode = 0777
listen_port = {PORT}
auth_type = any
pool_mode = transaction
max_client_conn = 100
default_pool_size = 20
logfile = {folder}/log
"""

PORT = 6432


@contextlib.contextmanager
def pgbouncer(url: str) -> Iterator[str]:
    """Start PgBouncer in front of this database; return the database's URL behind it."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    assert program, "this test needs PgBouncer: apt-get install pgbouncer"
    account = OsAccount.for_postgres()
    with tempfile.TemporaryDirectory(prefix="tickets-pgbouncer-") as name:
        folder = Path(name)
        # PgBouncer refuses to run as root, so it runs as the account of PostgreSQL
        os.chown(folder, account.uid, -1)
        folder.chmod(0o711)
        file = folder / "pgbouncer.ini"
        file.write_text(CONFIGURATION.format(server=_server(url), folder=folder, PORT=PORT))
        file.chmod(0o644)
        process = subprocess.Popen(
            [program, "--quiet", file], user=account.uid, stdin=subprocess.DEVNULL
        )
        try:
            _wait_for(folder / f".s.PGSQL.{PORT}", process)
            database = urlsplit(url).path
            yield f"postgresql://anybody@{database}?host={folder}&port={PORT}"
        finally:
            process.terminate()
            process.wait(30)


def _server(url: str) -> str:
    """Return the server of a URL as PgBouncer writes it."""
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    values = {
        "host": parts.hostname or options["host"][0],
        "port": parts.port or options.get("port", ["5432"])[0],
        "user": parts.username or options.get("user", ["postgres"])[0],
        "password": unquote(parts.password or ""),
    }
    return " ".join(f"{name}='{value}'" for name, value in values.items() if value)


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until PgBouncer accepts connections."""
    while process.poll() is None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(f"{path}")
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
    raise AssertionError(f"PgBouncer ended with {process.returncode}")
