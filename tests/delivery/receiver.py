"""A real receiver of webhooks: an HTTPS server on asyncio's streams that answers as a test says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trustme

NAME = "hooks.example.com"

Respond = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Received:
    """A request as it came in."""

    line: str
    headers: dict[str, str]
    body: bytes


def answer(status: int = 204, text: str = "", **headers: str) -> Respond:
    """Return a response with this status, text and headers."""
    fields = {"content-length": str(len(text)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())

    async def respond(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} Status\r\n{head}\r\n{text}".encode())
        await writer.drain()

    return respond


@dataclass
class Receiver:
    """What was received, and how to answer: the responses in turn, the last of them for good."""

    port: int = 0
    responses: list[Respond] = field(default_factory=lambda: [answer()])
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.port}/hook?desk=1"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *fields = head.strip().split("\r\n")
            headers = {
                name.lower(): value for name, value in (each.split(": ", 1) for each in fields)
            }
            body = await reader.readexactly(int(headers["content-length"]))
            self.received.append(Received(line, headers, body))
            self.arrived.set()
            respond = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
            await respond(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def a_receiver(
    authority: trustme.CA | None, host: str = "127.0.0.1"
) -> AsyncIterator[Receiver]:
    """Run a receiver with a certificate of this authority, or without TLS."""
    receiver = Receiver()
    tls = None
    if authority is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(NAME).configure_cert(tls)
    server = await asyncio.start_server(receiver.handle, host, 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
