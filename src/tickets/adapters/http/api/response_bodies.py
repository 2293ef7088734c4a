"""Response bodies: one Struct per shape of JSON that the API returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal

import msgspec

from tickets.domain.message import Message
from tickets.domain.read_models import AdminRow, TicketDetail, UserRow
from tickets.domain.ticket import Category, Status, Ticket


class TicketBody(msgspec.Struct):
    """A ticket without its thread."""

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


class TicketWithThread(TicketBody):
    """A ticket with its thread, oldest message first."""

    messages: Sequence[Message]


class TicketWithThreadAndUser(TicketWithThread):
    """A ticket with its thread, oldest message first, and its user's e-mail address."""

    user_email: str | None


class TicketCreated(msgspec.Struct):
    """The ticket that was opened."""

    ticket: TicketBody
    success: Literal[True] = True

    @classmethod
    def of(cls, ticket: Ticket) -> TicketCreated:
        """Return the body for a new ticket."""
        return cls(TicketBody(*_ticket_fields(ticket)))


class TicketOpened(msgspec.Struct):
    """The response to a user who opens a ticket."""

    ticket: TicketWithThread

    @classmethod
    def of(cls, detail: TicketDetail) -> TicketOpened:
        """Return the body for a ticket and its thread."""
        fields = (*_ticket_fields(detail.ticket), detail.messages)
        return cls(TicketWithThread(*fields))


class TicketOpenedByAdmin(msgspec.Struct):
    """The response to an admin who opens a ticket."""

    ticket: TicketWithThreadAndUser

    @classmethod
    def of(cls, detail: TicketDetail) -> TicketOpenedByAdmin:
        """Return the body for a ticket, its thread and its user."""
        fields = (*_ticket_fields(detail.ticket), detail.messages, detail.user_email)
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


class AdminList(msgspec.Struct):
    """A page of everybody's tickets, and the cursor of the next page, null on the last."""

    tickets: Sequence[AdminRow]
    next_cursor: str | None


class Unread(msgspec.Struct):
    """The unread count: how many tickets are unread for the caller's side."""

    unread: int


_ticket_fields: Callable[[Ticket], tuple[Any, ...]] = attrgetter(*TicketBody.__struct_fields__)
"""Returns the fields of `TicketBody` in their order."""
