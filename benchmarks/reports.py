"""The time of reports with many tickets, all of them opened in the period of the report.

`python -m benchmarks.reports [--tickets 1000000]` creates tickets and events, and prints the time
of a report of a year and of a month: the first one, and the median of those after it. Messages are
not created, as reports do not read them. Nothing in the data is random.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from benchmarks.data import FAST, settings
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.repositories.reports import PostgresReports
from tickets.adapters.postgres.schema.migrations import Migrator
from tickets.clock import SystemClock
from tickets.domain.reports import MAX_DAYS, Period
from tickets.embedded_postgres.cluster import EmbeddedPostgres

ROUNDS = 7

# Each ticket is opened, answered, asked once more, answered, and resolved; a week later it is
# closed. One in ten is reopened by its customer and resolved again, and one resolution in fifty is
# taken back by an admin. One in a thousand, the newest, is only asked.
FILL = """
    set session_replication_role = replica;
    drop index ticket_events_of_ticket, ticket_events_history, ticket_events_of_status,
               ticket_events_of_waits, ticket_events_taken_back;
    insert into users (email) select 'user' || n from generate_series(1, 20000) n;

    create unlogged table made as
    select n as id,
           now() - interval '{days} days' * (1 - n::float8 / {tickets}) as created_at,
           interval '1 second' * (60 + (hashint4(n)::bigint & 1048575) / 8) as pause,
           n < {tickets} * 0.999 as is_answered,
           n % 10 = 0 as is_reopened,
           n % 50 = 1 as is_undone
      from generate_series(1, {tickets}) n;

    insert into tickets (user_id, category, subject, status, user_unread, admin_unread, created_at,
                         updated_at, message_count, last_message, last_ordinal, waiting_since,
                         first_replied_at, resolved_at, events_recorded)
    select 1 + id % 20000, (array['support', 'billing', 'feature_suggestion', 'other'])[1 + id % 4],
           'The export stops half-way, for the ' || id || 'th time',
           case when is_answered then 'closed' else 'open' end, false, not is_answered, created_at,
           created_at + case when is_answered then pause * 8 + interval '7 days' else '0' end,
           case when is_answered then 4 else 1 end, 'It stops after the first hundred rows.',
           4, case when not is_answered then created_at end,
           case when is_answered then created_at + pause end,
           case when is_answered then created_at + pause * 8 end, 9
      from made order by id;

    insert into ticket_events (ticket_id, at, kind, by, before, after)
    select made.id, created_at + pause * step, kind, by, before, after
      from made
     cross join (
               values (0, 0, 'created', 'user', null, null), (1, 0, 'message', 'user', null, null),
                      (2, 0, 'waiting', 'user', null, 'began'),
                      (3, 1, 'message', 'admin', null, null),
                      (4, 1, 'waiting', 'admin', null, 'ended'),
                      (5, 2, 'message', 'user', null, null),
                      (6, 2, 'waiting', 'user', null, 'began'),
                      (7, 3, 'message', 'admin', null, null),
                      (8, 3, 'waiting', 'admin', null, 'ended'),
                      (9, 4, 'status', 'admin', 'open', 'resolved'),
                      (10, 5, 'status', 'admin', 'resolved', 'open'),
                      (11, 6, 'status', 'admin', 'open', 'resolved'),
                      (12, 7, 'message', 'user', null, null),
                      (13, 7, 'status', 'user', 'resolved', 'open'),
                      (14, 8, 'status', 'admin', 'open', 'resolved'),
                      (15, 9, 'closed_naturally', 'system', 'resolved', 'closed')
           ) as event (n, step, kind, by, before, after)
     where (is_answered or n <= 2)
       and (is_undone or n not in (10, 11))
       and (is_reopened or n not in (12, 13, 14))
     order by created_at + pause * step, made.id, n;

    create index ticket_events_of_ticket on ticket_events (ticket_id, id);
    create index ticket_events_of_status on ticket_events (at)
        include (id, ticket_id, kind, by, before, after)
        where kind in ('status', 'closed_naturally');
    create index ticket_events_of_waits on ticket_events (at) include (after)
        where kind = 'waiting';
    create index ticket_events_taken_back on ticket_events (at) include (id, ticket_id)
        where kind = 'status' and by <> 'user'
          and before in ('resolved', 'closed') and after in ('open', 'in_progress');
    update ticket_migrations set applied_at = now() - interval '2 years';
    drop table made;
"""


async def fill(url: str, tickets: int) -> None:
    async with connected(url) as connection:
        await Migrator(connection).apply()
        await connection.execute(FILL.format(days=MAX_DAYS, tickets=tickets))
        await connection.execute("vacuum analyze")


async def measure(url: str) -> None:
    now = SystemClock().now()
    async with Database(url, pool_size=1, timeout=60).open() as database:
        print("| report | first (s) | median after that (s) |\n| --- | ---: | ---: |")
        for days in (MAX_DAYS, 30, 1):
            period = Period((now - timedelta(days=days - 1)).date(), now.date())
            times = []
            for _ in range(ROUNDS):
                started = time.perf_counter()
                report = await PostgresReports(database).report(period, at=now)
                times.append(time.perf_counter() - started)
            first, *others = times
            print(f"| {days} days | {first:.2f} | {statistics.median(others):.2f} |", flush=True)
            print(f"<!-- {report.first_reply}, {report.resolution}, {report.days[-2:]} -->")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="keep the data in this folder, or reuse it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tickets-reports-") as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        # the account that runs PostgreSQL for root must be able to enter
        folder.chmod(0o711)
        filled = folder / "filled"
        if not filled.exists():
            options = settings()[:1] + list(FAST)
            with EmbeddedPostgres(folder / "cluster", options=options) as postgres:
                asyncio.run(fill(postgres.url, arguments.tickets))
            filled.touch()
        with EmbeddedPostgres(folder / "cluster", options=settings()) as postgres:
            asyncio.run(measure(postgres.url))


if __name__ == "__main__":
    main()
