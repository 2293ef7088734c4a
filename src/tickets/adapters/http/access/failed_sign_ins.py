"""The rate limit on failed sign-ins, by the client's address."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

from tickets.adapters.http.access.client_address import client_network
from tickets.adapters.http.edge.rate_limit_headers import Connection, store_allowance
from tickets.bounded_dict import BoundedDict
from tickets.domain.errors import StoreReadOnly
from tickets.domain.ports import RateLimiter
from tickets.domain.rate_limits import Hit, RateLimit

MAX_REPEATS = 10
"""How often in a row the same wrong credentials may be sent without counting again."""

SECONDS_PER_REPEAT = 3.0
"""Time that refills one repeat: a page with several tabs polls every 30 seconds in each."""

MAX_ENTRIES = 10_000
"""Maximum number of wrong credentials (by hash) and of addresses in memory; eviction is FIFO."""


class FailedSignIns:
    """Counts failed sign-ins per client; above the limit the client gets a 429.

    Only wrong credentials count, not missing ones: whoever sends none has guessed nothing. A page
    whose token has expired goes on polling with it, which is no guess either. So the same
    credentials count once, unless they are sent faster than pages poll.
    """

    def __init__(
        self,
        rate_limiter: RateLimiter,
        rate_limit: RateLimit | None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Count in `rate_limiter`; a limit of None allows everything.

        `monotonic` returns the seconds of a monotonic clock.
        """
        self._rate_limiter = rate_limiter
        self._rate_limit = rate_limit
        self._monotonic = monotonic
        self._arrivals = BoundedDict[bytes, float](MAX_ENTRIES)
        # each request needs one, and all requests from one address need the same one
        self._hit_from = lru_cache(MAX_ENTRIES)(_hit_from)

    def check(self, connection: Connection) -> None:
        """Raise `TooManyRequests` for a client above the limit, before its credentials are read."""
        if self._rate_limit is not None:
            self._rate_limiter.check(self._hit(connection, self._rate_limit))

    async def record(self, connection: Connection, credentials: str) -> None:
        """Count a failed sign-in; raise `TooManyRequests` where that exceeds the limit."""
        if self._rate_limit is None:
            return
        hit = self._hit(connection, self._rate_limit)
        digest = sha256(credentials.encode()).digest()
        if self._is_repeat(digest):
            allowance = self._rate_limiter.allowance(hit)
        else:
            try:
                allowance = await self._rate_limiter.record(hit)
            except StoreReadOnly:
                # still a 401; the guess counts when it is sent to a database that can be written
                return
            # only now, or a guess that could not be counted would pass as a repeat
            now = self._monotonic()
            self._arrivals.put(digest, max(self._arrivals.get(digest) or now, now))
        if allowance is not None:
            store_allowance(connection, hit, allowance)

    def _is_repeat(self, digest: bytes) -> bool:
        """Return whether these credentials were counted before, and are not sent too fast.

        The arithmetic is that of GCRA: each repeat moves the arrival time by one interval.
        """
        now = self._monotonic()
        before = self._arrivals.get(digest)
        if before is None:
            return False
        arrival = max(before, now)
        if arrival - now >= MAX_REPEATS * SECONDS_PER_REPEAT:
            return False
        self._arrivals.put(digest, arrival + SECONDS_PER_REPEAT)
        return True

    def _hit(self, connection: Connection, rate_limit: RateLimit) -> Hit:
        client = connection.scope.get("client")
        return self._hit_from(client[0] if client else "", rate_limit)


def _hit_from(address: str, rate_limit: RateLimit) -> Hit:
    return Hit("sign-ins", client_network(address), rate_limit)
