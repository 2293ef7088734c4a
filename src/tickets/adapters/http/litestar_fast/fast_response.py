"""Fast responses: JSON that is encoded once and sent without the framework's response pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.serialization import default_serializer
from litestar.types import Receive, Scope, Send

from tickets.adapters.http.edge.security_headers import RawHeader

Body = TypeVar("Body")

_encode = msgspec.json.Encoder(enc_hook=default_serializer).encode


class FastResponse(Response[Body]):
    """A JSON response of the API, byte for byte what the framework's `Response` would send.

    The framework's response stays open to changes until it is sent, and looks for cookies,
    background tasks and encoders at every response. Here are none. Not for errors or pages, and
    not for responses without a body, such as to HEAD.
    """

    def __init__(
        self,
        content: Body,
        *,
        headers: Sequence[RawHeader] = (),
        status_code: int | None = None,
        **_unused: object,
    ) -> None:
        """Respond with `content`, and with the route's status unless `status_code` is given."""
        # the base class's attributes, set without its constructor
        self.content = content
        self.headers = {}
        self.status_code = status_code
        self._raw_headers = headers
        self.background = self.media_type = None
        self.cookies = []
        self.encoding = "utf-8"
        self.response_type_encoders = {}

    def to_asgi_response(  # type: ignore[override] # an ASGI application; no more is needed of it
        self,
        app: object,  # noqa: ARG002 - the framework's signature
        request: Request[Any, Any, Any],  # noqa: ARG002
        *,
        status_code: int | None = None,
        **_unused: object,
    ) -> EncodedResponse:
        """Encode the body and complete the headers."""
        body = _encode(self.content)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            *self._raw_headers,
        ]
        status = self.status_code or status_code
        assert status is not None  # noqa: S101 - each route has one
        return EncodedResponse(status, headers, body)


class EncodedResponse:
    """An ASGI application that sends one encoded response."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: list[RawHeader], body: bytes) -> None:
        """Send this status, these headers and this body."""
        self.status = status
        self.headers = headers
        self.body = body

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send head and body."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})
