"""CSRF protection: writes that a cookie may have authenticated must come from our own origin.

A browser sends a cookie with requests that another site's page has started. It also says where a
request comes from, in headers that no page can set: `Sec-Fetch-Site`, and on plain HTTP `Origin`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

from litestar import Request

from tickets.adapters.http.edge.mounting import TRUSTED_PEER, host_scope
from tickets.adapters.http.edge.security_headers import PERSON_HEADER, PERSON_STATE
from tickets.domain.errors import CrossOrigin, NotAuthenticated

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_PEEK_ONLY = "tickets.peek_only"

_DEFAULT_PORTS = {"http": 80, "https": 443}


def check_same_origin(request: Request[Any, Any, Any], own_origins: Sequence[str]) -> None:
    """Check a request that a cookie may have authenticated; raise `CrossOrigin` for a write.

    A write needs `Content-Type: application/json`, and a same-origin `Sec-Fetch-Site` or, where
    that is absent, `Origin`. Where both are there, both must fit. Reading a ticket marks nothing
    read unless our own page's script asks, so that a link in a mail does not.
    """
    headers = _headers(request)
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if request.method in SAFE_METHODS:
        by_our_script = site == b"same-origin" and headers.get(b"sec-fetch-mode") in (
            b"cors",
            b"same-origin",
        )
        if not by_our_script:
            request.scope["state"][_PEEK_ONLY] = True
        return
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    is_ours = site == b"same-origin" if site is not None else origin is not None
    if origin is not None and is_ours:
        is_ours = _is_own(origin, request, headers, own_origins)
    if not is_ours or media_type != b"application/json":
        raise CrossOrigin


def check_person(request: Request[Any, Any, Any], side: str, external_id: str) -> None:
    """Name the person in the response; raise `NotAuthenticated` where a page expects another one.

    Somebody else may have signed in at the host while a page was open. It must neither show the two
    people's tickets together nor send the one's words as the other.
    """
    person = blake2b(f"{side} {external_id}".encode(), digest_size=8).hexdigest().encode()
    request.scope["state"][PERSON_STATE] = person
    expected = _headers(request).get(PERSON_HEADER)
    if expected is not None and expected != person:
        raise NotAuthenticated


def may_only_peek(request: Request[Any, Any, Any]) -> bool:
    """Return whether reading must mark nothing read, as nobody may have asked to see it."""
    return _PEEK_ONLY in request.scope["state"]


def _headers(request: Request[Any, Any, Any]) -> dict[bytes, bytes]:
    """Return the headers by name; one that is repeated has no valid value."""
    found: dict[bytes, bytes] = {}
    for name, value in request.scope["headers"]:
        found[name] = b"" if name in found else value
    return found


def _is_own(
    origin: bytes,
    request: Request[Any, Any, Any],
    headers: dict[bytes, bytes],
    own_origins: Sequence[str],
) -> bool:
    given = _parts(origin.decode("latin-1"))
    host = headers.get(b"host", b"")
    if host_scope(request.scope).get(TRUSTED_PEER):
        host = headers.get(b"x-forwarded-host", host)
    own = [f"{request.scope['scheme']}://{host.decode('latin-1')}", *own_origins]
    return given is not None and given in [_parts(each) for each in own]


def _parts(origin: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an origin, default ports included; None if it is none."""
    try:
        url = urlsplit(origin.lower())
        port = url.port
    except ValueError:
        return None
    if url.scheme not in _DEFAULT_PORTS or not url.hostname or url.path or url.query:
        return None
    return url.scheme, url.hostname, _DEFAULT_PORTS[url.scheme] if port is None else port
