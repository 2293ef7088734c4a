"""Deletes stored responses whose idempotency keys have expired."""

from __future__ import annotations

from tickets.domain.idempotency import KEY_LIFETIME
from tickets.domain.ports import Clock, IdempotencyStore

BATCH_SIZE = 500
"""Responses that one statement deletes at most, which bounds its locks."""


class KeyExpiry:
    """Deletes expired stored responses, in batches; any number of processes may do so at once."""

    def __init__(self, idempotency_store: IdempotencyStore, clock: Clock) -> None:
        """Work on this store, by this clock."""
        self._idempotency_store = idempotency_store
        self._clock = clock

    async def delete_expired(self) -> int:
        """Delete everything older than `KEY_LIFETIME`; return how many responses."""
        deleted = 0
        while True:
            expired_before = self._clock.now() - KEY_LIFETIME
            batch = await self._idempotency_store.delete_before(expired_before, limit=BATCH_SIZE)
            deleted += batch
            if batch < BATCH_SIZE:
                return deleted
