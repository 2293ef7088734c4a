"""Migrations to try, and what a database has recorded of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

from tests.postgres.waiting import until_sql
from tickets.adapters.postgres.connection.connect import CommandConnection, connected
from tickets.adapters.postgres.schema.migrations import (
    Migration,
)
from tickets.adapters.postgres.sql_loader import load_queries

Connection: TypeAlias = CommandConnection

FRUIT = Migration(9001, "fruit", "create table fruit (name text primary key);")
APPLE = Migration(9002, "apple", "insert into fruit (name) values ('apple');")
PEAR = Migration(9003, "pear", "insert into fruit (name) values ('pear');")


@asynccontextmanager
async def queue_of_migrators(url: str, length: int) -> AsyncIterator[None]:
    """Hold the migration lock in the block; release it when `length` migrators poll it."""
    async with connected(url) as gate, gate.transaction():
        await gate.execute(load_queries("migrations")["disable_timeouts"].sql)
        assert await gate.fetchval(load_queries("migrations")["try_lock"].sql)
        yield
        await until_migrators_poll(url, length)


async def until_migrators_poll(url: str, number: int) -> None:
    """Wait until this number of migrators polls the migration lock, which somebody holds."""
    async with connected(url) as watcher:
        await until_sql(
            watcher,
            f"""
            count(*) = {number}
              from pg_stat_activity
             where datname = current_database()
               and query ~* '^(begin|commit)|-- (disable_timeouts|check_client|try_lock)'
               -- not the one that holds the lock
               and not (state = 'idle in transaction' and query ~ '-- (try|check_migration)_lock')
            """,
        )


async def tables(connection: Connection) -> set[str]:
    rows = await connection.fetch(
        "select relname from pg_class where relnamespace = current_schema::regnamespace"
    )
    return {row["relname"] for row in rows}


async def recorded(connection: Connection) -> list[tuple[int, str, str]]:
    rows = await connection.fetch(
        "select number, name, checksum from ticket_migrations order by number"
    )
    return [tuple(row) for row in rows]


def as_recorded(*migrations: Migration) -> list[tuple[int, str, str]]:
    return [(m.number, m.name, m.checksum) for m in migrations]
