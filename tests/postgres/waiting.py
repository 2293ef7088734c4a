"""Waits for a condition, with a generous limit: no test fails because a machine is slow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

MAX_WAIT = 60.0
"""Seconds after which a wait fails the test."""

ADVISORY_LOCK_WAITERS = """
    select count(*) from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'
"""
"""Counts the sessions of this test's own database that wait for an advisory lock."""


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(MAX_WAIT):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


async def until_returns(query: Callable[[], Awaitable[object]], expected: object) -> None:
    """Wait until `query` returns what is expected."""
    async with asyncio.timeout(MAX_WAIT):
        while await query() != expected:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


async def until_sql(connection: asyncpg.Connection[asyncpg.Record], condition: str) -> None:
    """Wait until an SQL condition holds."""
    async with asyncio.timeout(MAX_WAIT):
        while not await connection.fetchval(f"select {condition}"):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
