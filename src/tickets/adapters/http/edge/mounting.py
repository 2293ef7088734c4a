"""Mount prefix: the service under a path prefix, in a host application or behind a proxy.

A prefix may be in the request's path or stripped from it. It comes from `root_path` (ASGI), or from
`X-Forwarded-Prefix` of a trusted proxy. The application below sees neither: it gets a scope of its
own, whose path has no prefix.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

PREFIX_HEADER = b"x-forwarded-prefix"

TRUSTED_PEER = "tickets.trusted_peer"
"""Scope key: whether the peer is a trusted proxy, whose forwarded headers count."""

HOST_SCOPE = "tickets.host_scope"
"""Scope key: the scope as the server or the host application gave it."""

PUBLIC_PREFIX = "tickets.public_prefix"
"""Scope key: the prefix of our public addresses, percent-encoded; None where it is not known."""

MAX_PREFIX_LENGTH = 200
"""Characters of a prefix; a longer header is ignored."""

# What the host adds to a scope (its session, user, route, state) is not ours: a framework of the
# same kind would take it for its own.
_STANDARD_KEYS = (
    *("type", "asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string"),
    *("headers", "client", "server", "extensions"),
)

_FIRST_SEGMENTS = frozenset(
    ("", "account", "admin", "api", "health", "metrics", "schema", "static")
)
"""The first segments of our own paths. They tell a prefix that is also one of them, such as `/api`,
from the beginning of a path that was stripped."""

_SEGMENT = re.compile(r"[A-Za-z0-9._~!$&()*+,;=:@%-]+")


def own_scope(scope: Any) -> Any:  # noqa: ANN401 - ASGI
    """Return the scope of a request for our application: without prefix, and without host state."""
    own = {key: scope[key] for key in _STANDARD_KEYS if key in scope}
    own["root_path"] = ""
    own["state"] = {}
    own[HOST_SCOPE] = scope
    if not own.get("raw_path"):
        # it is optional in ASGI
        own["raw_path"] = quote(scope["path"]).encode()
    root_path = scope.get("root_path", "").rstrip("/")
    forwarded = _forwarded_prefix(scope) if scope.get(TRUSTED_PEER) else ""
    if not (root_path or forwarded):
        own[PUBLIC_PREFIX] = None
        return own
    own[PUBLIC_PREFIX] = forwarded + quote(root_path)
    plain = unquote(forwarded)
    for prefix in (plain + root_path, root_path, plain):
        path = own["path"]
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            rest = path[len(prefix) :] or "/"
            if rest.split("/", 2)[1] in _FIRST_SEGMENTS:
                own["path"] = rest
                break
    return own


def host_scope(scope: Any) -> Any:  # noqa: ANN401 - ASGI
    """Return the scope as the server or the host application gave it."""
    return scope[HOST_SCOPE]


def public_address(scope: Any, path: str, relative: str) -> str:  # noqa: ANN401 - ASGI
    """Return the address of our `path` for a redirect: under the public prefix, or `relative`.

    `relative` stands where the prefix is not known: a proxy may have removed one. The query is
    dropped: the pages have none, and it may contain a secret that was sent by mistake.
    """
    prefix = scope.get(PUBLIC_PREFIX)
    return relative if prefix is None else f"{prefix}{path}"


def _forwarded_prefix(scope: Any) -> str:  # noqa: ANN401 - ASGI
    """Return the one valid prefix that a trusted proxy has sent, else nothing."""
    values = [value for name, value in scope["headers"] if name == PREFIX_HEADER]
    return _valid_prefix(values[0]) if len(values) == 1 else ""


@lru_cache(100)
def _valid_prefix(header: bytes) -> str:
    prefix = header.decode("latin-1").strip().rstrip("/")
    if len(prefix) > MAX_PREFIX_LENGTH or not prefix.startswith("/"):
        return ""
    segments = prefix[1:].split("/")
    for segment in segments:
        plain = unquote(segment)
        if not _SEGMENT.fullmatch(segment) or plain in (".", "..") or not _is_plain(plain):
            return ""
    return prefix


def _is_plain(segment: str) -> bool:
    """Return whether a decoded segment is one segment of printable text."""
    return segment.isprintable() and not set(segment) & {"/", "\\", "\ufffd"}
