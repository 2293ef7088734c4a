"""The instrumented application: one wrapper around every request, instead of middleware."""

from __future__ import annotations

import logging
import time
from typing import Any

import msgspec
from litestar import Litestar
from litestar.types import Message, Send

from tickets.adapters.http.edge.mounting import own_scope
from tickets.adapters.http.edge.problem_details import (
    INTERNAL_ERROR_DETAIL,
    MEDIA_TYPE,
    Problem,
    problem,
)
from tickets.adapters.http.edge.security_headers import (
    PERSON_HEADER,
    PERSON_STATE,
    with_security_headers,
)
from tickets.domain.people import Actor, Side
from tickets.observability.metrics import UNMATCHED, Metrics
from tickets.observability.request_context import (
    REQUEST_ID_HEADER,
    current_request,
    request_id_of,
)

logger = logging.getLogger("tickets")
access_logger = logging.getLogger("tickets.access")

MAX_ADDRESS_LENGTH = 8000
"""Characters of path and query. The framework caches 1,024 of each, however long they are."""

ADDRESS_TOO_LONG_DETAIL = (
    f"The address is too long: the limit is {MAX_ADDRESS_LENGTH:,} characters."
)

CLIENT_CLOSED_REQUEST = 499
"""The status that is counted for a client that left before its response."""

_REQUEST_ID_HEADER = REQUEST_ID_HEADER.lower().encode()


class InstrumentedLitestar(Litestar):
    """The application with security headers, request id, metrics and access log on every response.

    The framework's middleware runs behind its routing, and so never sees an unknown address. This
    wrapper surrounds all of it, and also responds where the framework's error handling fails.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - the framework's own
        metrics: Metrics | None,
        access_log: bool,
        **options: Any,  # noqa: ANN401 - the framework's own
    ) -> None:
        """Collect `metrics` unless None; log each request if `access_log`."""
        super().__init__(*args, **options)
        self._metrics = metrics
        self._access_log = access_log

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Handle one request, or run the lifespan."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        scope = own_scope(scope)
        request_id = request_id_of(scope["headers"])
        scope["state"]["request_id"] = request_id
        # Never reset: the server runs each request in a task of its own, and what it logs about a
        # failure belongs to the request too.
        current_request.set(scope)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = with_security_headers(message["headers"])
                headers.append((_REQUEST_ID_HEADER, request_id.encode()))
                if PERSON_STATE in scope["state"]:
                    headers.append((PERSON_HEADER, scope["state"][PERSON_STATE]))
                message["headers"] = headers
            await send(message)

        started = time.perf_counter()
        if self._metrics is not None:
            self._metrics.in_progress += 1
        try:
            if len(scope["path"]) + len(scope["query_string"]) > MAX_ADDRESS_LENGTH:
                await _send_problem(send_with_headers, problem(414, ADDRESS_TOO_LONG_DETAIL))
            else:
                await super().__call__(scope, receive, send_with_headers)
        except Exception:
            logger.exception("unhandled exception while responding")
            if status:
                # The server closes the connection, so that the client can detect that the response
                # is not complete.
                raise
            # the framework's own error handling has failed
            internal_error = problem(500, INTERNAL_ERROR_DETAIL, request_id=request_id)
            await _send_problem(send_with_headers, internal_error)
        finally:
            self._record(scope, status or CLIENT_CLOSED_REQUEST, time.perf_counter() - started)

    def _record(self, scope: Any, status: int, seconds: float) -> None:  # noqa: ANN401 - ASGI
        route = scope.get("path_template") or UNMATCHED
        if self._metrics is not None:
            self._metrics.in_progress -= 1
            self._metrics.record_response(scope["method"], route, int(status), seconds)
            actor = scope.get("user")
            if isinstance(actor, Actor) and actor.side is Side.ADMIN:
                self._metrics.record_admin_request(None if actor.admin is None else actor.admin.id)
        if self._access_log:
            access_logger.info(
                "%s %s %d in %.1f ms",
                scope["method"],
                route,
                status,
                seconds * 1000,
                extra={"status": int(status), "milliseconds": round(seconds * 1000, 1)},
            )


async def _send_problem(send: Send, body: Problem) -> None:
    """Respond with a problem, without the framework."""
    content = msgspec.json.encode(body)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(content)).encode()),
    ]
    await send({"type": "http.response.start", "status": int(body.status), "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})
