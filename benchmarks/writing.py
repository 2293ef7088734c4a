"""The cost of a write's parts: indexes, triggers, rate limits, idempotency keys, the ticket cache.

`python -m benchmarks.writing` removes each from a copy of S, or adds it, and compares the copies.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import re
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Literal

import asyncpg
import uvloop

from benchmarks import data, machine
from tickets.adapters.postgres.caching.ticket_cache import PostgresTicketCache
from tickets.adapters.postgres.caching.unread_counts import UnreadCounts
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.listener import Listener
from tickets.adapters.postgres.identity.admins import PostgresAdmins
from tickets.adapters.postgres.repositories.customer_lookup import PostgresCustomerLookup
from tickets.adapters.postgres.repositories.idempotency import PostgresIdempotencyStore
from tickets.adapters.postgres.repositories.rate_limits import PostgresRateLimiter
from tickets.adapters.postgres.repositories.tickets import PostgresTickets
from tickets.application.tickets import TicketService
from tickets.application.user_rate_limits import UserRateLimits
from tickets.clock import SystemClock
from tickets.domain.idempotency import IdempotencyKey
from tickets.domain.people import Actor
from tickets.settings.settings import Settings

ROUNDS = 9
AT_ONCE = 8
CONNECTIONS = 5  # to each copy; PostgreSQL's default maximum is a hundred
TICKETS = 160
CREATES = 400

AS_IT_IS = "as it is"
WITHOUT_LIMITS = "without rate limits"
WITHOUT_CACHE = "without the ticket cache"
WITH_KEYS = "with idempotency keys"

# In this file a name is a sentence, which the SQL loader would refuse.
_, *_PARTS = re.split(
    r"^-- name: (.+)$",
    (data.SQL_FOLDER / "writing.sql").read_text(encoding="utf-8"),
    flags=re.MULTILINE,
)
REMOVALS = dict(zip(_PARTS[::2], _PARTS[1::2], strict=True))


class Variant:
    """The use cases on one copy of the database, and the samples of each round."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._url = url
        self._number = itertools.count()
        self.conversing, self.creating = list[Sample](), list[Sample]()

    async def open(self, stack: AsyncExitStack) -> None:
        database = Database(self._url, pool_size=CONNECTIONS)
        listener = Listener(self._url, database)
        await stack.enter_async_context(database.open())
        await stack.enter_async_context(listener.listening())
        rate_limiter = PostgresRateLimiter(database)
        ticket_cache = PostgresTicketCache(None if self.name == WITHOUT_CACHE else listener)
        is_limited = self.name != WITHOUT_LIMITS
        self._service = TicketService(
            PostgresTickets(database, rate_limiter, UnreadCounts(database, listener), ticket_cache),
            ticket_cache,
            PostgresIdempotencyStore(database),
            admins=PostgresAdmins(database),
            customers=PostgresCustomerLookup(database),
            rate_limits=UserRateLimits(
                rate_limiter,
                creates=Settings().rate_creates if is_limited else None,
                replies=Settings().rate_replies if is_limited else None,
            ),
            clock=SystemClock(),
            close_resolved_after=None,
        )
        rows = await database.fetch(data.SQL["writable_tickets"], TICKETS)
        self._tickets = [(row["id"], Actor.user(row["user_id"])) for row in rows]

    async def converse(self, number: int) -> None:
        """Reply from each side, and each side reads: four writes."""
        ticket_id, user = self._tickets[number % len(self._tickets)]
        text = "It has just happened once more, with the invoice of February."
        await self._service.reply(ticket_id, text, by=user, idempotency_key=self._key(user))
        await self._service.read(ticket_id, by=Actor.team())
        await self._service.reply(
            ticket_id, text, by=Actor.team(), idempotency_key=self._key(Actor.team())
        )
        await self._service.read(ticket_id, by=user)

    async def answer(self, number: int, text: str) -> None:
        """Reply as an admin, who is not rate limited."""
        ticket_id, _ = self._tickets[number % len(self._tickets)]
        await self._service.reply(ticket_id, text, by=Actor.team(), idempotency_key=None)

    async def create(self, number: int) -> None:
        _, user = self._tickets[number % len(self._tickets)]
        await self._service.open(
            by=user,
            category="billing",
            other_category=None,
            subject="Charged twice in January",
            message="My card was charged twice for invoice 4711.",
            idempotency_key=self._key(user),
        )

    def _key(self, by: Actor) -> IdempotencyKey | None:
        if self.name != WITH_KEYS:
            return None
        key = str(next(self._number))
        return IdempotencyKey(by, key, sha256(key.encode()).digest())


