"""Response bodies: one Struct per shape of JSON that the API returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal

import msgspec

from tickets.adapters.http.api.cursors import (
    events_before,
    messages_before,
    next_cursor,
    notes_before,
)
from tickets.adapters.http.litestar_fast.encoded_json import encoded_json
from tickets.domain.message import Message
from tickets.domain.note import Note, NotePage
from tickets.domain.people import NamedAdmin
from tickets.domain.queues import QueuePosition
from tickets.domain.read_models import (
    AdminPosition,
    AdminRow,
    FoundPage,
    Page,
    TicketDetail,
    UserPosition,
    UserRow,
)
from tickets.domain.search import Match
from tickets.domain.ticket import Category, Status, Ticket


class TicketBody(msgspec.Struct):
    """A ticket without its thread. `follows` is the closed ticket that it continues."""

    id: int
    user_id: int
    category: Category
    other_category: str | None
    subject: str
    status: Status
    priority: str
    user_unread: bool
    admin_unread: bool
    message_count: int
    created_at: datetime
    updated_at: datetime
    follows: int | None


class HistoryEvent(msgspec.Struct, rename={"before": "from", "after": "to"}):
    """Something that happened to a ticket; `name` is the admin's, null for the team and for users.

    `from` and `to` are the values around the change: statuses, priorities, names of assignees. For
    a `follow_up`, `to` is the id of the ticket that follows. Users are shown no `assignee` and no
    `priority`.
    """

    id: int
    at: datetime
    kind: Literal["status", "follow_up", "closed_naturally", "assignee", "priority"]
    by: Literal["user", "admin", "system"]
    name: str | None
    before: str | None
    after: str | None


class TicketWithThread(TicketBody):
    """A ticket with a page of its thread and one of its history, both oldest first.

    `messages_before` is the cursor of the page before, null where the thread begins in this one.
    `seen` is the ordinal of the last message that the caller's side had been shown, without a gap,
    before this call. `followed_by` are the tickets that continue this one. `events_before` is the
    cursor of older events. `closes_at` is when a resolved ticket closes if nothing happens.
    """

    followed_by: Sequence[int]
    seen: int
    messages_before: str | None
    messages: Sequence[Message]
    events_before: str | None
    events: Sequence[HistoryEvent]
    closes_at: datetime | None


class TicketWithThreadAndUser(TicketWithThread):
    """The same as admins see it, with its user's e-mail address.

    `notes` are the team's internal notes, oldest first; `notes_before` is the cursor of those
    before, null where the first one is among them.

    `waiting_since` is when the oldest message without an answer came in, null where nobody waits.
    `assignee` is null where nobody is assigned, or an admin who is disabled.
    """

    user_email: str | None
    waiting_since: datetime | None
    assignee: NamedAdmin | None
    notes: Sequence[Note]
    notes_before: str | None


class TicketCreated(msgspec.Struct):
    """The ticket that was opened."""

    ticket: TicketBody
    success: Literal[True] = True

    @classmethod
    def of(cls, ticket: Ticket) -> TicketCreated:
        """Return the body for a new ticket."""
        return cls(TicketBody(*ticket_fields(ticket)))


class TicketOpened(msgspec.Struct):
    """The response to a user who opens a ticket."""

    ticket: TicketWithThread

    @classmethod
    def of(cls, detail: TicketDetail) -> TicketOpened:
        """Return the body for a ticket and its thread."""
        return cls(TicketWithThread(*_detail_fields(detail)))


class TicketOpenedByAdmin(msgspec.Struct):
    """The response to an admin who opens a ticket."""

    ticket: TicketWithThreadAndUser

    @classmethod
    def of(cls, detail: TicketDetail, notes: NotePage) -> TicketOpenedByAdmin:
        """Return the body for a ticket, its thread, its user and its notes."""
        ticket = detail.ticket
        fields = (
            *_detail_fields(detail),
            detail.user_email,
            ticket.waiting_since,
            ticket.assignee,
            notes.notes,
            notes_before(notes),
        )
        return cls(TicketWithThreadAndUser(*fields))


class MessageCreated(msgspec.Struct):
    """The message that was added."""

    message: Message
    success: Literal[True] = True


class StatusChanged(msgspec.Struct):
    """The status that the ticket has now."""

    status: Status
    success: Literal[True] = True


class UnreadFlag(msgspec.Struct):
    """Whether the ticket is unread now for the caller's side."""

    unread: bool
    success: Literal[True] = True


class UserList(msgspec.Struct):
    """A page of a user's tickets, and the cursor of the next page, null on the last."""

    tickets: Sequence[UserRow]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[UserPosition]) -> UserList:
        """Return the body for a page."""
        return cls(encoded_json(page.rows), next_cursor(page))


class AdminList(msgspec.Struct):
    """A page of everybody's tickets, and the cursor of the next page, null on the last."""

    tickets: Sequence[AdminRow]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[AdminPosition] | Page[QueuePosition]) -> AdminList:
        """Return the body for a page."""
        return cls(encoded_json(page.rows), next_cursor(page))


@dataclass(slots=True)
class UserRowFound(UserRow):
    """A ticket that a user's search found, and where."""

    match: Match


class UserFound(msgspec.Struct):
    """A page of what a user's search found, as `UserList`; `truncated` says that there is more."""

    tickets: Sequence[UserRowFound]
    next_cursor: str | None
    truncated: bool

    @classmethod
    def of(cls, page: FoundPage) -> UserFound:
        """Return the body for a page."""
        return cls(encoded_json(page.rows), next_cursor(page), page.is_truncated)


class Unread(msgspec.Struct):
    """The unread count: how many tickets are unread for the caller's side."""

    unread: int


ticket_fields: Callable[[Ticket], tuple[Any, ...]] = attrgetter(*TicketBody.__struct_fields__)
"""Returns the fields of `TicketBody` in their order."""


def _detail_fields(detail: TicketDetail) -> tuple[Any, ...]:
    """Return the fields of `TicketWithThread` in their order."""
    return (
        *ticket_fields(detail.ticket),
        detail.followed_by,
        detail.seen,
        messages_before(detail.thread),
        encoded_json(detail.thread.messages),
        events_before(detail.history),
        encoded_json(detail.history.events),
        detail.closes_at,
    )
