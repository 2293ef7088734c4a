"""HTTP over a raw socket, for requests that no client library would send."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

TIMEOUT = 60
"""Seconds that no response takes, however busy the machine is."""


@dataclass(frozen=True)
class RawResponse:
    """One response as it was received."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection to the service."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._socket.close()

    def send(self, *parts: bytes) -> bool:
        """Send each part on its own; return whether the connection stayed open."""
        try:
            for part in parts:
                self._socket.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def finish(self) -> None:
        """Close the sending half of the connection."""
        self._socket.shutdown(socket.SHUT_WR)

    def response(self, method: str = "GET") -> RawResponse | None:
        """Return the response to a request with this method; None if the connection ends first."""
        with contextlib.suppress(ConnectionResetError):
            status, headers = self._head()
            while status == HTTPStatus.CONTINUE:
                status, headers = self._head()
            length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
            body = self._reader.read(length)
            if status and len(body) == length:
                return RawResponse(status, headers, body)
        return None

    def _head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers; status 0 at the end of the connection."""
        _, _, line = self._reader.readline().partition(b" ")
        headers = {}
        while (header := self._reader.readline()) not in (b"\r\n", b""):
            name, _, text = header.decode("latin-1").strip().partition(": ")
            headers[name.lower()] = text
        return int(line[:3] or b"0"), headers


def request(
    method: str, target: str | bytes, headers: Iterable[bytes] = (), body: bytes = b""
) -> bytes:
    """Return the bytes of a request with exactly these header lines after `Host`."""
    raw = target if isinstance(target, bytes) else target.encode()
    lines = [method.encode() + b" " + raw + b" HTTP/1.1", b"Host: tickets.test", *headers]
    return b"\r\n".join([*lines, b"", body])
