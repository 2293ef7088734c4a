"""Autovacuum in the way of a migration: it gives way, and nobody queues meanwhile."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres.waiting import MAX_WAIT, until_sql
from tests.throwaway_postgres import OPTIONS
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migrations import Migration, Migrator
from tickets.embedded_postgres.cluster import EmbeddedPostgres

# So slow that it would take hours, as one of a large table does.
SLOW_VACUUM = """
    create table fruit (id serial, name text) with (
        autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0,
        autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1
    );
    alter table fruit owner to platform;
    insert into fruit (name) select repeat('fruit ', 100) || n from generate_series(1, 20000) n;
    delete from fruit where id % 2 = 0;
"""
IN_THE_WAY = "exists (select from pg_stat_progress_vacuum where relid = 'fruit'::regclass)"
WAITING = """exists (
    select from pg_locks
     where relation = 'fruit'::regclass and not granted and mode = 'ShareUpdateExclusiveLock'
)"""

MIGRATIONS = {
    "a step": "-- step: one\nalter table fruit add column weight integer;",
    "a step that calls a function": "-- Changes fruit.\n-- step: one\nselect change_it();",
    "a batch that calls a function": (
        "-- Changes fruit.\n-- step: one, in batches\n"
        "select null::bigint from (select change_it(), :after::bigint, :size::integer) v;"
    ),
    "a migration without steps": "alter table fruit add column colour text;",
    "an index build": (
        "-- step: one, concurrently\ncreate index concurrently fruit_by_name on fruit (id);"
    ),
}


@pytest.fixture
def cluster() -> Iterator[EmbeddedPostgres]:
    """Return a running cluster whose autovacuum starts soon."""
    folder = Path(tempfile.mkdtemp(prefix="tickets-autovacuum-"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(
            folder / "cluster", options=[*OPTIONS, "autovacuum_naptime=1s"]
        ) as postgres:
            yield postgres
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def test_autovacuum_gives_way_to_a_migration_without_blocking_anybody(
    cluster: EmbeddedPostgres,
) -> None:
    """Autovacuum yields to who has waited for a second; a step waits for half a second."""
    async with connected(cluster.url) as connection, connected(cluster.url) as other:
        await other.execute("create role platform; grant all on schema public to platform")
        # as usual, the role that migrates owns the tables, and may not cancel an autovacuum
        await connection.execute("set role platform")
        await other.execute(SLOW_VACUUM)
        await other.execute(
            """create function change_it() returns void language plpgsql as $$
               begin lock table fruit in share row exclusive mode; end $$"""
        )
        migrations = [
            Migration(number, "fruit", script) for number, script in enumerate(MIGRATIONS.values())
        ]
        for number, name in enumerate(MIGRATIONS):
            await until_sql(other, IN_THE_WAY)
            migrator = Migrator(connection, migrations[: number + 1])
            migrating = asyncio.create_task(migrator.apply())
            await until_sql(other, WAITING)
            async with asyncio.timeout(MAX_WAIT):
                await other.execute("update fruit set name = '' where id = 1")
            async with asyncio.timeout(MAX_WAIT):
                assert len(await migrating) == 1, name
