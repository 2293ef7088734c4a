"""The `Idempotency-Key` header: what a client calls its request, so that it takes effect once."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

from litestar import Request

from tickets.domain.errors import FieldError, InvalidInput
from tickets.domain.idempotency import IdempotencyKey
from tickets.domain.people import Actor

HEADER = "Idempotency-Key"

MAX_KEY_LENGTH = 255

# A string as the IETF's draft has it, with quotes around it, or the same without them, as most clients send it.
_KEY = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])+)"|([!#-~]+)')
_ESCAPED = re.compile(r'\\(["\\])')

_NAME = HEADER.lower().encode()


async def read_idempotency_key(request: Request[Actor, Any, Any]) -> IdempotencyKey | None:
    """Return what the request is called by its caller, None where there is no key.

    Raises `InvalidInput` for a key that is malformed, too long, or given twice. Whatever is asked
    for counts as part of the request: method, path and body.
    """
    # read off the request as it came: the framework's own mapping would be made for this one header, which few requests have
    given = [value.decode("latin-1") for name, value in request.scope["headers"] if name == _NAME]
    if not given:
        return None
    match = _KEY.fullmatch(given[0].strip()) if len(given) == 1 else None
    key = match and (_ESCAPED.sub(r"\1", match[1]) if match[1] else match[2])
    if not key or len(key) > MAX_KEY_LENGTH:
        raise InvalidInput(
            [
                FieldError(
                    HEADER,
                    f"{HEADER} must be one key of 1 to {MAX_KEY_LENGTH} printable ASCII characters.",
                )
            ]
        )
    asked = f"{request.method} {request.scope['path'].rstrip('/')}\n".encode()
    return IdempotencyKey(request.user, key, sha256(asked + await request.body()).digest())
