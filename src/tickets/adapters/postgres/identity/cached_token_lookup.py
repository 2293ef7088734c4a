"""Caches token lookups of users and of admins, so that most requests skip a database round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic
from typing import Generic

from tickets.adapters.postgres.caching.cache import MAX_ENTRIES, Cache
from tickets.adapters.postgres.connection.listener import CAUGHT_UP_SECONDS, Listener
from tickets.adapters.postgres.identity.holder import HolderLookup, Who


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Who]):
    who: Who
    valid_until: float
    """Moment until which the entry may be used without proof from a listener."""

    expires_at: float
    """Moment at which the token itself expires."""


class CachedTokenLookup(Generic[Who]):
    """The ports `TokenLookup` and `AdminLookup` with a time to live, invalidated by a listener.

    A revoked token is honoured for the time to live at most. With a listener it is honoured for a
    second at most, whatever stops: an entry that the listener cannot vouch for is valid for as long
    as a heartbeat. No entry outlives its token's expiry, where the identity query returns that. An
    unknown token is looked up each time, so that a new one works at once. Tokens are cached as
    hashes; requests that need the same one at the same moment share one query.
    """

    def __init__(
        self,
        token_lookup: HolderLookup[Who],
        *,
        seconds: float,
        listener: Listener | None,
        kind: str = "token",
        max_entries: int = MAX_ENTRIES,
        now: Callable[[], float] = monotonic,
    ) -> None:
        """Cache up to `max_entries` tokens, each for `seconds` by the monotonic clock `now`.

        `listener` receives every revocation in the service's own tables, none in a platform's
        table. Its notifications of this `kind` have the token's SHA-256, in hexadecimal digits.
        """
        self._token_lookup = token_lookup
        self._seconds = seconds if listener is None else min(seconds, CAUGHT_UP_SECONDS)
        self._listener = listener
        self._now = now
        self._cache = Cache[bytes, _Entry[Who]](max_entries)
        self._lookups: dict[bytes, asyncio.Task[_Entry[Who] | None]] = {}
        if listener is not None:
            listener.invalidate_on(self._cache, kind, bytes.fromhex)

    def cached(self, token: str) -> Who | None:
        """Return from the cache; None on a miss."""
        entry = self._cache.get(_key(token))
        return entry.who if entry is not None and self._is_valid(entry) else None

    async def by_token(self, token: str) -> Who | None:
        """Return from the cache or, on a miss, look the token up."""
        key = _key(token)
        entry = self._cache.get(key)
        if entry is not None and self._is_valid(entry):
            return entry.who
        lookup = self._lookups.get(key)
        if lookup is None:
            load = self._cache.load(key, lambda: self._look_up(token))
            lookup = self._lookups[key] = asyncio.create_task(load)
            lookup.add_done_callback(lambda _: self._lookups.pop(key))
        # a request that is cancelled leaves the lookup to the others
        entry = await asyncio.shield(lookup)
        return None if entry is None else entry.who

    def _is_valid(self, entry: _Entry[Who]) -> bool:
        now = self._now()
        return now < entry.valid_until or (
            now < entry.expires_at and self._listener is not None and self._listener.is_caught_up()
        )

    async def _look_up(self, token: str) -> _Entry[Who] | None:
        # counted from before the query, so that the entry ends no later than the token
        started_at = self._now()
        holder = await self._token_lookup.holder(token)
        if holder is None:
            return None
        expires_at = started_at + holder.seconds_left
        return _Entry(holder.who, min(started_at + self._seconds, expires_at), expires_at)


def _key(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
