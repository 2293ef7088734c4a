"""The databases S and L, on an embedded PostgreSQL with the settings of a production server."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil

from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migrations import Migrator
from tickets.adapters.postgres.sql_loader import parse_queries, sql_folder
from tickets.embedded_postgres.cluster import EmbeddedPostgres

SQL_FOLDER = Path(__file__).parent / "sql"
SQL = {
    name: query.sql
    for name, query in parse_queries(
        (SQL_FOLDER / "bench.sql").read_text(encoding="utf-8"), {}
    ).items()
}

SHAPES = {
    "S": {
        "users": 1_000,
        "tickets": 5_000,
        "heavy_users": 2,
        "regular_users": 40,
        "regular_percent": 50,
    },
    "L": {
        "users": 20_000,
        "tickets": 1_000_000,
        "heavy_users": 10,
        "regular_users": 10_000,
        "regular_percent": 80,
    },
}

# Settings while the data is created: it need not survive a crash, and nothing else writes.
FAST = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=16GB",
    "autovacuum=off",
)


def settings() -> list[str]:
    """Return the server's settings while it is measured; the others are its defaults.

    A quarter of the memory, at most 2 GB, is for shared buffers; commits are durable; and there is
    enough WAL that its size does not force checkpoints all the time.
    """
    quarter = psutil.virtual_memory().total // 4 // 2**20
    return [
        f"shared_buffers={min(quarter, 2048)}MB",
        "fsync=on",
        "synchronous_commit=on",
        "full_page_writes=on",
        "max_wal_size=4GB",
    ]


@dataclass(frozen=True, slots=True)
class Before:
    """The version before: its checkout, and its `tickets` command."""

    checkout: Path
    tickets: Path

    @property
    def migrations(self) -> Path:
        """The folder of its migrations."""
        return self.checkout / "sql" / "migrations"


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL with S and L in it, as templates, each in the schema of each version."""

    url: str
    pid: int

    def database(self, name: str) -> str:
        """Return the URL of a database of this server."""
        return self.url.replace("/tickets?", f"/{name}?", 1)


@contextmanager
def server(folder: Path, sizes: Sequence[str], before: Before | None = None) -> Iterator[Server]:
    """Run a server with the templates of these sizes. Those that the folder has are reused.

    Where the version before has another schema, it gets templates of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)  # the account that runs PostgreSQL for root must be able to enter
    cluster = folder / "cluster"
    wanted: dict[str, tuple[str, Before | None]] = {}
    for size in sizes:
        for version in (None, before):
            wanted.setdefault(template(size, version), (size, version))
    missing = [name for name in wanted if not (folder / f"{name}.created").exists()]
    if missing:
        with EmbeddedPostgres(cluster, options=settings()[:1] + list(FAST)) as postgres:
            for name in missing:
                asyncio.run(_make(_server(postgres, cluster), *wanted[name]))
                (folder / f"{name}.created").touch()
    with EmbeddedPostgres(cluster, options=settings()) as postgres:
        yield _server(postgres, cluster)


def template(size: str, before: Before | None = None) -> str:
    """Return the name of a template: it contains a hash of the files that create it."""
    digest = hashlib.sha256((SQL_FOLDER / "data.sql").read_bytes())
    digest.update(repr(SHAPES[size]).encode())
    migrations = before.migrations if before else sql_folder() / "migrations"
    for file in sorted(migrations.iterdir(), key=lambda file: file.name):
        digest.update(file.read_bytes())
    return f"{size.lower()}_{digest.hexdigest()[:12]}"


def _server(postgres: EmbeddedPostgres, cluster: Path) -> Server:
    pid = int((cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
    return Server(postgres.url, pid)


async def _make(server: Server, size: str, before: Before | None) -> None:
    name = template(size, before)
    started = time.perf_counter()
    await run_outside_transaction(
        server.url, f"drop database if exists {name} with (force)", f"create database {name}"
    )
    async with connected(server.database(name)) as connection:
        shape = SHAPES[size]
        await connection.fetch(SQL["shape"], list(shape), [str(value) for value in shape.values()])
        await connection.execute("set work_mem = '256MB'; set maintenance_work_mem = '512MB'")
        await connection.execute((SQL_FOLDER / "data.sql").read_text(encoding="utf-8"))
        if before is None:
            await Migrator(connection).apply()
        else:
            environment = os.environ | {"TICKETS_DATABASE_URL": server.database(name)}
            migrating = await asyncio.create_subprocess_exec(
                before.tickets, "migrate", env=environment
            )
            if await migrating.wait():
                message = "the version before could not migrate its data"
                raise RuntimeError(message)
        await connection.execute(SQL["tokens"])
        # the migrations have rewritten every ticket
        await connection.execute("vacuum full tickets")
        await connection.execute("vacuum (freeze, analyze)")
    which = size if before is None else f"{size} of the version before"
    print(f"created {which} in {time.perf_counter() - started:.0f} s", flush=True)


async def copy(server: Server, size: str, name: str = "work", before: Before | None = None) -> str:
    """Clone the template of a size, and return the URL of the copy."""
    name = f"{name}_{size.lower()}"
    await run_outside_transaction(
        server.url,
        f"drop database if exists {name} with (force)",
        f"create database {name} template {template(size, before)} strategy file_copy",
    )
    await run_outside_transaction(server.url, "checkpoint")
    return server.database(name)


async def figures(url: str) -> asyncpg.Record:
    """Return the number of users, tickets, messages and so on."""
    connection = await asyncpg.connect(url)
    row = await connection.fetchrow(SQL["figures"])
    await connection.close()
    assert row is not None
    return row


async def run_outside_transaction(url: str, *statements: str) -> None:
    """Run statements that can't run in a transaction."""
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()
