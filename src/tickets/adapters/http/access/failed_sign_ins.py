"""Limits as a client sees them: the RateLimit headers of the IETF's draft, and sign-ins that fail too often."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from litestar.connection import ASGIConnection

from tickets.adapters.http.edge.security_headers import RawHeader
from tickets.domain.ports import RateLimiter
from tickets.domain.rate_limits import Allowance, Hit, RateLimit

HEADERS = ("RateLimit", "RateLimit-Policy", "Retry-After")
"""What a page of another origin has to be allowed to read."""

PREFIX_OF_ONE_CLIENT = 64
"""Bits of an address of the newer kind that stand for one client: who has one of them has them all."""

REPEATS = 10
"""How often in a row the same wrong credentials may come without being counted again."""

SECONDS_PER_REPEAT = 3.0
"""How long it takes until they may come once more: a page with several tabs asks every 30 seconds in each."""

MAX_ENTRIES = 10_000
"""Wrong credentials that a process remembers, by hash, the last that it saw."""

_STANDING = "rate_limit"

Connection = ASGIConnection[Any, Any, Any, Any]


def rate_limit_headers(known: tuple[Hit, Allowance] | None) -> list[RawHeader]:
    """Return what tells where a client stands: what is possible in which time, what is left, how long to wait.

    As the later versions of draft-ietf-httpapi-ratelimit-headers have it.
    """
    if known is None:
        return []
    hit, allowance = known
    told = f'"{hit.policy}";r={allowance.remaining};t={allowance.retry_after}'
    return [
        (b"ratelimit-policy", _policy(hit.policy, hit.rate_limit.limit, hit.rate_limit.period)),
        (b"ratelimit", told.encode()),
    ]


@lru_cache
def _policy(name: str, limit: int, period: timedelta) -> bytes:
    return f'"{name}";q={limit};w={int(period.total_seconds())}'.encode()


class FailedSignIns:
    """Sign-ins that fail, counted by the client's address.

    Only credentials that were given and are nobody's count: whoever gives none has tried nothing.
    A page whose token has expired goes on asking with it, which is no guess either: the same
    credentials count once, unless they come faster than pages ask.
    """

    def __init__(
        self,
        rate_limiter: RateLimiter | None = None,
        rate_limit: RateLimit | None = None,
        *,
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        """Count with these rates; None is no limit. `moment` tells seconds that have passed."""
        self._rate_limiter = rate_limiter
        self._rate_limit = rate_limit
        self._moment = moment
        self._arrivals: dict[bytes, float] = {}
        # asked for at every request, and the same for all that come from one address
        self._use_from = lru_cache(MAX_ENTRIES)(self._new_use)

    def check_access(self, connection: Connection) -> None:
        """Raise `TooManyRequests` for an address that was refused, before its credentials are looked at."""
        if self._rate_limiter is not None and self._rate_limit is not None:
            self._rate_limiter.check(self._hit(connection))

    async def failed(self, connection: Connection, credentials: str) -> None:
        """Count a failure; raise `TooManyRequests` where it is one too many."""
        if self._rate_limiter is None or self._rate_limit is None:
            return
        hit = self._hit(connection)
        allowance = (
            self._rate_limiter.allowance(hit)
            if self._is_repeated(credentials)
            else await self._rate_limiter.record(hit)
        )
        if allowance is not None:
            connection.state[_STANDING] = hit, allowance

    def _is_repeated(self, credentials: str) -> bool:
        name = sha256(credentials.encode()).digest()
        now = self._moment()
        before = self._arrivals.pop(name, None)
        arrival = max(before or now, now)
        repeated = before is not None and arrival - now < REPEATS * SECONDS_PER_REPEAT
        if len(self._arrivals) >= MAX_ENTRIES:
            del self._arrivals[next(iter(self._arrivals))]
        self._arrivals[name] = arrival + SECONDS_PER_REPEAT if repeated else arrival
        return repeated

    def _hit(self, connection: Connection) -> Hit:
        client = connection.scope.get("client")
        return self._use_from(client[0] if client else "")

    def _new_use(self, address: str) -> Hit:
        assert self._rate_limit is not None  # noqa: S101 - asked before anything is counted
        return Hit("sign-ins", one_client(address), self._rate_limit)


def sign_in_allowance(connection: Connection) -> tuple[Hit, Allowance] | None:
    """Return where a client stands whose sign-in has just failed."""
    known: tuple[Hit, Allowance] | None = connection.state.get(_STANDING)
    return known


def one_client(address: str) -> str:
    """Return what stands for everybody at this address, however it is written."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address or "unknown"
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ip_network((int(ip), PREFIX_OF_ONE_CLIENT), strict=False))
    return str(ip)
