"""A process that drains webhooks, and kills itself before one of its statements.

Arguments: the database's URL, how many statements it may send (0: as many as it likes), and by how
many seconds its clock is ahead, so that it does not wait for the leases of those before it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.repositories.deliveries import PostgresDeliveries
from tickets.adapters.postgres.repositories.webhooks import PostgresWebhooks
from tickets.adapters.webhooks.addresses import AddressPolicy
from tickets.adapters.webhooks.poster import HttpPoster
from tickets.application.drain import Drain
from tickets.application.webhook_delivery import WebhookDelivery
from tickets.background import background_task
from tickets.clock import SystemClock


class ClockAhead(SystemClock):
    """A clock that is ahead."""

    def __init__(self, seconds: float) -> None:
        self.ahead = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return super().now() + self.ahead


class MortalDatabase(Database):
    """Kills the process before a statement."""

    lives = 0

    def count(self) -> None:
        self.lives -= 1
        if self.lives == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def fetch(self, query: str, *args: object) -> Coroutine[Any, Any, Sequence[asyncpg.Record]]:
        self.count()
        return super().fetch(query, *args)

    def fetchrow(self, query: str, *args: object) -> Coroutine[Any, Any, asyncpg.Record | None]:
        self.count()
        return super().fetchrow(query, *args)

    def fetchval(self, query: str, *args: object) -> Coroutine[Any, Any, Any]:
        self.count()
        return super().fetchval(query, *args)


async def main(url: str, statements: int, ahead: float) -> None:
    clock = ClockAhead(ahead)
    async with MortalDatabase(url).open() as database, Database(url).open() as other:
        delivery = WebhookDelivery(
            PostgresDeliveries(database),
            PostgresWebhooks(database),
            HttpPoster(AddressPolicy(["127.0.0.0/8"]), clock),
            clock,
            chance=lambda: 0.0,
            on_outcome=lambda *_: None,
        )
        drain = Drain(
            "webhooks",
            delivery.claim,
            delivery.deliver,
            target_of=lambda each: each.target,
            senders=2,
            idle_seconds=0.01,
        )
        database.lives = statements + 1 if statements else 0  # type: ignore[attr-defined]
        async with background_task(drain.run()):
            while await other.fetchval(  # noqa: ASYNC110 - until the outbox is empty
                "select count(*) from ticket_deliveries where outcome is null"
            ):
                await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
