"""The `Idempotency-Key` header: the caller's name for a request, so that it takes effect once."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

from litestar import Request

from tickets.domain.errors import FieldError, InvalidInput
from tickets.domain.idempotency import IdempotencyKey
from tickets.domain.people import Actor

IDEMPOTENCY_HEADER = "Idempotency-Key"

MAX_KEY_LENGTH = 255

INVALID_KEY = FieldError(
    IDEMPOTENCY_HEADER,
    f"{IDEMPOTENCY_HEADER} must be one key of 1 to {MAX_KEY_LENGTH} printable ASCII characters.",
)
"""The error of a header that is no key."""

# A string with quotes around it, as the IETF's draft has it, or without them, as most clients
# send it.
_KEY = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])+)"|([!#-~]+)')
_ESCAPED = re.compile(r'\\(["\\])')

_HEADER = IDEMPOTENCY_HEADER.lower().encode()


async def read_idempotency_key(request: Request[Actor, Any, Any]) -> IdempotencyKey | None:
    """Return the idempotency key of a request with its fingerprint; None where there is no key.

    The fingerprint covers method, path and body. Raises `InvalidInput` for a key that is malformed,
    too long, or sent twice.
    """
    # From the raw headers: few requests have a key, and the framework's mapping of headers would
    # be built for this one alone.
    values = [
        value.decode("latin-1") for name, value in request.scope["headers"] if name == _HEADER
    ]
    if not values:
        return None
    match = _KEY.fullmatch(values[0].strip()) if len(values) == 1 else None
    key = match and (_ESCAPED.sub(r"\1", match[1]) if match[1] else match[2])
    if not key or len(key) > MAX_KEY_LENGTH:
        raise InvalidInput([INVALID_KEY])
    request_line = f"{request.method} {request.scope['path'].rstrip('/')}\n".encode()
    fingerprint = sha256(request_line + await request.body()).digest()
    return IdempotencyKey(request.user, key, fingerprint)
