"""Conditional requests: an `ETag` on responses, and a 304 for a client that has the same already.

RFC 9110, sections 8.8.3 and 13.1.2. The response is built in full before it is compared: a 304
saves the transfer and the client's work, and it never changes what counts as read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from litestar import Request

from tickets.adapters.http.edge.security_headers import RawHeader
from tickets.adapters.http.litestar_fast.fast_response import Body, EncodedResponse, FastResponse
from tickets.domain.people import Actor

_PRIVATE: tuple[RawHeader, ...] = (
    # the browser asks each time whether its copy is still right; a shared cache keeps nothing
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"Authorization, X-Admin-Token, Cookie"),
)

_TAG_BYTES = 16


class ConditionalResponse(FastResponse[Body]):
    """A JSON response with an `ETag`; a 304 without a body where `If-None-Match` has that tag.

    The tag is a hash of the caller and the body, so the tag of one person never matches for
    another. For routes that read and change nothing.
    """

    def to_asgi_response(  # type: ignore[override] # as in the base class
        self,
        app: object,
        request: Request[Any, Any, Any],
        *,
        status_code: int | None = None,
        **_unused: object,
    ) -> EncodedResponse:
        """Encode the body, tag it, and drop it where the client has it."""
        response = super().to_asgi_response(app, request, status_code=status_code)
        tag = _tag(request.user, response.body)
        more = [(b"etag", tag), *_PRIVATE]
        if _matches(tag, request.scope["headers"]):
            return EncodedResponse(HTTPStatus.NOT_MODIFIED, more, b"")
        return EncodedResponse(response.status, [*response.headers, *more], response.body)


def _tag(caller: Actor, body: bytes) -> bytes:
    """Return the entity tag of a body for this caller."""
    admin = caller.admin and caller.admin.id
    owner = f"{caller.side} {caller.user_id} {admin}\n".encode()
    digest = hashlib.blake2b(body, digest_size=_TAG_BYTES, key=owner).hexdigest()
    return f'"{digest}"'.encode()


def _matches(tag: bytes, headers: Iterable[RawHeader]) -> bool:
    """Return whether an `If-None-Match` header has the tag, by weak comparison, or is `*`."""
    for name, value in headers:
        if name == b"if-none-match":
            given = [candidate.strip().removeprefix(b"W/") for candidate in value.split(b",")]
            if tag in given or given == [b"*"]:
                return True
    return False
