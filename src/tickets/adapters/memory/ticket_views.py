"""The read side in memory: lists and counts."""

from __future__ import annotations

from typing import Any

from tickets.adapters.memory.store import MemoryStore
from tickets.domain.read_models import (
    AdminPosition,
    AdminRow,
    Page,
    Row,
    Stats,
    UserPosition,
    UserRow,
)
from tickets.domain.ticket import Category, Status, Ticket


class MemoryTicketViews:
    """The port `TicketViews` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Look at the tickets in this store."""
        self._store = store

    async def user_list(
        self, user_id: int, *, status: Status | None, after: UserPosition | None, limit: int
    ) -> Page[UserRow]:
        """Sort all of the user's tickets."""
        rows = [
            _row(UserRow, ticket)
            for ticket in self._store.tickets.values()
            if ticket.user_id == user_id and status in (None, ticket.status)
        ]
        rows.sort(key=lambda row: row.position, reverse=True)
        return Page.cut([row for row in rows if after is None or row.position < after], limit)

    async def user_unread(self, user_id: int) -> int:
        """Count the user's flags."""
        return sum(
            ticket.user_unread
            for ticket in self._store.tickets.values()
            if ticket.user_id == user_id
        )

    async def admin_list(
        self,
        *,
        status: Status | None,
        category: Category | None,
        after: AdminPosition | None,
        limit: int,
    ) -> Page[AdminRow]:
        """Sort all tickets."""
        rows = [
            _row(AdminRow, ticket, user_email=self._store.emails[ticket.user_id])
            for ticket in self._store.tickets.values()
            if status in (None, ticket.status) and category in (None, ticket.category)
        ]
        rows.sort(key=lambda row: row.position, reverse=True)
        return Page.cut([row for row in rows if after is None or row.position < after], limit)

    async def admin_unread(self) -> int:
        """Count all flags."""
        return sum(ticket.admin_unread for ticket in self._store.tickets.values())

    async def admin_stats(self) -> Stats:
        """Count all tickets."""
        return Stats.of(
            (ticket.status, ticket.category, 1, int(ticket.admin_unread))
            for ticket in self._store.tickets.values()
        )


def _row(kind: type[Row], ticket: Ticket, **own: Any) -> Row:  # noqa: ANN401 - fields of a row
    """Build a row from the fields that it shares with the ticket."""
    shared: dict[str, Any] = {
        name: getattr(ticket, name) for name in kind.__dataclass_fields__ if hasattr(ticket, name)
    }
    return kind(**shared, **own)
