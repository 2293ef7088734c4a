"""The rate limiter in memory (GCRA)."""

from __future__ import annotations

from datetime import timedelta

from tickets.adapters.memory.store import MemoryStore
from tickets.domain.errors import TooManyRequests
from tickets.domain.rate_limits import MICROSECOND, Allowance, Hit


class MemoryRateLimiter:
    """The port `RateLimiter` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Count in this store."""
        self._store = store

    def check(self, hit: Hit) -> None:
        """Let every hit pass: recording it costs nothing here."""

    async def record(self, hit: Hit) -> Allowance:
        """Move the subject's arrival time."""
        record_hit(self._store, hit)
        allowance = self.allowance(hit)
        assert allowance is not None  # noqa: S101 - a hit has just been recorded
        return allowance

    def allowance(self, hit: Hit) -> Allowance | None:
        """Compute it from the subject's arrival time."""
        arrival_in = _arrival_in(self._store, hit)
        return Allowance.at(arrival_in // MICROSECOND, hit.rate_limit) if arrival_in else None

    async def delete_expired(self) -> int:
        """Look through all subjects."""
        now = timedelta(seconds=self._store.monotonic())
        arrivals = self._store.arrivals
        expired = [subject for subject, (arrival, _period) in arrivals.items() if arrival < now]
        for subject in expired:
            del arrivals[subject]
        return len(expired)


def record_hit(store: MemoryStore, hit: Hit | None) -> None:
    """Record a hit, if there is one; raise `TooManyRequests` at its limit."""
    if hit is None:
        return
    limit = hit.rate_limit
    arrival_in = _arrival_in(store, hit) + limit.interval
    if arrival_in > limit.period:
        raise TooManyRequests(hit, Allowance(0, (arrival_in - limit.period) // MICROSECOND))
    arrival = timedelta(seconds=store.monotonic()) + arrival_in
    store.arrivals[hit.subject] = arrival, limit.period


def _arrival_in(store: MemoryStore, hit: Hit) -> timedelta:
    """Return the time until the subject's arrival time; a changed period starts afresh."""
    arrival, period = store.arrivals.get(hit.subject, (timedelta(), hit.rate_limit.period))
    arrival_in = arrival - timedelta(seconds=store.monotonic())
    return max(arrival_in, timedelta()) if period == hit.rate_limit.period else timedelta()
