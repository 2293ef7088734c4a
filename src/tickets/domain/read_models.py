"""Read models: pages of lists and threads as encoded JSON, keyset positions, statistics.

The store encodes rows and messages, and nothing decodes them on their way to the client. What
rules and cursors need stands beside the bytes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Self, TypeVar

from tickets.domain.history import NO_HISTORY, HistoryPage
from tickets.domain.people import NamedAdmin, Side
from tickets.domain.queues import QueuePosition
from tickets.domain.ticket import MAX_ID, Category, Status, Ticket


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
    """A ticket in its user's list, as its JSON; `last_message` previews the newest message."""

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
    last_sender: Side


@dataclass(slots=True)
class AdminRow:
    """A ticket in the admins' list, as its JSON; `last_message` previews the newest message.

    `waiting_since` is when the oldest message without an answer came in, null where nobody waits.
    `assignee` is null where nobody is assigned, or an admin who is disabled.
    """

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
    last_sender: Side
    waiting_since: datetime | None
    assignee: NamedAdmin | None
    user_id: int
    user_email: str | None


Position = TypeVar("Position", UserPosition, AdminPosition, QueuePosition)


@dataclass(frozen=True, slots=True)
class Page(Generic[Position]):
    """One page of a list: a JSON array of rows, and where the next page starts.

    `next` is the position of the last row, None on the last page.
    """

    rows: bytes
    next: Position | None


@dataclass(frozen=True, slots=True)
class FoundPage:
    """One page of what a search found, as `Page`; `is_truncated` says that there is more."""

    rows: bytes
    next: UserPosition | None
    is_truncated: bool


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
class Customer:
    """A user of the platform, with the number of tickets by status, also those at 0.

    `created_at` is None where the platform does not record it.
    """

    id: int
    email: str
    created_at: datetime | None
    counts: dict[Status, int]


MAX_PAGE_MESSAGES = 200
"""Messages that a page of a thread holds at most."""

MAX_PAGE_BYTES = 2_000_000
"""Bytes of JSON that the messages of a page have at most, unless it is a single message."""

MAX_FOLLOW_UPS = 200
"""Follow-ups that the detail of a ticket names at most: the newest."""


# Not frozen, as each read makes them: a frozen dataclass takes twice as long to make.


@dataclass(slots=True)
class ThreadPage:
    """One page of a thread: a JSON array of `Message`, oldest first.

    `previous` is the ordinal of the newest message before the page, None where the thread begins
    in it. A page has at least one message where there is one. `has_unnumbered` says that the thread
    has messages that no page shows: another program wrote them past the triggers, and nobody has
    repaired that yet.
    """

    messages: bytes
    previous: int | None
    has_unnumbered: bool = False

    @property
    def shown_after(self) -> int:
        """Every message after this ordinal is in the page, if it is the newest page.

        Higher than every mark where the thread has unnumbered messages.
        """
        return MAX_ID if self.has_unnumbered else self.previous or 0


@dataclass(frozen=True, slots=True)
class DetailRequest:
    """Which part of a ticket is to be shown, and to which side.

    The page of the thread has the newest `limit` messages, or those with an ordinal below `before`.
    The page of the history has the newest events, or those with an id below `events_before`, and
    only kinds that `viewer` is shown.
    """

    viewer: Side
    limit: int = MAX_PAGE_MESSAGES
    before: int | None = None
    events_before: int | None = None


@dataclass(slots=True)
class TicketDetail:
    """A ticket with a page of its thread and one of its history, as of one moment.

    `followed_by` has the ids of the tickets that follow this one. The use cases set `seen`, the
    mark of whoever opened it, from before that, and `closes_at`, when natural close is due.
    """

    ticket: Ticket
    user_email: str | None
    thread: ThreadPage
    followed_by: Sequence[int] = ()
    history: HistoryPage = NO_HISTORY
    seen: int = 0
    closes_at: datetime | None = None

    def opened_at(self, mark: int, *, closes_at: datetime | None) -> Self:
        """Return the detail for a reader whose mark was this."""
        # a third of the time of `dataclasses.replace`
        return type(self)(
            self.ticket,
            self.user_email,
            self.thread,
            self.followed_by,
            self.history,
            mark,
            closes_at,
        )
