"""The cost of the triggers in statements over many rows, as a platform's own scripts send them.

`python -m benchmarks.bulk [--rows 1000000] [--only TEXT]` runs each statement without and with the
triggers, and prints the CPU seconds of PostgreSQL's server process: they depend less than
wall-clock time on what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migrations import Migrator
from tickets.embedded_postgres.cluster import EmbeddedPostgres

OPTIONS = ("fsync=off", "synchronous_commit=off", "shared_buffers=1GB", "max_wal_size=8GB")
TABLES = ("tickets", "ticket_messages")

INSERT_TICKETS = """
insert into tickets (user_id, category, subject, status)
select 1 + n % 1000, (array['support', 'billing', 'other'])[1 + n % 3], 'Subject ' || n,
       (array['open', 'closed', 'resolved'])[1 + n % 3]
  from generate_series(1, {rows}) n"""
INSERT_MESSAGES = """
insert into ticket_messages (ticket_id, sender_type, message)
select 1 + n % ({rows} / 4), case when n % 2 = 0 then 'user' else 'admin' end, 'Message ' || n
  from generate_series(1, {rows}) n"""
ONE_THREAD = """
insert into ticket_messages (ticket_id, sender_type, message)
select {ticket}, 'user', 'Message ' || n from generate_series(1, {rows}) n"""


@dataclass(frozen=True)
class Case:
    """A statement to measure, and what is executed before it."""

    name: str
    statement: str
    before: tuple[str, ...] = ()


def cases(rows: int) -> Iterator[Case]:
    tickets = INSERT_TICKETS.format(rows=rows)
    messages = INSERT_MESSAGES.format(rows=rows)
    filled = (tickets, "vacuum analyze tickets")
    with_messages = (*filled, messages, "vacuum analyze ticket_messages")
    yield Case(f"insert {rows:,} tickets", tickets)
    update = "update tickets set status = 'in_progress'"
    yield Case(f"update the status of {rows:,}", update, filled)
    yield Case(f"delete {rows:,}", "delete from tickets", filled)
    yield Case(f"delete {rows:,} with as many messages", "delete from tickets", with_messages)
    yield Case(f"insert {rows:,} messages into {rows // 4:,} tickets", messages, filled)
    for length in (5_000, 10_000, 20_000):
        one_thread = ONE_THREAD.format(ticket=1, rows=length)
        yield Case(f"insert {length:,} messages into one ticket", one_thread, filled)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, by the kernel's own count."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


async def measure(url: str, case: Case, *, triggers: bool) -> float:
    connection = await asyncpg.connect(url)
    switch = "enable" if triggers else "disable"
    for table in TABLES:
        await connection.execute(f"alter table {table} disable trigger user")
    await connection.execute("truncate tickets, ticket_messages, ticket_counts restart identity")
    for statement in case.before:
        await connection.execute(statement)
    for table in TABLES:
        await connection.execute(f"alter table {table} {switch} trigger user")
    pid = await connection.fetchval("select pg_backend_pid()")
    before = cpu_seconds(pid)
    await connection.execute(case.statement)
    used = cpu_seconds(pid) - before
    await connection.close()
    return used


async def run(url: str, rows: int, only: str) -> None:
    async with connected(url) as connection:
        await Migrator(connection).apply()
        await connection.execute(
            "insert into users (email) select 'user' || n from generate_series(1, 1000) n"
        )
    print("| statement | without (s) | with (s) | ratio |\n| --- | ---: | ---: | ---: |")
    for case in cases(rows):
        if only not in case.name:
            continue
        without = await measure(url, case, triggers=False)
        with_them = await measure(url, case, triggers=True)
        ratio = with_them / without
        print(f"| {case.name} | {without:.2f} | {with_them:.2f} | {ratio:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", default="", help="the cases with this text in their names")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tickets-bulk-") as folder:
        # the account that runs PostgreSQL for root must be able to enter
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder) / "cluster", options=list(OPTIONS)) as postgres:
            asyncio.run(run(postgres.url, arguments.rows, arguments.only))


if __name__ == "__main__":
    main()
