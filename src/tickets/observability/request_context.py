"""Request context: the request id (`X-Request-ID`) and the request that a task works for."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from tickets.domain.people import Actor, NamedAdmin

REQUEST_ID_HEADER = "X-Request-ID"

_HEADER = REQUEST_ID_HEADER.lower().encode()

# What ids of proxies and tracing look like. No character can end a line, a header or a quotation.
_ACCEPTED = re.compile(rb"[A-Za-z0-9._:+/=@-]{1,128}")

# One of the service's own tokens in the wrong header must not be returned or logged.
_TOKEN = re.compile(rb"tk_[\w-]{40}")

current_request: ContextVar[Mapping[str, Any] | None] = ContextVar("current_request", default=None)
"""The ASGI scope of the request that the current task works for; None outside of a request."""


# A random prefix per process and a counter: unique, not secret, and much faster than asking the
# operating system for randomness at each request.
_PROCESS_PREFIX = os.urandom(8).hex()
_numbers = itertools.count(1)


def named_admin_of(scope: Mapping[str, Any]) -> NamedAdmin | None:
    """Return the named admin whose request this is; None for users and for the shared token."""
    actor = scope.get("user")
    return actor.admin if isinstance(actor, Actor) else None


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the caller's request id where there is exactly one valid one, else a new one."""
    count, given = 0, b""
    for name, value in headers:
        if name == _HEADER:
            count, given = count + 1, value
    if count == 1 and _ACCEPTED.fullmatch(given) and not _TOKEN.search(given):
        return given.decode()
    return f"{_PROCESS_PREFIX}{next(_numbers):08x}"
