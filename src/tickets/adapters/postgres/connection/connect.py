"""One connection, for the commands that prepare a database; failures are told as one sentence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import asyncpg

from tickets.adapters.postgres.connection.database import UNAVAILABLE

CONNECT_SECONDS = 10.0
"""How long a database that does not answer is waited for."""


class CannotConnect(Exception):
    """The database cannot be used, with a sentence that says which and why."""


def location(url: str) -> str:
    """Return where a database is, without the credentials in its URL, however odd that is."""
    place, _, options = url.partition("://")[2].rpartition("@")[2].partition("?")
    if not place or place.startswith("/"):
        place = parse_qs(options).get("host", ["localhost"])[0] + place
    return place


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
    except (ValueError, OverflowError) as error:
        # not told as the driver tells it, which may quote what it took for a port out of the password
        raise CannotConnect(
            f"The URL of the database at {location(url)} cannot be understood; special characters "
            f"in a password have to be percent-encoded."
        ) from error
    except (*UNAVAILABLE, asyncpg.PostgresError) as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else str(error)
        raise CannotConnect(
            f"The database at {location(url)} cannot be reached: {reason}"
        ) from error
    try:
        yield connection
    finally:
        await connection.close(timeout=CONNECT_SECONDS)
