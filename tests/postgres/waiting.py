"""Waiting for what comes by itself: until it is there, and no longer than patience lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE = 20.0

WAITING = """select count(*) from pg_stat_activity
              where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'"""
"""How many wait for an advisory lock in this test's own database: the server's other databases are other tests'."""


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that comes by itself."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def becomes(ask: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Wait until the answer is what is wanted."""
    async with asyncio.timeout(PATIENCE):
        while await ask() != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
