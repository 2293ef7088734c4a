"""The rate limits that each user has; the admin team has none."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from tickets.domain.people import Actor
from tickets.domain.ports import RateLimiter
from tickets.domain.rate_limits import Allowance, Hit, RateLimit

MAX_CACHED_HITS = 10_000
"""Maximum number of cached hits: building one takes longer than looking it up."""

Policy = Literal["creates", "replies", "changes"]


class UserRateLimits:
    """Builds the hits of users, per policy; None is no limit."""

    def __init__(
        self,
        rate_limiter: RateLimiter,
        *,
        creates: RateLimit | None,
        replies: RateLimit | None,
        changes: RateLimit | None = None,
    ) -> None:
        """Count with this rate limiter.

        `changes` are all others with an idempotency key, each of which stores a response for a day.
        """
        self._rate_limiter = rate_limiter
        self._limits = {"creates": creates, "replies": replies, "changes": changes}
        self._hit = lru_cache(MAX_CACHED_HITS)(self._new_hit)

    def hit(self, policy: Policy, *, by: Actor) -> Hit | None:
        """Return the hit that the write has to record, None where nothing is limited.

        Raises `TooManyRequests` where this process knows already that it would be refused.
        """
        hit = self._hit(policy, by.user_id)
        if hit is not None:
            self._rate_limiter.check(hit)
        return hit

    async def record(self, hit: Hit) -> None:
        """Record a hit that no write records; raise `TooManyRequests` at the limit."""
        await self._rate_limiter.record(hit)

    def allowance(self, policy: Policy, *, by: Actor) -> tuple[Hit, Allowance] | None:
        """Return what is left for a user; None where nothing is limited, or nothing is known."""
        hit = self._hit(policy, by.user_id)
        if hit is None:
            return None
        allowance = self._rate_limiter.allowance(hit)
        return None if allowance is None else (hit, allowance)

    def _new_hit(self, policy: Policy, user_id: int | None) -> Hit | None:
        rate_limit = self._limits[policy]
        if rate_limit is None or user_id is None:
            return None
        return Hit(policy, str(user_id), rate_limit)
