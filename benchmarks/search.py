"""Full-text search at L: how long queries take, and what the indexes cost replies.

`python -m benchmarks.search [--keep FOLDER] [--replies 10000]` creates L, or takes it from the
folder, and measures on two copies: with the indexes of the search, and without them.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import asyncpg
import uvloop

from benchmarks import data, machine
from benchmarks.writing import Variant
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.repositories.ticket_search import PostgresTicketSearch
from tickets.adapters.postgres.sql_loader import parse_queries
from tickets.domain.errors import SearchTooSlow
from tickets.domain.search import SearchQuery

SQL = {
    name: query.sql
    for name, query in parse_queries(
        (data.SQL_FOLDER / "search.sql").read_text(encoding="utf-8"), {}
    ).items()
}

TIMES = 60
BLOCK = 250
"""Replies in a row on one copy, before it is the other one's turn."""

WITHOUT = "drop index ticket_messages_search, tickets_search, ticket_notes_search"

QUERIES = {
    "a word of 7 tickets": "onyx",
    "a word of 90 tickets": "quartz",
    "a word of 900 tickets": "zephyr",
    "three words, 900 tickets": "look zephyr once",
    "a word of 4,500 tickets": "marble",
    "a ticket's number": "#777777",
    "a number that is also a word": "777777",
    "the beginning of an address, 1 user": "user1234@",
    "the beginning of an address, 11 users": "user1234",
    "a word that is nowhere": "xylophone",
    "a word of every subject": "export",
    "a word of a third of all messages": "looked",
    "`e e e e`": "e e e e",
    "two letters as a prefix": "lo",
}


async def main(server: data.Server, replies: int) -> None:
    """Measure the queries, then the replies, and print a table of each."""
    url = await data.copy(server, "L", "searching")
    connection = await asyncpg.connect(url)
    await connection.execute(SQL["rare_words"])
    await connection.execute("vacuum analyze")
    crowded = await connection.fetchrow(SQL["crowded_user"])
    sizes = await connection.fetch(SQL["index_sizes"])
    await connection.close()
    print("\nIndexes: " + ", ".join(f"{row['name']} {row['megabytes']:,} MB" for row in sizes))
    async with Database(url).open() as database:
        search = PostgresTicketSearch(database)
        print("\n| query | found | p50, ms | p95, ms |\n| --- | ---: | ---: | ---: |")
        for name, query in QUERIES.items():
            await _measure(search, name, query, None)
        assert crowded is not None
        user = int(crowded["user_id"])
        for name, query in (("looked", "looked"), ("xylophone", "xylophone")):
            label = f"`{name}`, by a user with {crowded['messages']:,} messages"
            await _measure(search, label, query, user)
    await _replies(server, url, replies)


async def _measure(
    search: PostgresTicketSearch, name: str, query: str, user_id: int | None
) -> None:
    parsed = SearchQuery.parse(query)
    seconds: list[float] = []
    found = ""
    for _ in range(TIMES if user_id is None else TIMES // 4):
        started = time.perf_counter()
        try:
            if user_id is None:
                page = await search.everywhere(parsed, after=None, limit=50)
            else:
                page = await search.own(user_id, parsed, after=None, limit=50)
            rows = page.rows.count(b'"match"')
            found = f"{rows}{'+' if page.next else ''}"
            found += ", truncated" if page.is_truncated else ""
        except SearchTooSlow:
            found = "400"
        seconds.append(time.perf_counter() - started)
    seconds.sort()
    p50, p95 = statistics.median(seconds), seconds[int(len(seconds) * 0.95)]
    print(f"| {name} | {found} | {p50 * 1000:.1f} | {p95 * 1000:.1f} |", flush=True)


def _texts(count: int) -> list[str]:
    """Return messages of about forty words, as frequent and as rare as in a language."""
    chance = random.Random(4711)
    syllables = [first + second for first in "bcdfghklmnprstvw" for second in "aeiou"]
    words = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(30_000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    return [
        f"{' '.join(chance.choices(words, weights, k=chance.randint(10, 70)))}. Invoice {n}."
        for n in range(count)
    ]


async def _replies(server: data.Server, with_index: str, replies: int) -> None:
    """Reply on both copies in turns, one at a time, so that the slowest is nobody else's fault."""
    without_index = await data.copy(server, "L", "replying")
    await data.run_outside_transaction(without_index, WITHOUT)
    postgres = machine.Tree(server.pid)
    texts = _texts(replies)
    async with AsyncExitStack() as stack:
        variants = [Variant("as it is", with_index), Variant("without the indexes", without_index)]
        seconds: list[list[float]] = [[], []]
        cpu = [0.0, 0.0]
        for variant in variants:
            await variant.open(stack)
            for text in texts[:50]:
                await variant.answer(0, text)
        for start in range(0, replies, BLOCK):
            order = (0, 1) if start // BLOCK % 2 else (1, 0)
            for which in order:
                before = postgres.cpu()
                for number in range(start, min(start + BLOCK, replies)):
                    started = time.perf_counter()
                    await variants[which].answer(number, texts[number])
                    seconds[which].append(time.perf_counter() - started)
                cpu[which] += postgres.cpu() - before
    print(f"\n{replies:,} replies, one at a time:\n")
    print("| | p50, ms | p99, ms | slowest, ms | PostgreSQL's CPU, µs |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for which, variant in enumerate(variants):
        taken = sorted(seconds[which])
        print(
            f"| {variant.name} | {statistics.median(taken) * 1000:.2f}"
            f" | {taken[int(len(taken) * 0.99)] * 1000:.1f} | {taken[-1] * 1000:.1f}"
            f" | {cpu[which] / replies * 1e6:.0f} |"
        )
    more = statistics.median(seconds[0]) / statistics.median(seconds[1]) - 1
    print(f"\nThe indexes: {more:+.1%} of a reply, {cpu[0] / cpu[1] - 1:+.1%} of PostgreSQL's CPU.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--keep", type=Path, help="store the databases here, and reuse those that exist"
    )
    parser.add_argument("--replies", type=int, default=10_000)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="tickets-bench-"))
        )
        uvloop.run(main(stack.enter_context(data.server(folder, ["L"])), options.replies))
