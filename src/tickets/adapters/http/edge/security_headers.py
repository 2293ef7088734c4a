"""Security headers: added to every response, unless the route has set its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

RawHeader = tuple[bytes, bytes]
"""A header as ASGI sends it; the name is in lower case."""

SECURITY_HEADERS: Sequence[RawHeader] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    # for a JSON response or an error that is opened as a page; pages set their own policy
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    # Pages of other origins must not embed a response. CORS calls are not subject to it, and code
    # that host pages load sets its own.
    (b"cross-origin-resource-policy", b"same-origin"),
    # tickets are confidential, and a 404 of today may be a page of tomorrow
    (b"cache-control", b"no-store"),
)

PERSON_HEADER = b"tickets-person"
"""Who is signed in at the host, as a hash: of a response, and what a request expects."""

PERSON_STATE = "tickets.person"
"""The key of the request's state that has the value of this header."""

PAGE_PERMISSIONS = (
    "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
)
"""The Permissions-Policy of pages; it has no meaning on other responses."""

# Strict-Transport-Security is left to the proxy that ends TLS. The service does not know how its
# domain is served, and browsers ignore the header over plain HTTP.


_NAMES = frozenset(name for name, _value in SECURITY_HEADERS)


def with_security_headers(headers: Iterable[RawHeader]) -> list[RawHeader]:
    """Return `headers` followed by the security headers that are not among them."""
    given = list(headers)
    own = dict(given)
    if _NAMES.isdisjoint(own):
        return [*given, *SECURITY_HEADERS]
    return [*given, *(header for header in SECURITY_HEADERS if header[0] not in own)]
