"""The outbox on PostgreSQL: claims by `for update skip locked`, results under the lease."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter

import asyncpg

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.deliveries import Channel, ChannelFigures, Delivery, Outcome
from tickets.domain.mail_news import MAX_CLAIMED_MAILS
from tickets.domain.people import Side


class PostgresDeliveries:
    """The port `Deliveries` on PostgreSQL. Each method is one statement of its own."""

    def __init__(self, database: Database) -> None:
        """Drain the outbox of this database, whose schema is up to date."""
        self._database = database
        self._sql = load_queries("deliveries")

    async def claim(
        self,
        channel: Channel,
        *,
        at: datetime,
        until: datetime,
        busy: Mapping[str, int],
        share: int,
        limit: int,
    ) -> Sequence[Delivery]:
        """Claim the oldest open delivery of each target and ticket."""
        query = self._sql["claim_deliveries"].bind(
            channel=channel,
            at=at,
            until=until,
            targets=list(busy),
            busy=list(busy.values()),
            share=share,
            limit=limit,
        )
        return self._claimed(await self._database.fetch(*query))

    async def claim_mail(
        self, *, at: datetime, until: datetime, fresh_before: datetime
    ) -> Sequence[Delivery]:
        """Claim one recipient's deliveries."""
        query = self._sql["claim_mail"].bind(
            at=at, until=until, fresh_before=fresh_before, max_tickets=MAX_CLAIMED_MAILS
        )
        return self._claimed(await self._database.fetch(*query))

    async def close(
        self, delivery: Delivery, outcome: Outcome, *, at: datetime, error: str | None = None
    ) -> bool:
        """Update the row under its lease."""
        return await self._write("close_delivery", delivery, outcome=outcome, at=at, error=error)

    async def retry(
        self, delivery: Delivery, *, due_at: datetime, error: str, unconfirmed: bool = False
    ) -> bool:
        """Update the row under its lease."""
        return await self._write(
            "retry_delivery", delivery, due_at=due_at, error=error, unconfirmed=int(unconfirmed)
        )

    async def release(self, delivery: Delivery, *, error: str) -> bool:
        """Update the row under its lease."""
        return await self._write("release_delivery", delivery, error=error)

    async def hold_stopped(self, *, at: datetime) -> int:
        """Update what the index over open deliveries has of channels that are off."""
        query = self._sql["hold_stopped_deliveries"].bind(at=at)
        return len(await self._database.fetch(*query))

    async def delete_closed(self, before: datetime, *, limit: int) -> int:
        """Delete from the index over closed deliveries."""
        query = self._sql["delete_closed_deliveries"].bind(before=before, limit=limit)
        return len(await self._database.fetch(*query))

    async def figures(self, *, at: datetime) -> Sequence[ChannelFigures]:
        """Count in the indexes over open and parked deliveries."""
        rows = await self._database.fetch(*self._sql["delivery_figures"].bind(at=at))
        return [ChannelFigures(**row) for row in rows]

    async def _write(self, query: str, delivery: Delivery, **values: object) -> bool:
        statement = self._sql[query].bind(delivery_id=delivery.id, lease=delivery.lease, **values)
        return await self._database.fetchval(*statement) is not None

    def _claimed(self, rows: Sequence[asyncpg.Record]) -> Sequence[Delivery]:
        # an update returns its rows in no order
        return sorted(map(_delivery, rows), key=attrgetter("id"))


def _delivery(row: asyncpg.Record) -> Delivery:
    by = row["by"]
    return Delivery(
        id=row["id"],
        channel=Channel(row["channel"]),
        target=row["target"],
        event=row["event"],
        event_id=row["event_id"],
        ticket_id=row["ticket_id"],
        body=row["body"],
        attempts=row["attempts"],
        unconfirmed=row["unconfirmed"],
        lease=row["lease"],
        at=row["at"],
        by=None if by not in (Side.USER, Side.ADMIN) else Side(by),
        admin_id=row["admin_id"],
        after=row["after"],
        message_id=row["message_id"],
    )
