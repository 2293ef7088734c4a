"""The read side on PostgreSQL: rows of an index scan, turned into what is shown."""

from __future__ import annotations

from datetime import UTC, datetime

from tickets.adapters.postgres.caching.unread_counts import UnreadCounts
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.read_models import AdminPosition, AdminRow, Page, Stats, UserPosition, UserRow
from tickets.domain.ticket import MAX_ID, Category, Status

# Where a first page starts: behind a position that is higher than any ticket's, so that one query serves all pages.
_LATEST = datetime.max.replace(tzinfo=UTC)
_USER_TOP = UserPosition(_LATEST, MAX_ID)
_ADMIN_TOP = AdminPosition(admin_unread=True, updated_at=_LATEST, id=MAX_ID)


class PostgresTicketViews:
    """The port `TicketViews` on PostgreSQL."""

    def __init__(self, database: Database, unread_counts: UnreadCounts) -> None:
        """Look at the tickets in this database; `unread_counts` may remember some of it."""
        self._database = database
        self._unread_counts = unread_counts
        self._sql = load_queries("views")

    async def user_list(
        self, user_id: int, *, status: Status | None, after: UserPosition | None, limit: int
    ) -> Page[UserRow]:
        """Read one row more than asked for, which tells whether more follow."""
        top = after or _USER_TOP
        rows = await self._database.fetch(
            self._sql["user_list"],
            user_id,
            list(Status) if status is None else [status],
            top.updated_at,
            top.id,
            limit + 1,
        )
        return Page.cut([UserRow(*row) for row in rows], limit)

    async def user_unread(self, user_id: int) -> int:
        """Leave it to the badges."""
        return await self._unread_counts.count(user_id)

    async def admin_list(
        self,
        *,
        status: Status | None,
        category: Category | None,
        after: AdminPosition | None,
        limit: int,
    ) -> Page[AdminRow]:
        """Read one row more than asked for, which tells whether more follow."""
        top = after or _ADMIN_TOP
        position = (top.admin_unread, top.updated_at, top.id)
        if status is None and category is None:
            rows = await self._database.fetch(self._sql["admin_list"], *position, limit + 1)
        else:
            rows = await self._database.fetch(
                self._sql["admin_list_filtered"],
                list(Status) if status is None else [status],
                list(Category) if category is None else [category],
                *position,
                limit + 1,
            )
        return Page.cut([AdminRow(*row) for row in rows], limit)

    async def admin_unread(self) -> int:
        """Add up what is counted along with the tickets."""
        count: int = await self._database.fetchval(self._sql["admin_unread"])
        return count

    async def admin_stats(self) -> Stats:
        """Add up what is counted along with the tickets, by status and category."""
        rows = await self._database.fetch(self._sql["admin_stats"])
        return Stats.of((row[0], row[1], row[2], row[3]) for row in rows)
