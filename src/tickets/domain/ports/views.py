"""Ports of the read side: lists, counts and figures as they are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from tickets.domain.queues import QueueCounts, QueuePosition, Selection
from tickets.domain.read_models import AdminPosition, Customer, FoundPage, Page, Stats, UserPosition
from tickets.domain.reports import Period, Report
from tickets.domain.search import SearchQuery
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

    async def customer(self, user_id: int) -> Customer:
        """Return a user with the number of tickets by status; raise `UserNotFound`."""


class Queues(Protocol):
    """Lists of the open work for admins. Pages use keyset pagination; their rows are `AdminRow`."""

    async def page(
        self, selection: Selection, *, after: QueuePosition | None, limit: int
    ) -> Page[QueuePosition]:
        """Return up to `limit` tickets of a bounded selection after a position of its order."""

    async def counts(self, *, admin_id: int | None) -> QueueCounts:
        """Count every queue, as of one moment; `mine` is this admin's, 0 for the shared token."""


class TicketSearch(Protocol):
    """Full-text search over subjects, messages and notes; tickets by number and by address.

    Pages are by keyset, newest `updated_at` first, of the tickets of at most `MAX_MATCHES` matches
    of each kind, the newest; `is_truncated` says that there are more. A row is that of a list with
    `match`, a `Match`. Raises `SearchTooSlow` where it takes too long.
    """

    async def own(
        self, user_id: int, query: SearchQuery, *, after: UserPosition | None, limit: int
    ) -> FoundPage:
        """Search a user's own tickets: number, subject, messages; `UserRow` with `match`.

        How long it takes depends on nothing but these, so that it tells nothing of notes or others.
        Of a user with more than `MAX_OWN_MESSAGES`, those of the newest tickets are looked through.
        """

    async def everywhere(
        self, query: SearchQuery, *, after: UserPosition | None, limit: int
    ) -> FoundPage:
        """Search all tickets, by address and in notes as well; `AdminRow` with `match`."""


class Reports(Protocol):
    """Figures of past days, from stored times and events."""

    async def report(self, period: Period, *, at: datetime) -> Report:
        """Return the figures of these days as of one moment; `at` is the time now.

        Takes up to two seconds with a million tickets. One report is computed at a time; the others
        wait.
        """
