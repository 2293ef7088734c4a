"""Name resolution for tests: names resolve to what a test says, in turn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import pytest


def resolving(monkeypatch: pytest.MonkeyPatch, answers: Sequence[Sequence[str]]) -> list[str]:
    """Let every name resolve to these addresses, in turn, the last for good; return the names."""
    asked: list[str] = []
    real = asyncio.BaseEventLoop.getaddrinfo

    async def getaddrinfo(
        loop: asyncio.BaseEventLoop, host: Any, port: Any, **options: Any
    ) -> list[Any]:
        if not str(host).endswith(".example.com"):
            return await real(loop, host, port, **options)
        addresses = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port),
            )
            for address in addresses
        ]

    monkeypatch.setattr(asyncio.get_running_loop().__class__, "getaddrinfo", getaddrinfo)
    return asked
