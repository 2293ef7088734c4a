"""Draining: after SIGTERM a process says that it is not ready, and serves on for a while.

A proxy or an orchestrator needs that time to send new requests elsewhere. Every response closes its
connection, so that kept-alive ones move on too. A second signal ends the draining at once.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

import msgspec

from tickets.adapters.http.edge.problem_details import MEDIA_TYPE, problem

READY = "/health/ready"

DRAINING_DETAIL = "This process is being stopped."


class DrainingApplication:
    """An ASGI application around the service, which drains it on SIGTERM."""

    def __init__(self, app: Any, seconds: float) -> None:  # noqa: ANN401 - ASGI
        """Serve on for so many seconds after the first SIGTERM."""
        self._app = app
        self._seconds = seconds
        self.is_draining = False

    def handle_signals(self) -> None:
        """Delay the server's own handling of SIGTERM. It must have installed its handlers."""
        stop: Any = signal.getsignal(signal.SIGTERM)

        def drain(number: int, frame: FrameType | None) -> None:
            if self.is_draining:
                stop(number, frame)
                return
            self.is_draining = True
            timer = threading.Timer(self._seconds, os.kill, [os.getpid(), signal.SIGTERM])
            timer.daemon = True
            timer.start()

        signal.signal(signal.SIGTERM, drain)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Handle a request as the service does, or as a process that is being stopped."""
        if not self.is_draining or scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_and_close(message: Any) -> None:  # noqa: ANN401 - ASGI
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        if scope["path"].rstrip("/") != READY:
            await self._app(scope, receive, send_and_close)
            return
        body = msgspec.json.encode(problem(503, DRAINING_DETAIL))
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
        ]
        await send_and_close({"type": "http.response.start", "status": 503, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": body})
