"""One connection, for the commands that prepare a database; failures are told as one sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import asyncpg

from tickets.adapters.postgres.database import UNAVAILABLE

CONNECT_SECONDS = 10.0
"""How long a database that does not answer is waited for."""


class CannotConnect(Exception):
    """The database cannot be used, with a sentence that says which and why."""


def location(url: str) -> str:
    """Return where a database is, without the credentials in its URL."""
    parts = urlsplit(url)
    host = parts.hostname or parse_qs(parts.query).get("host", ["localhost"])[0]
    port = f":{parts.port}" if parts.port else ""
    return f"{host}{port}{parts.path}"


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Connect for the block; raise `CannotConnect` where that is not possible."""
    try:
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS,
            statement_cache_size=0,  # so that it also works through PgBouncer
            server_settings={"application_name": "tickets"},
        )
    except (*UNAVAILABLE, asyncpg.InterfaceError, ValueError) as error:
        reason = "no answer in time" if isinstance(error, asyncio.TimeoutError) else str(error)
        message = f"The database at {location(url)} cannot be reached: {reason}"
        raise CannotConnect(message) from error
    try:
        yield connection
    finally:
        await connection.close(timeout=CONNECT_SECONDS)
