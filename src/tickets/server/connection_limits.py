"""What a client may do to a connection: how long it may take, how much it may hold, how many there may be.

uvicorn bounds how long a connection is idle between two requests, and nothing else. `connection` makes its protocol,
whichever of the two it has found, into one that bounds the rest:

- A request, head and body, has to be here within the time-out of its first byte: else a 408, and the end.
- Who has sent nothing by then is closed without a word; a head that goes on and on is a 431.
- Who does not take up an answer is cut off, so that answers do not pile up in memory.
- Beyond the limit of open connections a request is told a 503, apart from liveness: a crowd is no reason to restart.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from tickets.adapters.http.edge.problem_details import MEDIA_TYPE, RETRY_AFTER_SECONDS, Problem
from tickets.adapters.http.edge.security_headers import SECURITY_HEADERS
from tickets.observability.request_context import REQUEST_ID_HEADER, request_id_of

logger = logging.getLogger("tickets")

LARGEST_HEAD = 256 * 1024
"""Bytes that may come in without a request coming of them: a head, or a body that has had its answer."""

LEAST_TAKEN_UP = 16 * 1024
"""Bytes of an answer that a client has to take up within the time-out, if not all that is left of it."""

MOST_PIPELINED = 32
"""Requests that may wait behind the one that is being answered on the same connection."""

SPARE = 50
"""Connections beyond the limit that are still told why; after those they are closed without a word."""

CROWDED_SECONDS = 2.0
"""How long a connection beyond the limit may take to send its request."""

LIVENESS = "/health/live"


@dataclass(frozen=True, slots=True)
class Limits:
    """What every connection of one process is held to."""

    connections: int
    """Open at the same time."""

    timeout: float
    """Seconds for a request to be here, and for some of an answer to be taken up."""


def connection(limits: Limits, **uvicorns: Any) -> asyncio.Protocol:  # noqa: ANN401 - passed on
    """Return the protocol of a new connection; with its limits bound, what `uvicorn.Config` takes as `http`."""
    made: asyncio.Protocol = _PROTOCOL(limits, **uvicorns)
    return made


class BoundedConnection(asyncio.Protocol):
    """What is put in front of a protocol of uvicorn's, by inheritance."""

    # uvicorn's own, alike in both of its protocols
    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    connections: set[asyncio.Protocol]
    cycle: Any
    app: Any

    def __init__(self, limits: Limits, **uvicorns: Any) -> None:  # noqa: ANN401 - passed on
        super().__init__(**uvicorns)
        # one of the two protocols does not read the next request before its turn
        self._pipeline: Collection[object] = getattr(self, "pipeline", ())
        self._timeout = limits.timeout
        self._most = limits.connections
        self._request: asyncio.TimerHandle | None = None
        self._received = 0
        self._answer: asyncio.TimerHandle | None = None
        self._unsent = 0
        self._unsent_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the first request its time, and less of it where there are too many already."""
        super().connection_made(transport)
        crowd = len(self.connections) - self._most
        if crowd > SPARE:
            self.transport.abort()
            return
        if crowd > 0:
            if crowd == 1:
                logger.warning("all %d connections of TICKETS_MAX_CONNECTIONS are open", self._most)
            self.app = _Crowded(self.app)
        patience = CROWDED_SECONDS if crowd > 0 else self._timeout
        self._request = self.loop.call_later(patience, self._request_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the timers."""
        super().connection_lost(exc)
        self._stop_waiting()
        if self._answer is not None:
            self._answer.cancel()
            self._answer = None

    def data_received(self, data: bytes) -> None:
        """See whether the request is complete by now."""
        super().data_received(data)
        self._watch_request()
        if self.cycle is None or self.cycle.response_complete:
            self._received += len(data)
            if self._received > LARGEST_HEAD and not self.transport.is_closing():
                self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request is too large.")
        elif len(self._pipeline) > MOST_PIPELINED:
            self.transport.abort()

    def pause_writing(self) -> None:
        """See to it that what is waiting to be sent does not wait for ever."""
        super().pause_writing()
        self._watch_answer()

    def resume_writing(self) -> None:
        """Note that the client goes on reading."""
        super().resume_writing()
        self._watch_answer()

    def on_response_complete(self) -> None:
        """See whether all of the answer is on its way, and whether the next request has begun."""
        super().on_response_complete()  # type: ignore[misc] # uvicorn's
        self._watch_answer()
        if not self.cycle.response_complete:
            self._watch_request()

    def send_400_response(self, msg: str) -> None:
        """Answer in the shape of all errors what is no HTTP."""
        self._write(HTTPStatus.BAD_REQUEST, msg)
        self.transport.close()

    def _watch_request(self) -> None:
        cycle = self.cycle
        if cycle is not None and not cycle.more_body and not cycle.response_complete:
            self._stop_waiting()
        elif self._request is None:
            self._request = self.loop.call_later(self._timeout, self._request_is_late)

    def _request_is_late(self) -> None:
        self._request = None
        if self.transport.is_closing():
            return
        cycle = self.cycle
        answering = cycle is not None and cycle.response_started and not cycle.response_complete
        if answering or self._pipeline:
            # something else is being sent that the client is still reading
            self._watch_request()
            return
        self._end(HTTPStatus.REQUEST_TIMEOUT, "The request took too long to arrive.")

    def _end(self, status: HTTPStatus, detail: str) -> None:
        """Close the connection, with an answer where something was asked that has none."""
        unanswered = not self.cycle.response_started if self.cycle is not None else self._received
        if unanswered:
            self._write(status, detail)
        self.transport.close()
        self._watch_answer()

    def _write(self, status: HTTPStatus, detail: str) -> None:
        headers, body = problem(status, detail)
        lines = [f"HTTP/1.1 {status} {status.phrase}", *(f"{n}: {v}" for n, v in headers.items())]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + body)

    def _stop_waiting(self) -> None:
        self._received = 0
        if self._request is not None:
            self._request.cancel()
            self._request = None

    def _watch_answer(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()
        self._unsent_since = self.loop.time()
        if self._unsent and self._answer is None:
            self._answer = self.loop.call_later(self._timeout, self._look_at_answer)

    def _look_at_answer(self) -> None:
        self._answer = None
        unsent = self.transport.get_write_buffer_size()
        early = self._unsent_since + self._timeout - self.loop.time()
        if not unsent:
            return
        if early > 0:
            self._answer = self.loop.call_later(early, self._look_at_answer)
        elif self._unsent - unsent >= LEAST_TAKEN_UP:
            self._watch_answer()
        else:
            self.transport.abort()


class _Crowded:
    """The application as it is for a connection beyond the limit: closed after one short answer."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - an ASGI application
        self._app = app

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401
        async def send_last(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        if scope["path"] == LIVENESS:
            await self._app(scope, receive, send_last)
            return
        status = HTTPStatus.SERVICE_UNAVAILABLE
        detail = "Too many connections are open right now. Please try again shortly."
        headers, body = problem(status, detail)
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": int(status), "headers": encoded})
        await send({"type": "http.response.body", "body": body})


def problem(status: HTTPStatus, detail: str) -> tuple[dict[str, str], bytes]:
    """Return headers and body of an error that ends its connection, in the shape of all errors."""
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


def bounded(protocol: type[asyncio.Protocol]) -> type[Any]:
    """Return this protocol of uvicorn's with the limits in front of it."""
    return type(f"Bounded{protocol.__name__}", (BoundedConnection, protocol), {})


_PROTOCOL = bounded(AutoHTTPProtocol)
