"""Users' badges: asked from PostgreSQL, and remembered for as long as every change is heard of."""

from __future__ import annotations

from tickets.adapters.postgres.cache import Cache
from tickets.adapters.postgres.database import Database
from tickets.adapters.postgres.listener import Listener
from tickets.adapters.postgres.queries import load_queries


class Badges:
    """How many tickets hold something unread for their user.

    What this process has saved shows at once, what any other session has committed after a second at
    the latest; see `Listener`.
    """

    def __init__(self, database: Database, listener: Listener | None = None) -> None:
        """Ask this database; remember only where there is a listener."""
        self._database = database
        self._listener = listener
        self._cache = Cache[int, int]()
        self._query = load_queries("views")["user_unread"]
        if listener is not None:
            listener.keep_right(self._cache, "badge", int)

    async def count(self, user_id: int) -> int:
        """Answer from memory, or count entries of a partial index."""
        if self._listener is None or not self._listener.is_current():
            return await self._ask(user_id)
        count = self._cache.get(user_id)
        if count is None:
            count = await self._cache.ask(user_id, lambda: self._ask(user_id))
        assert count is not None  # noqa: S101 - a count is always a number
        return count

    def forget(self, user_id: int) -> None:
        """Forget a user's badge, which has been changed, or may have been."""
        self._cache.invalidate(user_id)

    async def _ask(self, user_id: int) -> int:
        count: int = await self._database.fetchval(self._query, user_id)
        return count
