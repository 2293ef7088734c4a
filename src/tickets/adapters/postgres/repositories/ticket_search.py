"""Full-text search on PostgreSQL: GIN indexes for admins, a user's own texts for the user."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import asyncpg
import msgspec

from tickets.adapters.postgres.connection.database import Database, StatementTimeout
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.errors import SearchTooSlow
from tickets.domain.read_models import FoundPage, UserPosition
from tickets.domain.search import (
    MAX_MATCHES,
    MAX_OWN_MESSAGES,
    Field,
    SearchQuery,
)
from tickets.domain.ticket import MAX_ID

SECONDS = 0.5
"""How long each of a search's two attempts may take: within a second there is an answer."""

RECENT = 5_000
"""The newest texts of each kind that the second attempt of an admin's search looks through."""

RECENT_OWN = 1_000
"""The newest messages that the second attempt of a user's search looks through."""

AT_ONCE = 3
"""Searches of a process that run at the same time; others wait. They are the slowest statements,
and the rest of the pool's connections stays free for all other requests."""

_START = UserPosition(datetime.max.replace(tzinfo=UTC), MAX_ID)
_NO_ADDRESS_AFTER = "\U0010ffff"


class _Found(msgspec.Struct):
    """A row of a page as the store encodes it, and the text where the query was found."""

    row: msgspec.Raw
    field: Field
    text: str


_decode = msgspec.json.Decoder(list[_Found]).decode


class PostgresTicketSearch:
    """The port `TicketSearch` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Search the tickets in this database."""
        self._database = database
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._sql = load_queries("search")

    async def own(
        self, user_id: int, query: SearchQuery, *, after: UserPosition | None, limit: int
    ) -> FoundPage:
        """Look through the user's texts; if that takes too long, through the newest of them."""
        values = _values(query, after, limit) | {"user_id": user_id, "needle": query.needle}
        return await self._first_in_time(
            query,
            self._sql["own"].bind(**values, looked_at=MAX_OWN_MESSAGES),
            self._sql["own"].bind(**values, looked_at=RECENT_OWN),
        )

    async def everywhere(
        self, query: SearchQuery, *, after: UserPosition | None, limit: int
    ) -> FoundPage:
        """Search by the indexes; where the words are too common for that, the newest texts."""
        values = _values(query, after, limit) | {
            "address": query.address,
            "address_end": query.address and query.address + _NO_ADDRESS_AFTER,
        }
        return await self._first_in_time(
            query,
            self._sql["everywhere"].bind(**values),
            self._sql["everywhere_recent"].bind(**values, needle=query.needle, looked_at=RECENT),
        )

    async def _first_in_time(
        self, query: SearchQuery, *attempts: tuple[str, *tuple[object, ...]]
    ) -> FoundPage:
        async with self._turns:
            for attempt in attempts:
                try:
                    row = await self._database.fetchrow_within(SECONDS, *attempt)
                except StatementTimeout:
                    continue
                assert row is not None  # noqa: S101 - an aggregate always has its row
                return _page(query, row)
        raise SearchTooSlow


def _values(query: SearchQuery, after: UserPosition | None, limit: int) -> dict[str, object]:
    start = after or _START
    return {
        "words": query.text,
        "number": query.number,
        "most": MAX_MATCHES,
        "after_updated_at": start.updated_at,
        "after_id": start.id,
        "limit": limit,
    }


def _page(query: SearchQuery, row: asyncpg.Record) -> FoundPage:
    """Add to each row of a page what was found in it."""
    rows = b",".join(
        # an object of JSON ends with its brace
        b'%s,"match":%s}'
        % (bytes(found.row)[:-1], msgspec.json.encode(query.match(found.field, found.text)))
        for found in _decode(row["rows"])
    )
    last = UserPosition(row["last_updated_at"], row["last_id"]) if row["more"] else None
    return FoundPage(b"[%s]" % rows, last, row["is_truncated"])
