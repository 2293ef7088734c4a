"""Ports for operating the service: rate limiter, clock, health and figures of the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tickets.domain.deliveries import ChannelFigures
from tickets.domain.rate_limits import Allowance, Hit


class RateLimiter(Protocol):
    """Counts hits on rate limits, for all processes together (GCRA)."""

    def check(self, hit: Hit) -> None:
        """Raise `TooManyRequests` where this process knows that the hit would be over its limit.

        Does not query the database, so a hit may pass that is refused when it is recorded.
        """

    async def record(self, hit: Hit) -> Allowance:
        """Record a hit and return what is left; raise `TooManyRequests` at the limit, uncounted."""

    def allowance(self, hit: Hit) -> Allowance | None:
        """Return what is left, from what this process has last recorded.

        None where everything is left, or this process has recorded nothing.
        """

    async def delete_expired(self) -> int:
        """Delete records of subjects that have their full allowance again; return how many."""


class Clock(Protocol):
    """The time, passed into the domain so that tests can set it."""

    def now(self) -> datetime:
        """Return the present moment in UTC, with its offset."""


class PoolUsage(Protocol):
    """How busy a connection pool is at this moment."""

    @property
    def size(self) -> int:
        """Open connections."""

    @property
    def idle(self) -> int:
        """Open connections that nobody uses."""

    @property
    def waiting(self) -> int:
        """Requests that wait for a connection."""


class StoreFigures(Protocol):
    """Figures that only the database has, for all processes together."""

    @property
    def unread_by_users(self) -> int:
        """Tickets that are unread for their user."""

    @property
    def unread_by_admins(self) -> int:
        """Tickets that are unread for the admins."""

    @property
    def migrations_applied(self) -> int:
        """Migrations of this version that the database has."""

    @property
    def migrations_due(self) -> int:
        """Migrations of this version that the database lacks."""

    @property
    def verified_at(self) -> float | None:
        """When derived data was last verified in full, in seconds since 1970; None if never."""

    @property
    def findings_remaining(self) -> int:
        """Findings of that verification that could not be repaired."""

    @property
    def deliveries(self) -> Sequence[ChannelFigures]:
        """The outbox by channel."""


class StoreHealth(Protocol):
    """Checks the database on behalf of health endpoints and metrics."""

    async def ready(self) -> None:
        """Return if the service can do its work, writes included.

        Raises `NotReady` with everything that is missing.
        """

    async def figures(self) -> StoreFigures:
        """Return the database's figures."""
