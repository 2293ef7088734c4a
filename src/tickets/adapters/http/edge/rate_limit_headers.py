"""RateLimit headers: what a rate limit still allows a client.

They follow the later versions of draft-ietf-httpapi-ratelimit-headers.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Any

from litestar.connection import ASGIConnection

from tickets.adapters.http.edge.security_headers import RawHeader
from tickets.domain.rate_limits import Allowance, Hit

RATE_LIMIT_HEADERS = ("RateLimit", "RateLimit-Policy", "Retry-After")
"""Header names that a page of another origin must be allowed to read."""

_STATE_KEY = "rate_limit"

Connection = ASGIConnection[Any, Any, Any, Any]


def rate_limit_headers(state: tuple[Hit, Allowance] | None) -> list[RawHeader]:
    """Return policy (limit and period) and state (hits left, seconds to wait) of a rate limit.

    No headers where `state` is None.
    """
    if state is None:
        return []
    hit, allowance = state
    left = f'"{hit.policy}";r={allowance.remaining};t={allowance.retry_after}'
    return [
        (b"ratelimit-policy", _policy(hit.policy, hit.rate_limit.limit, hit.rate_limit.period)),
        (b"ratelimit", left.encode()),
    ]


@lru_cache
def _policy(name: str, limit: int, period: timedelta) -> bytes:
    return f'"{name}";q={limit};w={int(period.total_seconds())}'.encode()


def store_allowance(connection: Connection, hit: Hit, allowance: Allowance) -> None:
    """Store on the connection what the rate limit of a hit still allows, for the error response."""
    connection.state[_STATE_KEY] = hit, allowance


def stored_allowance(connection: Connection) -> tuple[Hit, Allowance] | None:
    """Return what `store_allowance` has stored for this request, None where it was not called."""
    state: tuple[Hit, Allowance] | None = connection.state.get(_STATE_KEY)
    return state
