"""Requests as the handlers see them: their bodies are taken as they come."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.types import Receive, ReceiveMessage
from litestar.types.empty import Empty

MAX_BODY_BYTES = 64 * 1024


class WholeRequest(Request[Any, Any, Any]):
    """A request whose body, where it comes in one piece, is that piece; nearly every one does.

    The framework's own puts all headers into a mapping, for the length that was announced, and joins
    what a generator yields: a twentieth of what the process does to open a ticket. What comes in
    pieces, is too large or breaks off is left to it.
    """

    async def body(self) -> bytes:
        """Return the body, of 64 KiB at the most; raise what the framework raises."""
        if self._connection_state.body is Empty:
            message = await self.receive()
            if (
                message["type"] == "http.request"
                and not message["more_body"]
                and len(message["body"]) <= MAX_BODY_BYTES
            ):
                self._connection_state.body = message["body"]
            else:
                self.receive = _once_more(message, self.receive)
        return await super().body()


def _once_more(message: ReceiveMessage, receive: Receive) -> Receive:
    """Return what gives this message, and then those that follow it."""
    received = [message]

    async def receive_once_more() -> ReceiveMessage:
        return received.pop() if received else await receive()

    return receive_once_more
