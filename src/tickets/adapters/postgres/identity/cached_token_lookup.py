"""Who holds a bearer token, remembered for a while, which spares most requests a round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic

from tickets.adapters.postgres.caching.cache import MAX_ENTRIES, Cache
from tickets.adapters.postgres.connection.listener import Listener
from tickets.adapters.postgres.identity.token_lookup import PostgresTokenLookup


@dataclass(frozen=True, slots=True)
class _Entry:
    user_id: int
    until: float  # where nobody tells of changes
    expires_at: float


class CachedTokenLookup:
    """The port `TokenLookup`, whose answers hold for some seconds, and longer where changes are heard of.

    A token that is revoked is honoured for at most that long, and with a listener for at most a second;
    its expiry is kept to the moment, where the identity query tells it. A token that is unknown is
    asked for each time, so that a new one is good at once. Tokens are kept as hashes, and those who
    ask for the same one at the same moment share one query.
    """

    def __init__(
        self,
        users: PostgresTokenLookup,
        *,
        seconds: float,
        listener: Listener | None,
        max_entries: int = MAX_ENTRIES,
        now: Callable[[], float] = monotonic,
    ) -> None:
        """Remember up to `most` tokens, each for `seconds` by the clock `now`, which only goes on.

        `listener` is told of every token that is revoked: not of those of a platform's own table.
        """
        self._users = users
        self._seconds = seconds
        self._listener = listener
        self._now = now
        self._cache = Cache[bytes, _Entry](max_entries)
        self._asking: dict[bytes, asyncio.Task[_Entry | None]] = {}
        if listener is not None:
            listener.invalidate_on(self._cache, "token", bytes.fromhex)

    async def by_token(self, token: str) -> int | None:
        """Answer from memory, or ask."""
        key = sha256(token.encode("utf-8", "surrogatepass")).digest()
        entry = self._cache.get(key)
        if entry is not None and self._holds(entry):
            return entry.user_id
        asking = self._asking.get(key)
        if asking is None:
            question = self._cache.load(key, lambda: self._ask(token))
            asking = self._asking[key] = asyncio.create_task(question)
            asking.add_done_callback(lambda _: self._asking.pop(key))
        # whoever is cancelled leaves the others their answer
        entry = await asyncio.shield(asking)
        return None if entry is None else entry.user_id

    def _holds(self, entry: _Entry) -> bool:
        now = self._now()
        return now < entry.until or (
            now < entry.expires_at and self._listener is not None and self._listener.is_caught_up()
        )

    async def _ask(self, token: str) -> _Entry | None:
        # counted from before the question, so that it ends no later than what it was told
        asked_at = self._now()
        holder = await self._users.holder(token)
        if holder is None:
            return None
        expires_at = asked_at + holder.seconds_left
        return _Entry(holder.user_id, min(asked_at + self._seconds, expires_at), expires_at)
