"""Read models: rows of lists, which are also their JSON, keyset positions, statistics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from tickets.domain.message import Message
from tickets.domain.ticket import Category, Status, Ticket


@dataclass(frozen=True, slots=True, order=True)
class UserPosition:
    """A keyset position in a user's list: by `updated_at`, then `id`, descending."""

    updated_at: datetime
    id: int


@dataclass(frozen=True, slots=True, order=True)
class AdminPosition:
    """A keyset position in the admins' list: unread first, then as in the user's."""

    admin_unread: bool
    updated_at: datetime
    id: int


@dataclass(slots=True)
class UserRow:
    """A ticket in its user's list; `last_message` is the preview of the newest message."""

    id: int
    category: Category
    other_category: str | None
    subject: str
    status: Status
    priority: str
    user_unread: bool
    message_count: int
    last_message: str
    created_at: datetime
    updated_at: datetime

    @property
    def position(self) -> UserPosition:
        """The row's position in the list."""
        return UserPosition(self.updated_at, self.id)


@dataclass(slots=True)
class AdminRow:
    """A ticket in the admins' list; `last_message` is the preview of the newest message."""

    id: int
    category: Category
    other_category: str | None
    subject: str
    status: Status
    priority: str
    admin_unread: bool
    message_count: int
    last_message: str
    created_at: datetime
    updated_at: datetime
    user_email: str | None

    @property
    def position(self) -> AdminPosition:
        """The row's position in the list."""
        return AdminPosition(self.admin_unread, self.updated_at, self.id)


Row = TypeVar("Row", UserRow, AdminRow)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list, and whether more rows follow."""

    rows: Sequence[Row]
    more: bool

    @classmethod
    def cut(cls, rows: Sequence[Row], limit: int) -> Page[Row]:
        """Return a page of at most `limit` rows, given one row more where there is one."""
        return cls(rows[:limit], len(rows) > limit)


@dataclass(frozen=True, slots=True)
class Stats:
    """The admins' statistics (section 10); `categories` has every category, also those at 0."""

    total_count: int
    open_count: int
    in_progress_count: int
    resolved_count: int
    closed_count: int
    unread_count: int
    categories: dict[Category, int]

    @classmethod
    def of(cls, counts: Iterable[tuple[str, str, int, int]]) -> Stats:
        """Sum rows of (status, category, tickets, unread tickets)."""
        by_status: defaultdict[str, int] = defaultdict(int)
        by_category: defaultdict[str, int] = defaultdict(int)
        unread_count = 0
        for status, category, total, unread in counts:
            by_status[status] += total
            by_category[category] += total
            unread_count += unread
        return cls(
            total_count=sum(by_status.values()),
            open_count=by_status[Status.OPEN],
            in_progress_count=by_status[Status.IN_PROGRESS],
            resolved_count=by_status[Status.RESOLVED],
            closed_count=by_status[Status.CLOSED],
            unread_count=unread_count,
            categories={category: by_category[category] for category in Category},
        )


@dataclass(frozen=True, slots=True)
class TicketDetail:
    """A ticket and its whole thread, oldest message first, as of one moment."""

    ticket: Ticket
    user_email: str | None
    messages: Sequence[Message]
