"""Users' unread counts (badges), cached and invalidated by notifications."""

from __future__ import annotations

from tickets.adapters.postgres.caching.cache import Cache
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.listener import Listener
from tickets.adapters.postgres.sql_loader import load_queries


class UnreadCounts:
    """The number of tickets that are unread for a user.

    A change by this process shows at once; one that any other session has committed shows within a
    second, see `Listener`.
    """

    def __init__(self, database: Database, listener: Listener | None) -> None:
        """Count in this database; cache only where there is a listener."""
        self._database = database
        self._listener = listener
        self._cache = Cache[int, int]()
        self._query = load_queries("ticket_views")["user_unread"]
        if listener is not None:
            listener.invalidate_on(self._cache, "badge", int)

    async def count(self, user_id: int) -> int:
        """Return the cached count or, on a miss, count entries of a partial index."""
        if self._listener is None or not self._listener.is_caught_up():
            return await self._count(user_id)
        count = self._cache.get(user_id)
        if count is None:
            count = await self._cache.load(user_id, lambda: self._count(user_id))
        assert count is not None  # noqa: S101 - a count is always a number
        return count

    def invalidate(self, user_id: int) -> None:
        """Remove a user's count, which has changed, or may have."""
        self._cache.invalidate(user_id)

    async def _count(self, user_id: int) -> int:
        count: int = await self._database.fetchval(*self._query.bind(user_id=user_id))
        return count
