"""Deletes deliveries that were closed 30 days ago, so that the outbox stays small."""

from __future__ import annotations

from tickets.domain.deliveries import KEPT_FOR
from tickets.domain.ports import Clock, Deliveries

BATCH_SIZE = 500
"""Deliveries that one statement deletes at most, which bounds its locks."""


class DeliveryExpiry:
    """Deletes closed deliveries, in batches; any number of processes may do so at once."""

    def __init__(self, deliveries: Deliveries, clock: Clock) -> None:
        """Work on this outbox, by this clock."""
        self._deliveries = deliveries
        self._clock = clock

    async def delete_expired(self) -> int:
        """Delete everything that was closed more than `KEPT_FOR` ago; return how many.

        What waits for a channel that is off is closed first, so that it is kept as long.
        """
        await self._deliveries.hold_stopped(at=self._clock.now())
        deleted = 0
        while True:
            before = self._clock.now() - KEPT_FOR
            batch = await self._deliveries.delete_closed(before, limit=BATCH_SIZE)
            deleted += batch
            if batch < BATCH_SIZE:
                return deleted
