"""Ports of the read side: lists, counts and figures as they are shown."""

from __future__ import annotations

from typing import Protocol

from tickets.domain.queues import QueueCounts, QueuePosition, Selection
from tickets.domain.read_models import AdminPosition, Page, Stats, UserPosition
from tickets.domain.ticket import Category, Status


class TicketViews(Protocol):
    """The read side: lists and counts, as they are shown. Pages use keyset pagination."""

    async def user_list(
        self, user_id: int, *, status: Status | None, after: UserPosition | None, limit: int
    ) -> Page[UserPosition]:
        """Return up to `limit` of a user's tickets after a position, newest `updated_at` first."""

    async def user_unread(self, user_id: int) -> int:
        """Count the user's tickets that are unread for the user."""

    async def admin_list(
        self,
        *,
        status: Status | None,
        category: Category | None,
        after: AdminPosition | None,
        limit: int,
    ) -> Page[AdminPosition]:
        """Return up to `limit` tickets of all users after a position: unread first, then newest."""

    async def admin_unread(self) -> int:
        """Count the tickets that are unread for the admins."""

    async def admin_stats(self) -> Stats:
        """Return the statistics of section 10, as of one moment."""


class Queues(Protocol):
    """Lists of the open work for admins. Pages use keyset pagination; their rows are `AdminRow`."""

    async def page(
        self, selection: Selection, *, after: QueuePosition | None, limit: int
    ) -> Page[QueuePosition]:
        """Return up to `limit` tickets of a bounded selection after a position of its order."""

    async def counts(self, *, admin_id: int | None) -> QueueCounts:
        """Count every queue, as of one moment; `mine` is this admin's, 0 for the shared token."""
