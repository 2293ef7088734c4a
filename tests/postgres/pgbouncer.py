"""A PgBouncer on a free port, which signs in to the server with the credentials of a URL."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.postgres.network import address_of
from tests.postgres.waiting import MAX_WAIT
from tickets.embedded_postgres.os_account import OsAccount

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


@asynccontextmanager
async def pgbouncer(
    url: str, *, mode: str = "transaction", size: int = 3, ignored: Sequence[str] = ()
) -> AsyncIterator[str]:
    """Run PgBouncer for the block; return the URL of the same database through it."""
    assert PGBOUNCER is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    target = urlsplit(url)
    host, server_port = address_of(url)
    password = f" password={unquote(target.password)}" if target.password else ""
    folder = Path(tempfile.mkdtemp(prefix="tickets-pgbouncer-"))
    account = OsAccount.for_postgres()
    account.take_ownership(folder)
    folder.chmod(0o755)
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"""[databases]
            * = host={host} port={server_port} user={target.username or "postgres"}{password}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = any
            pool_mode = {mode}
            default_pool_size = {size}
            ignore_startup_parameters = {",".join(["extra_float_digits", *ignored])}
        """.replace("            ", "")
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [PGBOUNCER, settings],
            user=account.uid if account.entry else None,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        async with asyncio.timeout(MAX_WAIT):
            while True:
                assert process.poll() is None, (folder / "log").read_text()
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield f"postgresql://postgres@127.0.0.1:{port}{target.path}?sslmode=disable"
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)
        shutil.rmtree(folder, ignore_errors=True)
