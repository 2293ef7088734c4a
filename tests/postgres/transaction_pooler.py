"""A connection pooler in transaction mode, which behaves as PgBouncer does.

A client has a backend for one transaction. What a session keeps stays on the backend: prepared
statements, and LISTEN. Notifications for a client that has no backend are dropped. With
`prepared_statements` it prepares a client's statements wherever they are needed, as PgBouncer does
since 1.21 with `max_prepared_statements`. It speaks to a server that trusts its clients.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import struct
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.postgres.network import open_postgres

ALLOWED = {
    "user", "database", "client_encoding", "datestyle", "timezone", "application_name",
    "standard_conforming_strings",
}  # fmt: skip
"""The startup parameters that PgBouncer takes; `ignore_startup_parameters` adds more."""


def message(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("!i", len(payload) + 4) + payload


async def read_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    (length,) = struct.unpack("!i", await reader.readexactly(4))
    return kind, await reader.readexactly(length - 4)


class Backend:
    """A connection to the server, which one client at a time may use."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.client: Client | None = None
        self.prepared: set[bytes] = set()
        self.hidden: deque[bool] = deque()
        """For each Parse that was sent: whether the client has not asked for it now."""

    async def read(self, pooler: TransactionPooler) -> None:
        """Pass the server's messages to the client of the moment."""
        while True:
            kind, payload = await read_message(self.reader)
            client = self.client
            if kind == b"1" and self.hidden.popleft():
                continue
            if client is None:
                # a notification, for which nobody is here
                continue
            client.writer.write(message(kind, payload))
            if kind == b"Z":
                # a failed message has skipped those up to the Sync
                self.hidden.clear()
                client.syncs -= 1
                if payload == b"I" and client.syncs == 0:
                    client.backend = self.client = None
                    pooler.give_back(self)


class Client:
    """A client, with the statements that it has prepared."""

    def __init__(self, number: int, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.writer = writer
        self.backend: Backend | None = None
        self.syncs = 0
        self.statements: dict[bytes, bytes] = {}

    def renamed(self, kind: bytes, payload: bytes, backend: Backend) -> bytes:
        """Return a message that names a prepared statement, for this backend."""
        if kind == b"P":
            name, _, rest = payload.partition(b"\0")
            if name:
                self.statements[name] = rest
            backend.hidden.append(False)
            backend.prepared.add(self.name_of(name))
            return self.name_of(name) + b"\0" + rest
        if kind == b"B":
            portal, name, rest = payload.split(b"\0", 2)
            return portal + b"\0" + self.prepared_name(name, backend) + b"\0" + rest
        if kind in b"DC" and payload[:1] == b"S":
            name = payload[1:].rstrip(b"\0")
            return b"S" + self.prepared_name(name, backend) + b"\0"
        return payload

    def name_of(self, name: bytes) -> bytes:
        return b"pooler_%d_%s" % (self.number, name) if name else b""

    def prepared_name(self, name: bytes, backend: Backend) -> bytes:
        """Return the statement's name on the backend; prepare it there if that is missing."""
        renamed = self.name_of(name)
        if name in self.statements and renamed not in backend.prepared:
            backend.prepared.add(renamed)
            backend.hidden.append(True)
            backend.writer.write(message(b"P", renamed + b"\0" + self.statements[name]))
        return renamed


class TransactionPooler:
    """Shares a few backends between all clients, by transactions."""

    def __init__(
        self, url: str, *, size: int, prepared_statements: bool, ignored: Sequence[str]
    ) -> None:
        self._url = url
        self._prepared_statements = prepared_statements
        self._allowed = ALLOWED | set(ignored)
        self._idle: list[Backend] = []
        self._missing = size
        self._waiting: deque[asyncio.Future[Backend]] = deque()
        self._numbers = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client from now on."""
        self._start(self.serve(reader, writer), writer)

    def _start(self, work: Coroutine[Any, Any, None], writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.create_task(work))
        self._writers.append(writer)

    async def close(self) -> None:
        """Close all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def give_back(self, backend: Backend) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(backend)
                return
        self._idle.append(backend)

    async def _backend(self) -> Backend:
        if self._idle:
            return self._idle.pop()
        if self._missing:
            self._missing -= 1
            backend = Backend(*await open_postgres(self._url))
            startup = b"user\0postgres\0database\0tickets\0timezone\0UTC\0\0"
            backend.writer.write(struct.pack("!ii", len(startup) + 8, 196608) + startup)
            while (await read_message(backend.reader))[0] != b"Z":
                pass
            self._start(backend.read(self), backend.writer)
            return backend
        waiting: asyncio.Future[Backend] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        return await waiting

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it leaves."""
        client = Client(next(self._numbers), writer)
        with suppress(asyncio.IncompleteReadError, OSError):
            if await self._begin(reader, writer):
                while True:
                    await self._pass_on(client, *await read_message(reader))
        writer.close()

    async def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        (length,) = struct.unpack("!i", await reader.readexactly(4))
        startup = await reader.readexactly(length - 4)
        if startup[:4] != struct.pack("!i", 196608):
            # a CancelRequest, which is ignored
            return False
        words = startup[4:].rstrip(b"\0").split(b"\0")
        for name in words[::2]:
            if name.decode().lower() not in self._allowed:
                refusal = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: %s\0\0" % name
                writer.write(message(b"E", refusal))
                return False
        writer.write(message(b"R", struct.pack("!i", 0)))
        # asyncpg looks at these, at the server's version above all
        for parameter in (
            b"server_version\x0015.0",
            b"client_encoding\x00UTF8",
            b"TimeZone\x00UTC",
        ):
            writer.write(message(b"S", parameter + b"\0"))
        writer.write(message(b"K", secrets.token_bytes(8)) + message(b"Z", b"I"))
        return True

    async def _pass_on(self, client: Client, kind: bytes, payload: bytes) -> None:
        if kind == b"X":
            raise ConnectionResetError
        if client.backend is None:
            client.backend = await self._backend()
            client.backend.client = client
        backend = client.backend
        if self._prepared_statements:
            payload = client.renamed(kind, payload, backend)
        elif kind == b"P":
            backend.hidden.append(False)
        client.syncs += kind in b"QS"
        backend.writer.write(message(kind, payload))


@asynccontextmanager
async def transaction_pooler(
    url: str, *, size: int = 3, prepared_statements: bool, ignored: Sequence[str] = ()
) -> AsyncIterator[str]:
    """Run a pooler for the block; return the URL of the database `tickets` through it."""
    pooler = TransactionPooler(
        url, size=size, prepared_statements=prepared_statements, ignored=ignored
    )

    async with await asyncio.start_server(pooler.accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/tickets?sslmode=disable"
        finally:
            server.close()
            await pooler.close()
