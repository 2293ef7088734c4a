"""Saved replies in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tickets.adapters.memory.idempotency import reject_duplicate, store_response
from tickets.adapters.memory.store import MemoryStore
from tickets.domain.errors import SavedRepliesFull, SavedReplyNotFound
from tickets.domain.idempotency import StoredResponse
from tickets.domain.saved_reply import MAX_SAVED_REPLIES, SavedReply


class MemorySavedReplies:
    """The port `SavedReplies` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Store them in this store."""
        self._store = store

    async def all(self) -> Sequence[SavedReply]:
        """Sort them."""
        return sorted(
            self._store.saved_replies.values(), key=lambda reply: (reply.title.lower(), reply.id)
        )

    async def add(
        self, saved_reply: SavedReply, stored_response: StoredResponse | None = None
    ) -> SavedReply:
        """Store it under the next id."""
        if len(self._store.saved_replies) >= MAX_SAVED_REPLIES:
            raise SavedRepliesFull
        reject_duplicate(self._store, stored_response)
        stored = replace(saved_reply, id=next(self._store.ids))
        self._store.saved_replies[stored.id] = stored
        store_response(self._store, stored_response, stored)
        return stored

    async def change(
        self, saved_reply: SavedReply, stored_response: StoredResponse | None = None
    ) -> None:
        """Replace it."""
        self._check(saved_reply.id)
        reject_duplicate(self._store, stored_response)
        self._store.saved_replies[saved_reply.id] = saved_reply
        store_response(self._store, stored_response, None)

    async def delete(
        self, saved_reply_id: int, stored_response: StoredResponse | None = None
    ) -> None:
        """Remove it."""
        self._check(saved_reply_id)
        reject_duplicate(self._store, stored_response)
        del self._store.saved_replies[saved_reply_id]
        store_response(self._store, stored_response, None)

    def _check(self, saved_reply_id: int) -> None:
        if saved_reply_id not in self._store.saved_replies:
            raise SavedReplyNotFound
