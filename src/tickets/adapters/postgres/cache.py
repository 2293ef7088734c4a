"""Answers that are remembered until somebody says that they have changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

MOST = 50_000
"""Answers that are remembered at once; one more pushes out the one that was put there longest ago."""


class Cache(Generic[Key, Value]):
    """Answers by key. Whoever hears of a change says so with `invalidate` or `clear`.

    That counts for a question that is under way, too: its answer may be from before the change,
    and is not remembered.
    """

    def __init__(self, most: int = MOST) -> None:
        """Remember up to `most` answers."""
        self.generation = 0
        """How often everything has been forgotten."""
        self._most = most
        self._known: dict[Key, Value] = {}
        self._asked: dict[Key, object] = {}

    def get(self, key: Key) -> Value | None:
        """Return what is remembered; None where nothing is."""
        return self._known.get(key)

    def put(self, key: Key, value: Value) -> None:
        """Remember this, as the last of all to be forgotten."""
        self._known.pop(key, None)
        if len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[key] = value

    async def ask(self, key: Key, question: Callable[[], Awaitable[Value | None]]) -> Value | None:
        """Ask, and remember the answer if it is not None and nothing was heard in between."""
        mark = self._asked[key] = object()
        try:
            answer = await question()
            if answer is not None and self._asked.get(key) is mark:
                self.put(key, answer)
            return answer
        finally:
            if self._asked.get(key) is mark:
                del self._asked[key]

    def invalidate(self, key: Key) -> None:
        """Forget this key's answer."""
        self._known.pop(key, None)
        self._asked.pop(key, None)

    def clear(self) -> None:
        """Forget every answer."""
        self.generation += 1
        self._known.clear()
        self._asked.clear()
