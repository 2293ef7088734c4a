"""The token lookup in memory."""

from __future__ import annotations

from tickets.adapters.memory.store import MemoryStore


class MemoryTokenLookup:
    """The port `TokenLookup` over a `MemoryStore`; its tokens do not expire."""

    def __init__(self, store: MemoryStore) -> None:
        """Look tokens up in this store."""
        self._store = store

    def cached(self, token: str) -> int | None:
        """Look the token up: no lookup here is a query."""
        return self._store.tokens.get(token)

    async def by_token(self, token: str) -> int | None:
        """Look the token up."""
        return self._store.tokens.get(token)
