"""A take-over while the platform is in use: what waits for what, and what does not."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from tests.postgres.schema.migrators import until_migrators_poll
from tests.postgres.take_over.platform import MESSAGES, TICKETS, Connection, refusal
from tests.postgres.waiting import MAX_WAIT, until_sql
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migrations import MigrationError, Migrator, load_migrations
from tickets.adapters.postgres.sql_loader import load_queries


async def test_four_concurrent_processes_apply_the_take_over_once(
    platform_url: str, platform: Connection
) -> None:
    program = "from tickets.cli.main import main; main(['migrate'])"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TICKETS_")},
        "TICKETS_DATABASE_URL": platform_url,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    processes = []
    async with platform.transaction():
        assert await platform.fetchval(load_queries("migrations")["try_lock"].sql)
        for _ in range(4):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", program),
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            processes.append(process)
        await until_migrators_poll(platform_url, 4)

    outputs = [await process.communicate() for process in processes]

    assert [process.returncode for process in processes] == [0] * 4, outputs
    printed = b"".join(stdout for stdout, _stderr in outputs).decode()
    for migration in load_migrations():
        assert printed.count(migration.title) == 1
    applied = await platform.fetch("select number from ticket_migrations order by number")
    assert [row["number"] for row in applied] == [m.number for m in load_migrations()]
    counts = "select sum(message_count), (select count(*) from ticket_messages) from tickets"
    assert tuple(await platform.fetchrow(counts)) == (MESSAGES, MESSAGES)


WAITS_FOR_TICKETS = (
    "exists (select from pg_locks where relation = 'tickets'::regclass and not granted"
    " and database = (select oid from pg_database where datname = current_database()))"
)


async def test_a_refusal_does_not_wait_for_open_transactions(
    platform_url: str, platform: Connection
) -> None:
    await platform.execute("update tickets set status = 'lost' where id = 1")
    async with connected(platform_url) as writer, writer.transaction():
        await writer.execute("update tickets set subject = 'half-way' where id = 2")

        async with asyncio.timeout(MAX_WAIT):
            message = await refusal(platform)

    assert "tickets with an unknown status: 1 (" in message


async def test_a_take_over_waits_for_an_open_transaction_and_counts_its_rows(
    platform_url: str, platform: Connection
) -> None:
    reply = (
        "insert into ticket_messages (ticket_id, sender_type, message) values (5000, 'admin', $1)"
    )
    async with connected(platform_url) as writer, connected(platform_url) as reader:
        async with writer.transaction():
            await writer.execute(reply, "one")
            await writer.execute("update tickets set updated_at = now() where id = 5000")

            migrating = asyncio.create_task(Migrator(platform).apply())
            await until_sql(reader, WAITS_FOR_TICKETS)
            async with asyncio.timeout(MAX_WAIT):
                visible = await reader.fetchval("select count(*) from tickets")
            waited = not migrating.done()
            await writer.execute(reply, "two")
        await migrating

    assert waited
    assert visible == TICKETS
    ticket = await platform.fetchrow(
        "select message_count, last_message from tickets where id = 5000"
    )
    assert tuple(ticket) == (52, "two")


async def test_a_transaction_that_reads_and_then_writes_is_not_a_deadlock(
    platform_url: str, platform: Connection
) -> None:
    """As a form does: it reads and later writes in one transaction, with two locks on a table."""
    async with connected(platform_url) as form, connected(platform_url) as watcher:
        async with form.transaction():
            await form.fetch("select id, subject from tickets where id = 4999")

            migrating = asyncio.create_task(Migrator(platform).apply())
            await until_sql(watcher, WAITS_FOR_TICKETS)
            await form.execute("update tickets set subject = 'Changed meanwhile' where id = 4999")
            await form.execute("update users set password_hash = '' where id = 1")
        await migrating

    stored = await platform.fetchval("select subject from tickets where id = 4999")
    assert stored == "Changed meanwhile"


async def test_rows_written_during_the_checks_are_checked_again(
    platform_url: str, platform: Connection
) -> None:
    async with connected(platform_url) as writer, connected(platform_url) as watcher:
        async with writer.transaction():
            await writer.execute("update tickets set status = 'lost' where id = 4999")

            migrating = asyncio.create_task(Migrator(platform).apply())
            await until_sql(watcher, WAITS_FOR_TICKETS)

        with pytest.raises(MigrationError, match="tickets with an unknown status: 1 "):
            await migrating


async def test_users_can_be_written_during_the_take_over(
    platform_url: str, platform: Connection
) -> None:
    """Somebody signs up in an open transaction; only the tickets are locked."""
    async with connected(platform_url) as signing_up, signing_up.transaction():
        await signing_up.execute(
            "insert into users (email, password_hash) values ('new@x.org', '')"
        )

        async with asyncio.timeout(MAX_WAIT):
            applied = await Migrator(platform, load_migrations()[:1]).apply()

    assert [migration.title for migration in applied] == ["0001_tickets"]
