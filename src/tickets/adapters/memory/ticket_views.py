"""The read side in memory: lists and counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from tickets.adapters.memory.store import MemoryStore
from tickets.domain.errors import UserNotFound
from tickets.domain.read_models import (
    AdminPosition,
    AdminRow,
    Customer,
    Page,
    Stats,
    UserPosition,
    UserRow,
)
from tickets.domain.ticket import Category, Status, Ticket

Row = TypeVar("Row", UserRow, AdminRow)
Position = TypeVar("Position", UserPosition, AdminPosition)


class MemoryTicketViews:
    """The port `TicketViews` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Look at the tickets in this store."""
        self._store = store

    async def user_list(
        self, user_id: int, *, status: Status | None, after: UserPosition | None, limit: int
    ) -> Page[UserPosition]:
        """Sort all of the user's tickets."""
        rows = {
            UserPosition(ticket.updated_at, ticket.id): row_of(UserRow, ticket)
            for ticket in self._store.tickets.values()
            if ticket.user_id == user_id and status in (None, ticket.status)
        }
        return _page(rows, after, limit)

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
    ) -> Page[AdminPosition]:
        """Sort all tickets."""
        rows = {
            AdminPosition(ticket.admin_unread, ticket.updated_at, ticket.id): admin_row(
                self._store, ticket
            )
            for ticket in self._store.tickets.values()
            if status in (None, ticket.status) and category in (None, ticket.category)
        }
        return _page(rows, after, limit)

    async def admin_unread(self) -> int:
        """Count all flags."""
        return sum(ticket.admin_unread for ticket in self._store.tickets.values())

    async def customer(self, user_id: int) -> Customer:
        """Count the user's tickets."""
        if user_id not in self._store.emails:
            raise UserNotFound
        counts = Counter(
            ticket.status for ticket in self._store.tickets.values() if ticket.user_id == user_id
        )
        return Customer(
            user_id,
            self._store.emails[user_id],
            None,
            {status: counts[status] for status in Status},
        )

    async def admin_stats(self) -> Stats:
        """Count all tickets."""
        return Stats.of(
            (ticket.status, ticket.category, 1, int(ticket.admin_unread))
            for ticket in self._store.tickets.values()
        )


def _page(rows: dict[Position, Row], after: Position | None, limit: int) -> Page[Position]:
    """Encode the rows after a position, of at most one page, in descending order."""
    positions = sorted(
        (position for position in rows if after is None or position < after), reverse=True
    )
    page = positions[:limit]
    encoded = msgspec.json.encode([rows[position] for position in page])
    return Page(encoded, page[-1] if len(positions) > limit else None)


def row_of(kind: type[Row], ticket: Ticket, **own: Any) -> Row:  # noqa: ANN401 - fields of a row
    """Build a row from the fields that it shares with the ticket."""
    shared: dict[str, Any] = {
        name: getattr(ticket, name) for name in kind.__dataclass_fields__ if hasattr(ticket, name)
    }
    return kind(**shared, **own)


def admin_row(store: MemoryStore, ticket: Ticket) -> AdminRow:
    """Build the row of a ticket in the admins' list."""
    shown = replace(ticket, assignee=store.assignee_of(ticket))
    return row_of(AdminRow, shown, user_email=store.emails[ticket.user_id])
