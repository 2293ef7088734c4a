"""What the API answers when all is well: JSON, encoded and sent as it is."""

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
    """An answer with a JSON body, and with headers of its own where it is given any, with names in lower case.

    The framework's own response keeps its headers open to changes until they are sent, and finds out
    for every answer which cookies, tasks and encoders it has. Here are none: what that takes is a
    quarter of a badge that comes from memory. Not for errors, pages, or a request without a body to
    its answer, such as HEAD.
    """

    def __init__(
        self,
        content: Body,
        *,
        headers: Sequence[RawHeader] = (),
        status_code: int | None = None,
        **_none: object,
    ) -> None:
        """Answer with this, and with the route's status unless there is one of its own."""
        # all that the framework's own has, without finding out that there is nothing
        self.content = content
        self.headers = {}
        self.status_code = status_code
        self._own_headers = headers
        self.background = self.media_type = None
        self.cookies = []
        self.encoding = "utf-8"
        self.response_type_encoders = {}

    def to_asgi_response(  # type: ignore[override] # an application, which is all that is done with it
        self,
        app: object,  # noqa: ARG002 - the framework's
        request: Request[Any, Any, Any],  # noqa: ARG002
        *,
        status_code: int | None = None,
        **_none: object,
    ) -> _Sending:
        """Encode the body, and put the headers into their final form."""
        body = _encode(self.content)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            *self._own_headers,
        ]
        status = self.status_code or status_code
        assert status is not None  # noqa: S101 - each route has one
        return _Sending(status, headers, body)


class _Sending:
    """An answer in its final form."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, headers: list[RawHeader], body: bytes) -> None:
        self._status = status
        self._headers = headers
        self._body = body

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self._status, "headers": self._headers}
        )
        await send({"type": "http.response.body", "body": self._body, "more_body": False})
