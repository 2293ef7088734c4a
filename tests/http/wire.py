"""Bytes as they go over the wire, for requests that no client library would send."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

PATIENCE = 60
"""Seconds for what must come, however busy the machine is."""


@dataclass(frozen=True)
class Answer:
    """One answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection to a service."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._socket.close()

    def send(self, *parts: bytes) -> bool:
        """Send each part on its own; return whether the service took them all."""
        try:
            for part in parts:
                self._socket.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def finish(self) -> None:
        """Send nothing more, and go on listening."""
        self._socket.shutdown(socket.SHUT_WR)

    def answer(self, method: str = "GET") -> Answer | None:
        """Return the next answer to a request with this method; None where the connection ends first."""
        with contextlib.suppress(ConnectionResetError):
            status, headers = self._head()
            while status == HTTPStatus.CONTINUE:
                status, headers = self._head()
            length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
            body = self._reader.read(length)
            if status and len(body) == length:
                return Answer(status, headers, body)
        return None

    def _head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers, 0 where there are none."""
        _, _, line = self._reader.readline().partition(b" ")
        headers = {}
        while (header := self._reader.readline()) not in (b"\r\n", b""):
            name, _, text = header.decode("latin-1").strip().partition(": ")
            headers[name.lower()] = text
        return int(line[:3] or b"0"), headers


def request(
    method: str, target: str | bytes, headers: Iterable[bytes] = (), body: bytes = b""
) -> bytes:
    """Return a request with exactly these header lines behind its Host."""
    raw = target if isinstance(target, bytes) else target.encode()
    lines = [method.encode() + b" " + raw + b" HTTP/1.1", b"Host: tickets.test", *headers]
    return b"\r\n".join([*lines, b"", body])
