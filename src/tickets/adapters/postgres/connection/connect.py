"""Single connections for the commands, with connection errors in one sentence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from urllib.parse import parse_qs

import asyncpg

from tickets.adapters.postgres.connection.driver import open_connection
from tickets.adapters.postgres.connection.errors import CLIENT_SIDE
from tickets.settings.database_url import UnusableUrl

CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a database that does not respond."""

# an unknown setting, one that cannot be changed now, a wrong value
_REFUSED_SETTINGS = (
    asyncpg.UndefinedObjectError,
    asyncpg.CantChangeRuntimeParamError,
    asyncpg.InvalidParameterValueError,
)


class CannotConnect(Exception):
    """The database cannot be used; the message is one sentence that says which one and why."""


def location(url: str) -> str:
    """Return host, port and database of a URL, without credentials, however malformed it is."""
    place, _, options = url.partition("://")[2].rpartition("@")[2].partition("?")
    if not place or place.startswith("/"):
        place = parse_qs(options).get("host", ["localhost"])[0] + place
    return place


class CommandConnection(asyncpg.Connection):  # type: ignore[misc] # asyncpg is untyped
    """A connection that can open another one to the same database."""

    __slots__ = ("url",)

    url: str

    def another(self) -> AbstractAsyncContextManager[CommandConnection]:
        """Connect again for the block; raise as `connected` does."""
        return connected(self.url)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[CommandConnection]:
    """Connect for the block; raise `CannotConnect` where that is not possible."""
    try:
        connection = await open_connection(
            url,
            connection_class=CommandConnection,
            timeout=CONNECT_TIMEOUT,
            statement_cache_size=0,  # so that it also works through PgBouncer
            server_settings={"application_name": "tickets"},
        )
    except UnusableUrl as error:
        raise CannotConnect(f"The URL of the database at {location(url)} {error}.") from error
    except (ValueError, OverflowError) as error:
        # without the driver's message, which may quote a part of the password that it took for a
        # port
        raise CannotConnect(
            f"The URL of the database at {location(url)} is not valid; special characters "
            f"in a password have to be percent-encoded."
        ) from error
    except _REFUSED_SETTINGS as error:
        raise CannotConnect(
            f"The database at {location(url)} refuses a parameter of its URL: {error}."
        ) from error
    except (*CLIENT_SIDE, asyncpg.PostgresError) as error:
        reason = "no response in time" if isinstance(error, TimeoutError) else str(error)
        raise CannotConnect(
            f"The database at {location(url)} cannot be reached: {reason}"
        ) from error
    connection.url = url
    try:
        yield connection
    finally:
        # a connection that is lost may refuse even that, and what went wrong before is what counts
        with suppress(*CLIENT_SIDE):
            await connection.close(timeout=CONNECT_TIMEOUT)
