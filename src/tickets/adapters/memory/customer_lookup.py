"""The customer lookup in memory."""

from __future__ import annotations

from collections.abc import Sequence

from tickets.adapters.memory.store import MemoryStore


class MemoryCustomerLookup:
    """The port `CustomerLookup` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Look users up in this store."""
        self._store = store

    async def find(self, *, user_id: int | None, email: str | None) -> Sequence[int]:
        """Look through all users."""
        if (user_id is None) is (email is None):
            return ()
        if email is None:
            return [found for found in self._store.emails if found == user_id]
        wanted = email.lower()
        return sorted(
            found for found, address in self._store.emails.items() if address.lower() == wanted
        )[:2]
