"""Who holds a bearer token, remembered for some seconds, which spares most requests a round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic

from tickets.adapters.postgres.users import PostgresUsers

MOST = 10_000
"""Tokens that are remembered at once; one more pushes out the one that was asked for longest ago."""


@dataclass(frozen=True, slots=True)
class _Entry:
    user_id: int
    until: float


class RememberedUsers:
    """The port `Users`, whose answers hold for some seconds.

    A token that is revoked is honoured for at most that long; its expiry is kept to the moment,
    where the identity query tells it. A token that is unknown is asked for each time, so that a
    new one is good at once. Tokens are kept as hashes, and those who ask for the same one at the
    same moment share one query.
    """

    def __init__(
        self,
        users: PostgresUsers,
        *,
        seconds: float,
        most: int = MOST,
        now: Callable[[], float] = monotonic,
    ) -> None:
        """Remember up to `most` tokens, each for `seconds` by the clock `now`, which only goes on."""
        self._users = users
        self._seconds = seconds
        self._most = most
        self._now = now
        self._known: dict[bytes, _Entry] = {}
        self._asking: dict[bytes, asyncio.Task[int | None]] = {}

    async def by_token(self, token: str) -> int | None:
        """Answer from memory, or ask."""
        key = sha256(token.encode("utf-8", "surrogatepass")).digest()
        entry = self._known.get(key)
        if entry is not None and self._now() < entry.until:
            return entry.user_id
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._ask(key, token))
            asking.add_done_callback(lambda _: self._asking.pop(key))
        # whoever is cancelled leaves the others their answer
        return await asyncio.shield(asking)

    async def _ask(self, key: bytes, token: str) -> int | None:
        # counted from before the question, so that it ends no later than what it was told
        asked_at = self._now()
        holder = await self._users.holder(token)
        self._known.pop(key, None)
        if holder is None:
            return None
        if len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        until = asked_at + min(self._seconds, holder.seconds_left)
        self._known[key] = _Entry(holder.user_id, until)
        return holder.user_id
