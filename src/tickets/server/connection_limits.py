"""Connection limits: slow clients, oversized requests, pipelining, and the number of connections.

uvicorn bounds how long a connection is idle between two requests, and nothing else. This module
subclasses its HTTP protocol, whichever of the two is installed, and bounds the rest:

- A request, head and body, has to arrive within the timeout, counted from its first byte: else 408,
  and the connection is closed.
- A connection on which nothing was sent within the timeout is closed without a response.
- A head that does not end is a 431, and so is one of too many lines.
- A client that does not read its response is disconnected, so that responses do not pile up in
  memory.
- An address has a share of the connections. Beyond that, or beyond the maximum of all, a new
  connection takes the place of the one that has been idle for longest, else of the one whose
  request has been arriving for longest, which gets a 408. Where every request has arrived, it gets
  a 503. The liveness check does not: being busy is no reason to restart the process.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from tickets.adapters.http.access.authentication import (
    ADMIN_CHALLENGE,
    ADMIN_HEADER,
    USER_CHALLENGE,
)
from tickets.adapters.http.edge.mounting import PREFIX_HEADER, TRUSTED_PEER
from tickets.domain.errors import NotAuthenticated
from tickets.server.connection_table import Admission, ConnectionTable
from tickets.server.error_responses import RefusingApplication, closing_problem_response

MAX_HEAD_BYTES = 256 * 1024
"""Bytes received outside of a request's body: a head, or a body after its response was sent."""

MAX_HEADERS = 200
"""Header lines of a request: short ones take thirty times their bytes in memory."""

MIN_BYTES_READ = 16 * 1024
"""Bytes of a response that a client has to read within the timeout, unless less is left of it."""

MAX_PIPELINED_REQUESTS = 32
"""Requests that may wait on a connection behind the one in progress (HTTP pipelining)."""

REFUSED_TIMEOUT = 2.0
"""Seconds that a connection beyond the maximum has to send its request."""


TOO_SLOW = "The request took too long to arrive."

CHALLENGES = {b"authorization": USER_CHALLENGE, ADMIN_HEADER.lower().encode(): ADMIN_CHALLENGE}
"""The challenge of a 401, by the header whose credentials are malformed."""

_ODD_CREDENTIALS = re.compile(
    rb"\n(%s):[^\r\n]*[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]" % b"|".join(CHALLENGES), re.IGNORECASE
)

FORWARDING_HEADERS = {b"x-forwarded-for", b"forwarded", b"x-forwarded-proto", PREFIX_HEADER}
"""Headers that proxies add; they mean something from a trusted proxy only."""


def bounded_protocol(table: ConnectionTable, **options: Any) -> asyncio.Protocol:  # noqa: ANN401
    """Return the protocol of a new connection; uvicorn passes the options.

    `functools.partial(bounded_protocol, table)` is a value for `http` of `uvicorn.Config`.
    """
    protocol: asyncio.Protocol = _PROTOCOL(table, **options)
    return protocol


