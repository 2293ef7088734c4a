"""Measures the verification on many tickets: at a start, of the figures alone, and in full.

    uv run python scripts/measure_verification.py --tickets 1000000

It starts a PostgreSQL of its own, fills it, and removes it afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path

from tickets.adapters.postgres.connection.connect import CommandConnection, connected
from tickets.adapters.postgres.schema.migrations import Migrator
from tickets.adapters.postgres.verification.verifier import Verifier
from tickets.embedded_postgres.cluster import EmbeddedPostgres

MESSAGES = 4

FILL = (
    "insert into users (email) select 'u' || n || '@example.com' from generate_series(1, 1000) n",
    """insert into tickets (user_id, category, subject, status, admin_unread, message_count,
                            last_message, last_ordinal)
       select 1 + n % 1000, (array['support', 'billing', 'feature_suggestion', 'other'])[1 + n % 4],
              'A subject', (array['open', 'in_progress', 'resolved', 'closed'])[1 + n % 4],
              n % 5 = 0, $2, repeat('y', 80), $2
         from generate_series(1, $1::integer) as n""",
    """insert into ticket_messages (ticket_id, sender_type, message, ordinal)
       select n, case when place % 2 = 0 then 'admin' else 'user' end, repeat('y', 80), place
         from generate_series(1, $1::integer) as n, generate_series(1, $2::integer) as place""",
)


async def timed(what: str, work: Awaitable[object]) -> None:
    started = time.perf_counter()
    result = await work
    print(f"{what}: {time.perf_counter() - started:.2f} s, {result}", flush=True)


async def fill(connection: CommandConnection, tickets: int) -> str:
    await Migrator(connection).apply()
    await connection.execute(FILL[0])
    await connection.execute(FILL[1], tickets, MESSAGES)
    await connection.execute(FILL[2], tickets, MESSAGES)
    await connection.execute("vacuum analyze")
    return f"{tickets} tickets with {MESSAGES} messages each"


async def measure(url: str, tickets: int) -> None:
    async with connected(url) as connection:
        await timed("filled", fill(connection, tickets))
        for _ in range(3):
            await timed("start", Verifier(connection, repair=True).at_start())
        await timed("figures", Verifier(connection, repair=True).ticket_counts())
        await timed("full", Verifier(connection, repair=True).in_full())
        await connection.execute("update tickets set message_count = 0 where id % 1000 = 0")
        await timed("full, 1 of 1,000 wrong", Verifier(connection, repair=True).in_full())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=1_000_000)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tickets-measure-"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder / "cluster", options=["max_wal_size=4GB"]) as postgres:
            asyncio.run(measure(postgres.url, arguments.tickets))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
