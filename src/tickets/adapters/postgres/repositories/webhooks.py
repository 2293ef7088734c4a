"""Webhooks on PostgreSQL: what delivers to them, and what `tickets webhook` does with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.webhooks import MAX_WEBHOOKS, ROTATION, Webhook


@dataclass(frozen=True, slots=True)
class WebhookEntry:
    """A webhook in the list; `failing_since` is None where its last attempt succeeded."""

    id: int
    url: str
    events: Sequence[str]
    stopped_because: str | None
    failing_since: datetime | None
    waiting: int
    failed: int


@dataclass(frozen=True, slots=True)
class DeliveryEntry:
    """A delivery in the list of its webhook; `outcome` is None while it waits."""

    id: int
    event: str
    ticket_id: int
    attempts: int
    outcome: str | None
    last_error: str | None
    at: datetime


class PostgresWebhooks:
    """The port `Webhooks` on PostgreSQL, and the means of the command."""

    def __init__(self, database: Database) -> None:
        """Keep the webhooks in this database, whose schema is up to date."""
        self._database = database
        self._sql = load_queries("webhooks")

    async def by_url(self, url: str, *, at: datetime) -> Webhook | None:
        """Select it with the previous secret while that signs."""
        query = self._sql["webhook_by_url"].bind(url=url, at=at)
        return _webhook(await self._database.fetchrow(*query))

    async def by_id(self, webhook_id: int, *, at: datetime) -> Webhook | None:
        """Return the webhook with this id; None where there is none."""
        query = self._sql["webhook_by_id"].bind(webhook_id=webhook_id, at=at)
        return _webhook(await self._database.fetchrow(*query))

    async def succeeded(self, url: str) -> None:
        """Clear the time of the first failure, if there is one."""
        await self._database.fetch(*self._sql["webhook_succeeded"].bind(url=url))

    async def failed(self, url: str, *, at: datetime) -> datetime:
        """Set the time of the first failure."""
        since = await self._database.fetchval(*self._sql["webhook_failed"].bind(url=url, at=at))
        return at if since is None else since

    async def stop(self, url: str, *, because: str, at: datetime) -> bool:
        """Stop it, with the reason."""
        query = self._sql["stop_webhook"].bind(url=url, because=because, at=at)
        return await self._database.fetchval(*query) is not None

    async def start(self, url: str, *, at: datetime) -> int | None:
        """Start a stopped webhook; return how many deliveries are held, None if it was on."""
        held: int | None = await self._database.fetchval(
            *self._sql["start_webhook"].bind(url=url, at=at)
        )
        return held

    async def add(
        self, url: str, *, events: Sequence[str], secret: str, at: datetime
    ) -> int | None:
        """Add a webhook and return its id; None where there is one, or `MAX_WEBHOOKS`."""
        query = self._sql["add_webhook"].bind(
            url=url, events=list(events), secret=secret, at=at, max_webhooks=MAX_WEBHOOKS
        )
        webhook_id: int | None = await self._database.fetchval(*query)
        return webhook_id

    async def rotate(self, url: str, *, secret: str, at: datetime) -> bool:
        """Replace the secret; the previous one signs as well for `ROTATION`."""
        query = self._sql["rotate_webhook"].bind(url=url, secret=secret, until=at + ROTATION)
        return await self._database.fetchval(*query) is not None

    async def entries(self) -> Sequence[WebhookEntry]:
        """Return all webhooks by id."""
        rows = await self._database.fetch(*self._sql["list_webhooks"].bind())
        return [WebhookEntry(**row) for row in rows]

    async def deliveries(self, url: str, *, limit: int) -> Sequence[DeliveryEntry]:
        """Return the newest deliveries of a webhook."""
        query = self._sql["webhook_deliveries"].bind(url=url, limit=limit)
        return [DeliveryEntry(**row) for row in await self._database.fetch(*query)]

    async def replay(self, delivery_id: int, *, at: datetime) -> bool:
        """Send a closed delivery again; return False where it waits, or its webhook is off."""
        query = self._sql["replay_delivery"].bind(delivery_id=delivery_id, at=at)
        return await self._database.fetchval(*query) is not None


def _webhook(row: asyncpg.Record | None) -> Webhook | None:
    if row is None:
        return None
    secrets = [secret for secret in (row["secret"], row["previous_secret"]) if secret is not None]
    return Webhook(row["id"], row["url"], secrets, row["stopped_because"])
