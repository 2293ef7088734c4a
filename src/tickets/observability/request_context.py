"""Each request's id: taken from `X-Request-ID` or made, returned, and on every log line of the request."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any

HEADER = "X-Request-ID"

_NAME = HEADER.lower().encode()

# What identifiers of proxies and tracing look like. Nothing that could end a line, a header or a quotation.
_ACCEPTED = re.compile(rb"[A-Za-z0-9._:+/=@-]{1,128}")

# A token of the service's own that got into the wrong header must not come back, and not into a log.
_TOKEN = re.compile(rb"tk_[\w-]{40}")

current_request: ContextVar[Mapping[str, Any] | None] = ContextVar("current_request", default=None)
"""The ASGI scope of the request that this is done for; None outside of any."""


# Unlike any other process's, and not secret: to ask the system for randomness would cost each request more than all the rest.
_PROCESS = os.urandom(8).hex()
_numbers = itertools.count(1)


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the caller's own id where there is exactly one and it is fit to be repeated, else a new one."""
    found, given = 0, b""
    for name, value in headers:
        if name == _NAME:
            found, given = found + 1, value
    if found == 1 and _ACCEPTED.fullmatch(given) and not _TOKEN.search(given):
        return given.decode()
    return f"{_PROCESS}{next(_numbers):08x}"
