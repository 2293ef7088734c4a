"""A bounded dictionary: a maximum number of entries, FIFO eviction by the last write."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class BoundedDict(Generic[Key, Value]):
    """A dictionary that evicts the entry written longest ago when it is full."""

    def __init__(self, max_entries: int) -> None:
        """Hold up to `max_entries` entries, at least one."""
        self._max_entries = max_entries
        self._entries: dict[Key, Value] = {}

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """Return the value of a key, None if there is none."""
        return self._entries.get(key)

    def put(self, key: Key, value: Value) -> None:
        """Write an entry, which becomes the last one to be evicted."""
        self._entries.pop(key, None)
        if len(self._entries) >= self._max_entries:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = value

    def pop(self, key: Key) -> Value | None:
        """Remove an entry and return its value, None if there is none."""
        return self._entries.pop(key, None)

    def clear(self) -> None:
        """Remove all entries."""
        self._entries.clear()
