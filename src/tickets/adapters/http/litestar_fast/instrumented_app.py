"""The application as the server calls it, with what belongs around every request, whatever becomes of it."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Litestar
from litestar.types import Message, Send

from tickets.adapters.http.edge.error_handlers import INTERNAL_ERROR_DETAIL, MEDIA_TYPE, problem
from tickets.adapters.http.edge.security_headers import with_security_headers
from tickets.observability.metrics import UNMATCHED, Metrics
from tickets.observability.request_context import HEADER, current_request, request_id_of

logger = logging.getLogger("tickets")
access_logger = logging.getLogger("tickets.access")

CLIENT_LEFT = 499
"""What a request is counted as that was given up before it had an answer."""

_HEADER = HEADER.lower().encode()


class InstrumentedLitestar(Litestar):
    """The application; each answer has its security headers and its request's id, and is measured.

    The framework's own middleware runs behind its routing, and so never sees an address that does not
    exist. This is one call and one function around all of it, also around a defect of the framework.
    """

    def __init__(self, *args: Any, metrics: Metrics | None, access_log: bool, **more: Any) -> None:  # noqa: ANN401 - the framework's own
        """Be the framework's application; measure where there are metrics, log each request if asked to."""
        super().__init__(*args, **more)
        self._metrics = metrics
        self._access_log = access_log

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - lifespan or request, as the framework has it
        """Answer one request, or run the lifespan."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request_id = request_id_of(scope["headers"])
        scope.setdefault("state", {})["request_id"] = request_id
        # Left set: the server runs each request in a task of its own, and what it logs of a failure belongs to it too.
        current_request.set(scope)
        status = 0

        async def send_secured(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = with_security_headers(message["headers"])
                headers.append((_HEADER, request_id.encode()))
                message["headers"] = headers
            await send(message)

        metrics = self._metrics
        started = time.perf_counter()
        if metrics is not None:
            metrics.in_progress += 1
        try:
            await super().__call__(scope, receive, send_secured)
        except Exception:
            logger.exception("the answer failed")
            if status:
                # the server breaks the connection off, so that half an answer is not taken for a whole one
                raise
            await _tell(send_secured, request_id)
        finally:
            seconds = time.perf_counter() - started
            route = scope.get("path_template") or UNMATCHED
            if metrics is not None:
                metrics.in_progress -= 1
                metrics.answered(scope["method"], route, int(status or CLIENT_LEFT), seconds)
            if self._access_log:
                access_logger.info(
                    "%s %s %d in %.1f ms",
                    scope["method"],
                    route,
                    status or CLIENT_LEFT,
                    seconds * 1000,
                    extra={
                        "status": int(status or CLIENT_LEFT),
                        "milliseconds": round(seconds * 1000, 1),
                    },
                )


async def _tell(send: Send, request_id: str) -> None:
    """Tell of a defect that the framework's own handling of errors has not survived."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    body = msgspec.json.encode(problem(status, INTERNAL_ERROR_DETAIL, request_id=request_id))
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
