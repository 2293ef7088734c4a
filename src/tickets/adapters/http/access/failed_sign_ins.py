"""The rate limit on failed sign-ins, by the client's address.

Above the limit wrong credentials get a 429, and good ones are let in: everybody behind one address
would have to pay for one of them otherwise. So credentials are looked at first. For a token that is
neither cached nor the team's shared one this is a query, and a flood of wrong ones must not keep
the database busy. Lookups from an address above its limit therefore queue, in FIFO order, for a few
at a time. The queue is no longer than the address has connections, so a good token gets its turn,
however many wrong ones are sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from hashlib import sha256

from tickets.adapters.http.access.client_address import client_network
from tickets.adapters.http.edge.rate_limit_headers import Connection, store_allowance
from tickets.bounded_dict import BoundedDict
from tickets.domain.errors import Overloaded, StoreReadOnly, TooManyRequests
from tickets.domain.ports import RateLimiter
from tickets.domain.rate_limits import Hit, RateLimit

USER_SIGN_INS = "sign-ins"
ADMIN_SIGN_INS = "admin-sign-ins"
"""Names of the two limits: users and admins behind one address are counted apart."""

MAX_LOOKUPS = 2
"""Token lookups at the same time for an address above the limit, in one process."""

MAX_WAIT_SECONDS = 5.0
"""Longest wait for a lookup, far more than a queue takes unless the database is slow."""

MAX_REPEATS = 10
"""How often in a row the same wrong credentials may be sent without counting again."""

SECONDS_PER_REPEAT = 3.0
"""Time that refills one repeat: a page with several tabs polls every 30 seconds in each."""

MAX_ENTRIES = 10_000
"""Maximum number of wrong credentials (by hash) in memory; eviction is FIFO."""


class _Queue(asyncio.Semaphore):
    """The lookups of one address: those that run, and those that wait in FIFO order."""

    def __init__(self) -> None:
        super().__init__(MAX_LOOKUPS)
        self.requests = 0


class FailedSignIns:
    """Counts failed sign-ins per client; above the limit a wrong one gets a 429.

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
        # by subject; one that no request needs any more is removed
        self._queues: dict[str, _Queue] = {}
        self._arrivals = BoundedDict[bytes, float](MAX_ENTRIES)
        # each request needs one, and all requests from one address need the same one
        self._hit_from = lru_cache(MAX_ENTRIES)(_hit_from)

    @asynccontextmanager
    async def lookup(self, policy: str, connection: Connection) -> AsyncIterator[None]:
        """Look this client's credentials up by a query in the block: mostly at once.

        Above the limit it waits for its turn. Raises `Overloaded` where that does not come.
        """
        queue = self._queue(policy, connection)
        if queue is None:
            yield
            return
        subject, lookups = queue
        lookups.requests += 1
        try:
            try:
                async with asyncio.timeout(MAX_WAIT_SECONDS):
                    await lookups.acquire()
            except TimeoutError as error:
                raise Overloaded from error
            try:
                yield
            finally:
                lookups.release()
        finally:
            lookups.requests -= 1
            if not lookups.requests:
                del self._queues[subject]

    def _queue(self, policy: str, connection: Connection) -> tuple[str, _Queue] | None:
        """Return the client's name and queue; None below the limit."""
        if self._rate_limit is None:
            return None
        hit = self._hit(policy, connection, self._rate_limit)
        try:
            self._rate_limiter.check(hit)
        except TooManyRequests:
            return hit.subject, self._queues.setdefault(hit.subject, _Queue())
        return None

    async def record(self, policy: str, connection: Connection, credentials: str) -> None:
        """Count a failed sign-in; raise `TooManyRequests` where that exceeds the limit."""
        if self._rate_limit is None:
            return
        hit = self._hit(policy, connection, self._rate_limit)
        # from memory, without a query
        self._rate_limiter.check(hit)
        digest = sha256(f"{policy} {credentials}".encode()).digest()
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

    def _hit(self, policy: str, connection: Connection, rate_limit: RateLimit) -> Hit:
        client = connection.scope.get("client")
        return self._hit_from(policy, client[0] if client else "", rate_limit)


def _hit_from(policy: str, address: str, rate_limit: RateLimit) -> Hit:
    return Hit(policy, client_network(address), rate_limit)
