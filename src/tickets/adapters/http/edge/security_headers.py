"""Security headers: what every answer carries, unless the route has said something of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

RawHeader = tuple[bytes, bytes]

DEFAULTS: Sequence[RawHeader] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    # for whoever opens an answer of the API, or an error, as if it were a page; pages bring their own
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    # What a page of another origin may not even embed. Calls with CORS are not asked about it, and the code that host
    # pages load says otherwise.
    (b"cross-origin-resource-policy", b"same-origin"),
    # tickets are confidential, and a 404 of today may be a page of tomorrow
    (b"cache-control", b"no-store"),
)
"""Bytes, made once: to add them costs a request nothing that could be measured."""

PAGE_PERMISSIONS = (
    "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
)
"""The Permissions-Policy of pages; it means nothing on any other answer."""

# Strict-Transport-Security is left to the proxy that ends TLS: the service cannot know how its whole domain is served, and
# over plain HTTP a browser would not believe it.


_NAMES = frozenset(name for name, _value in DEFAULTS)


def with_security_headers(headers: Iterable[RawHeader]) -> list[RawHeader]:
    """Return these headers, whose names are in lower case, and the defaults that are not among them."""
    given = list(headers)
    own = dict(given)
    if _NAMES.isdisjoint(own):
        return [*given, *DEFAULTS]
    return [*given, *(default for default in DEFAULTS if default[0] not in own)]
