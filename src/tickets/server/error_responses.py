"""Error responses (RFC 9457) that are sent without the application, and close their connection."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from tickets.adapters.http.edge.problem_details import MEDIA_TYPE, RETRY_AFTER_SECONDS, Problem
from tickets.adapters.http.edge.security_headers import SECURITY_HEADERS
from tickets.observability.request_context import REQUEST_ID_HEADER, request_id_of

LIVENESS_PATH = "/health/live"


def closing_problem_response(status: HTTPStatus, detail: str) -> tuple[dict[str, str], bytes]:
    """Return headers and body of an error response that closes its connection (RFC 9457)."""
    body = msgspec.json.encode(
        Problem(type="about:blank", title=status.phrase, status=status, detail=detail)
    )
    headers = {
        "content-type": MEDIA_TYPE,
        "content-length": str(len(body)),
        "connection": "close",
        REQUEST_ID_HEADER.lower(): request_id_of(()),
    }
    headers |= {name.decode(): value.decode() for name, value in SECURITY_HEADERS}
    return headers, body


class RefusingApplication:
    """The ASGI application of a connection beyond the maximum: one response, then it is closed."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - an ASGI application
        self._app = app

    async def __call__(
        self,
        scope: Mapping[str, Any],
        receive: Any,  # noqa: ANN401
        send: Any,  # noqa: ANN401
    ) -> None:
        """Respond with 503; pass a liveness check on to the application."""

        async def send_last(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        if scope["path"] == LIVENESS_PATH:
            await self._app(scope, receive, send_last)
            return
        status = HTTPStatus.SERVICE_UNAVAILABLE
        detail = "Too many connections are open right now. Please try again shortly."
        headers, body = closing_problem_response(status, detail)
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": int(status), "headers": encoded})
        await send({"type": "http.response.body", "body": body})
