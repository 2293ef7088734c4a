"""A TCP proxy in front of PostgreSQL, which can fall silent without closing anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit


def address_of(url: str) -> tuple[str, int]:
    """Return the host, or the folder of the socket, and the port of a database's URL."""
    target = urlsplit(url)
    options = parse_qs(target.query)
    port = target.port or int(options.get("port", ["5432"])[0])
    return target.hostname or options["host"][0], port


async def open_postgres(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a socket to the server of this URL."""
    host, port = address_of(url)
    if host.startswith("/"):
        return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
    return await asyncio.open_connection(host, port)


class Proxy:
    """Forwards bytes between clients and the server of `url`, its own URL leads to itself."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._clients: list[asyncio.StreamWriter] = []
        self._open = asyncio.Event()
        self._open.set()
        self.port = 0

    @property
    def url(self) -> str:
        """The URL of the same database, through this proxy."""
        target = urlsplit(self._url)
        userinfo = target.netloc.rpartition("@")[0]
        return f"postgresql://{userinfo}@127.0.0.1:{self.port}{target.path}?sslmode=disable"

    def fall_silent(self) -> None:
        """Forward nothing any more, and answer nothing: a black hole."""
        self._open.clear()

    def recover(self) -> None:
        """Forward again, what has been held back too."""
        self._open.set()

    def inject(self, message: bytes) -> None:
        """Send bytes to every client as if they came from the server."""
        for client in self._clients:
            client.write(message)

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        there = await open_postgres(self._url)
        self._clients.append(writer)
        try:
            await asyncio.gather(self._copy(reader, there[1]), self._copy(there[0], writer))
        except OSError:
            pass
        finally:
            writer.close()
            there[1].close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._open.wait()
            writer.write(data)
        writer.close()


@asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[Proxy]:
    """Run a proxy for the block."""
    proxy = Proxy(url)
    serving: set[asyncio.Task[None]] = set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(proxy.forward(reader, writer)))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        proxy.port = server.sockets[0].getsockname()[1]
        yield proxy
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