class Sample:
    """One round: seconds per write, and CPU seconds of PostgreSQL per write."""

    def __init__(self, seconds: float, postgres: float) -> None:
        self.seconds, self.postgres = seconds, postgres


async def measured(
    work: Callable[[int], Awaitable[None]], times: int, writes: int, postgres: machine.Tree
) -> Sample:
    """Do the work `times` times, several at once."""
    numbers = iter(range(times))

    async def worker() -> None:
        for number in numbers:
            await work(number)

    started, cpu = time.perf_counter(), postgres.cpu()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return Sample(
        (time.perf_counter() - started) / (times * writes),
        (postgres.cpu() - cpu) / (times * writes),
    )


async def main(server: data.Server) -> None:
    """Measure the variants, interleaved, and print a table."""
    postgres = machine.Tree(server.pid)
    names = [AS_IT_IS, *REMOVALS, WITHOUT_LIMITS, WITHOUT_CACHE, WITH_KEYS]
    async with AsyncExitStack() as stack:
        variants = []
        for number, name in enumerate(names):
            url = await data.copy(server, "S", f"writing_{number}")
            if name in REMOVALS:
                connection = await asyncpg.connect(url)
                await connection.execute(REMOVALS[name])
                await connection.close()
            variants.append(Variant(name, url))
            await variants[-1].open(stack)
        for number in range(ROUNDS + 1):
            for variant in (
                *variants[number % len(variants) :],
                *variants[: number % len(variants)],
            ):
                conversing = await measured(variant.converse, TICKETS, 4, postgres)
                creating = await measured(variant.create, CREATES, 1, postgres)
                # in the first round PostgreSQL plans the statements
                if number:
                    variant.conversing.append(conversing)
                    variant.creating.append(creating)
    _print(variants)


def _print(variants: list[Variant]) -> None:
    base = variants[0]
    print(
        f'\nPer write, relative to "{AS_IT_IS}"; medians of {ROUNDS} rounds, {AT_ONCE} at once.\n'
    )
    print("| | conversing: writes/s | PostgreSQL's CPU | creating: writes/s | PostgreSQL's CPU |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for variant in variants:
        cells = []
        for mine, bases in (
            (variant.conversing, base.conversing),
            (variant.creating, base.creating),
        ):
            speed = _median(bases, "seconds") / _median(mine, "seconds")
            cpu = _median(mine, "postgres") / _median(bases, "postgres")
            cells += [f"{speed:.2f}", f"{cpu:.2f}"]
        print(f"| {variant.name} | {' | '.join(cells)} |")
    conversing, creating = _median(base.conversing, "seconds"), _median(base.creating, "seconds")
    print(
        f"\nAs it is: {1 / conversing:,.0f} writes/s conversing, {1 / creating:,.0f} creating;"
        f" {_median(base.conversing, 'postgres') * 1e6:,.0f} and"
        f" {_median(base.creating, 'postgres') * 1e6:,.0f} µs of PostgreSQL's CPU."
    )


def _median(samples: list[Sample], what: Literal["seconds", "postgres"]) -> float:
    return statistics.median(float(getattr(sample, what)) for sample in samples)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--keep", type=Path, help="store the databases here, and reuse those that exist"
    )
    with ExitStack() as stack:
        folder = parser.parse_args().keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="tickets-bench-"))
        )
        uvloop.run(main(stack.enter_context(data.server(folder, ["S"]))))
