"""A cache with explicit invalidation, safe against loads that overlap with a change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic

from tickets.bounded_dict import BoundedDict, Key, Value

MAX_ENTRIES = 50_000
"""Maximum number of entries; eviction is FIFO."""


class Cache(Generic[Key, Value]):
    """Values by key, until `invalidate` or `clear` is called.

    A load that is running at that moment may have read the old value; its result is returned to
    the caller, and not cached.
    """

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        """Hold up to `max_entries` entries."""
        self.generation = 0
        """Number of times that the whole cache was cleared."""
        self._entries = BoundedDict[Key, Value](max_entries)
        self._loads: dict[Key, object] = {}

    def get(self, key: Key) -> Value | None:
        """Return the cached value, None on a miss."""
        return self._entries.get(key)

    def put(self, key: Key, value: Value) -> None:
        """Cache a value."""
        self._entries.put(key, value)

    async def load(self, key: Key, fetch: Callable[[], Awaitable[Value | None]]) -> Value | None:
        """Fetch a value; cache it if it is not None and was not invalidated in the meantime."""
        load = self._loads[key] = object()
        try:
            value = await fetch()
            if value is not None and self._loads.get(key) is load:
                self.put(key, value)
            return value
        finally:
            if self._loads.get(key) is load:
                del self._loads[key]

    def invalidate(self, key: Key) -> None:
        """Remove the entry of a key."""
        self._entries.pop(key)
        self._loads.pop(key, None)

    def clear(self) -> None:
        """Remove all entries."""
        self.generation += 1
        self._entries.clear()
        self._loads.clear()
