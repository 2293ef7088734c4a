"""The read side on PostgreSQL: lists by keyset pagination, counts maintained by triggers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import asyncpg

from tickets.adapters.postgres.caching.unread_counts import UnreadCounts
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.read_models import (
    AdminPosition,
    AdminRow,
    Page,
    Row,
    Stats,
    UserPosition,
    UserRow,
)
from tickets.domain.ticket import MAX_ID, Category, Status

# A first page starts after a position that is higher than any ticket's, so that one query serves
# all pages.
_LATEST = datetime.max.replace(tzinfo=UTC)
_USER_START = UserPosition(_LATEST, MAX_ID)
_ADMIN_START = AdminPosition(admin_unread=True, updated_at=_LATEST, id=MAX_ID)


def _reader(kind: type[Row]) -> Callable[[asyncpg.Record], Row]:
    """Return a function that builds a row from the columns named like its fields."""
    columns: Callable[[asyncpg.Record], tuple[Any, ...]] = itemgetter(
        *(field.name for field in fields(kind))
    )
    return lambda record: kind(*columns(record))


_user_row = _reader(UserRow)
_admin_row = _reader(AdminRow)


class PostgresTicketViews:
    """The port `TicketViews` on PostgreSQL."""

    def __init__(self, database: Database, unread_counts: UnreadCounts) -> None:
        """Read the tickets in this database; users' unread counts may be cached."""
        self._database = database
        self._unread_counts = unread_counts
        self._sql = load_queries("ticket_views")

    async def user_list(
        self, user_id: int, *, status: Status | None, after: UserPosition | None, limit: int
    ) -> Page[UserRow]:
        """Read one row more than `limit`, which shows whether more follow."""
        start = after or _USER_START
        query = self._sql["user_list"].bind(
            user_id=user_id,
            statuses=list(Status) if status is None else [status],
            after_updated_at=start.updated_at,
            after_id=start.id,
            limit=limit + 1,
        )
        rows = await self._database.fetch(*query)
        return Page.cut([_user_row(row) for row in rows], limit)

    async def user_unread(self, user_id: int) -> int:
        """Return the cached count, or count."""
        return await self._unread_counts.count(user_id)

    async def admin_list(
        self,
        *,
        status: Status | None,
        category: Category | None,
        after: AdminPosition | None,
        limit: int,
    ) -> Page[AdminRow]:
        """Read one row more than `limit`, which shows whether more follow."""
        start = after or _ADMIN_START
        position: dict[str, object] = {
            "after_unread": start.admin_unread,
            "after_updated_at": start.updated_at,
            "after_id": start.id,
            "limit": limit + 1,
        }
        if status is None and category is None:
            query = self._sql["admin_list"].bind(**position)
        else:
            query = self._sql["admin_list_filtered"].bind(
                statuses=list(Status) if status is None else [status],
                categories=list(Category) if category is None else [category],
                **position,
            )
        rows = await self._database.fetch(*query)
        return Page.cut([_admin_row(row) for row in rows], limit)

    async def admin_unread(self) -> int:
        """Add up the ticket counts."""
        count: int = await self._database.fetchval(*self._sql["admin_unread"].bind())
        return count

    async def admin_stats(self) -> Stats:
        """Add up the ticket counts by status and category."""
        rows = await self._database.fetch(*self._sql["admin_stats"].bind())
        return Stats.of(
            (row["status"], row["category"], row["total"], row["unread"]) for row in rows
        )