class BoundedConnection(asyncio.Protocol):
    """A mixin that adds the limits to a protocol of uvicorn; `with_limits` combines the two."""

    # uvicorn's attributes, the same in both of its protocols
    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    connections: set[asyncio.Protocol]
    cycle: Any
    headers: Any
    client: tuple[str, int] | None
    app: Any

    def __init__(self, table: ConnectionTable, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        # h11's protocol has none: it reads the next request only after the response
        self._pipeline: Collection[object] = getattr(self, "pipeline", ())
        self._table = table
        self._limits = table.limits
        self._request_timer: asyncio.TimerHandle | None = None
        self._received_bytes = 0
        self._is_arriving = False
        self._data = b""
        self._response_timer: asyncio.TimerHandle | None = None
        self._unsent_bytes = 0
        self._unsent_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timer of the first request, and refuse connections beyond the maximum."""
        super().connection_made(transport)
        address = self.client[0] if self.client else None
        admission = self._table.admit(self, address, now=self.loop.time())
        if admission is Admission.CLOSED:
            self.transport.abort()
            return
        timeout = self._limits.timeout
        if admission is Admission.REFUSED:
            self.app = RefusingApplication(self.app)
            timeout = REFUSED_TIMEOUT
        elif self._table.is_trusted_proxy(address):
            self._inner_app, self.app = self.app, self._trust_peer
        elif self._table.notes_forwarding and not self._table.is_exempt(address):
            self._inner_app, self.app = self.app, self._note_forwarding
        self._request_timer = self.loop.call_later(timeout, self._on_request_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room in the table, and cancel the timers."""
        super().connection_lost(exc)
        self._table.release(self)
        self._stop_request_timer()
        if self._response_timer is not None:
            self._response_timer.cancel()
            self._response_timer = None

    def data_received(self, data: bytes) -> None:
        """Stop the timer if the request is complete; bound what arrives outside of a body."""
        self._table.mark_busy(self)
        self._data = data
        super().data_received(data)
        self._data = b""
        self._watch_request()
        if self.cycle is None or self.cycle.response_complete:
            self._received_bytes += len(data)
        elif len(self._pipeline) > MAX_PIPELINED_REQUESTS:
            self.transport.abort()
        too_large = self._received_bytes > MAX_HEAD_BYTES or len(self.headers or ()) > MAX_HEADERS
        if too_large and not self.transport.is_closing():
            self._close(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request is too large.")

    def pause_writing(self) -> None:
        """Start the response timer: the client reads more slowly than the response is written."""
        super().pause_writing()
        self._watch_response()

    def resume_writing(self) -> None:
        """Restart the response timer: the client has read."""
        super().resume_writing()
        self._watch_response()

    def on_response_complete(self) -> None:
        """Start the response timer if something is unsent, and the timer of a pipelined request."""
        super().on_response_complete()  # type: ignore[misc] # of uvicorn's protocol
        self._watch_response()
        if not self.cycle.response_complete:
            self._watch_request()
        elif not self.cycle.more_body:
            self._table.mark_idle(self)

    def send_400_response(self, msg: str) -> None:
        """Respond to data that is not HTTP; credentials of control characters are a 401."""
        odd = _ODD_CREDENTIALS.search(self._data)
        if odd is None:
            self._write_problem(HTTPStatus.BAD_REQUEST, msg)
        else:
            challenge = CHALLENGES[odd[1].lower()]
            detail = str(NotAuthenticated())
            self._write_problem(HTTPStatus.UNAUTHORIZED, detail, {"www-authenticate": challenge})
        self.transport.close()

    def is_sending(self) -> bool:
        """Return whether the client has not read all of the last response yet."""
        return self.transport.get_write_buffer_size() > 0

    def close_idle(self) -> None:
        """Close the connection, which has no request in progress."""
        self.transport.close()

    def close_unfinished(self) -> None:
        """Close the connection, on which a request has not arrived completely."""
        self._close(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW)

    async def _trust_peer(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        """Handle a request whose forwarded headers count."""
        scope[TRUSTED_PEER] = True
        await self._inner_app(scope, receive, send)

    async def _note_forwarding(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        """Handle the first request; warn if an untrusted peer has forwarded it."""
        self.app = self._inner_app
        for name, _value in scope["headers"]:
            if name in FORWARDING_HEADERS:
                self._table.note_forwarding(self.client and self.client[0], name.decode())
                break
        await self.app(scope, receive, send)

    def _watch_request(self) -> None:
        cycle = self.cycle
        if cycle is not None and not cycle.more_body and not cycle.response_complete:
            self._stop_request_timer()
            if self._is_arriving:
                self._is_arriving = False
                self._table.mark_arrived(self)
            return
        if not self._is_arriving:
            self._is_arriving = True
            self._table.mark_arriving(self)
        if self._request_timer is None:
            self._request_timer = self.loop.call_later(
                self._limits.timeout, self._on_request_timeout
            )

    def _on_request_timeout(self) -> None:
        self._request_timer = None
        if self.transport.is_closing():
            return
        cycle = self.cycle
        responding = cycle is not None and cycle.response_started and not cycle.response_complete
        if responding or self._pipeline:
            # the client is still reading the response to an earlier request
            self._watch_request()
            return
        self._close(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW)

    def _close(self, status: HTTPStatus, detail: str) -> None:
        """Close the connection, with an error response if the request has none yet."""
        unanswered = (
            not self.cycle.response_started if self.cycle is not None else self._received_bytes
        )
        if unanswered:
            self._write_problem(status, detail)
        self.transport.close()
        self._watch_response()

    def _write_problem(
        self, status: HTTPStatus, detail: str, more_headers: Mapping[str, str] | None = None
    ) -> None:
        headers, body = closing_problem_response(status, detail)
        headers |= more_headers or {}
        lines = [f"HTTP/1.1 {status} {status.phrase}", *(f"{n}: {v}" for n, v in headers.items())]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + body)

    def _stop_request_timer(self) -> None:
        self._received_bytes = 0
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _watch_response(self) -> None:
        self._unsent_bytes = self.transport.get_write_buffer_size()
        self._unsent_since = self.loop.time()
        if self._unsent_bytes and self._response_timer is None:
            self._response_timer = self.loop.call_later(
                self._limits.timeout, self._on_response_timeout
            )

    def _on_response_timeout(self) -> None:
        self._response_timer = None
        unsent = self.transport.get_write_buffer_size()
        early = self._unsent_since + self._limits.timeout - self.loop.time()
        if not unsent:
            return
        if early > 0:
            self._response_timer = self.loop.call_later(early, self._on_response_timeout)
        elif self._unsent_bytes - unsent >= MIN_BYTES_READ:
            self._watch_response()
        else:
            self.transport.abort()


def with_limits(protocol: type[asyncio.Protocol]) -> type[Any]:
    """Return a subclass of this protocol of uvicorn's that has the limits."""
    return type(f"Bounded{protocol.__name__}", (BoundedConnection, protocol), {})


_PROTOCOL = with_limits(AutoHTTPProtocol)
