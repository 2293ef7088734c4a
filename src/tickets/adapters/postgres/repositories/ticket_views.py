"""The read side on PostgreSQL: lists by keyset pagination, counts maintained by triggers."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from tickets.adapters.postgres.caching.unread_counts import UnreadCounts
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.errors import UserNotFound
from tickets.domain.read_models import (
    AdminPosition,
    Customer,
    Page,
    Stats,
    UserPosition,
)
from tickets.domain.ticket import MAX_ID, Category, Status

# A first page starts after a position that is higher than any ticket's, so that one query serves
# all pages.
_LATEST = datetime.max.replace(tzinfo=UTC)
_USER_START = UserPosition(_LATEST, MAX_ID)
_ADMIN_START = AdminPosition(admin_unread=True, updated_at=_LATEST, id=MAX_ID)


class PostgresTicketViews:
    """The port `TicketViews` on PostgreSQL."""

    def __init__(self, database: Database, unread_counts: UnreadCounts) -> None:
        """Read the tickets in this database; users' unread counts may be cached."""
        self._database = database
        self._unread_counts = unread_counts
        self._sql = load_queries("ticket_views")

    async def user_list(
        self, user_id: int, *, status: Status | None, after: UserPosition | None, limit: int
    ) -> Page[UserPosition]:
        """Read one row more than `limit`, which shows whether more follow."""
        start = after or _USER_START
        query = self._sql["user_list"].bind(
            user_id=user_id,
            statuses=list(Status) if status is None else [status],
            after_updated_at=start.updated_at,
            after_id=start.id,
            limit=limit,
        )
        row = await self._database.fetchrow(*query)
        assert row is not None  # noqa: S101 - an aggregate always has its row
        last = UserPosition(row["last_updated_at"], row["last_id"]) if row["more"] else None
        return Page(row["rows"], last)

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
    ) -> Page[AdminPosition]:
        """Read one row more than `limit`, which shows whether more follow."""
        start = after or _ADMIN_START
        position: dict[str, object] = {
            "after_unread": start.admin_unread,
            "after_updated_at": start.updated_at,
            "after_id": start.id,
            "limit": limit,
        }
        if status is None and category is None:
            query = self._sql["admin_list"].bind(**position)
        else:
            query = self._sql["admin_list_filtered"].bind(
                statuses=list(Status) if status is None else [status],
                categories=list(Category) if category is None else [category],
                **position,
            )
        row = await self._database.fetchrow(*query)
        assert row is not None  # noqa: S101 - an aggregate always has its row
        last = None
        if row["more"]:
            last = AdminPosition(row["last_unread"], row["last_updated_at"], row["last_id"])
        return Page(row["rows"], last)

    async def customer(self, user_id: int) -> Customer:
        """Count from the index of the user's list."""
        if not 0 < user_id <= MAX_ID:
            raise UserNotFound
        row = await self._database.fetchrow(*self._sql["customer"].bind(user_id=user_id))
        if row is None:
            raise UserNotFound
        counts: dict[str, int] = msgspec.json.decode(row["counts"] or "{}")
        return Customer(
            row["id"],
            row["email"],
            _moment(row["created_at"]),
            {status: counts.get(status, 0) for status in Status},
        )

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


def _moment(text: str | None) -> datetime | None:
    """Return a platform's time in UTC; None where its column holds something else."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
