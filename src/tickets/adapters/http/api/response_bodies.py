"""Response bodies, as the contract's tables have them."""

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
    """A ticket, without its thread."""

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
    """A ticket with its thread, oldest message first, and whose it is."""

    user_email: str | None


class TicketCreated(msgspec.Struct):
    """The ticket that was opened."""

    ticket: TicketBody
    success: Literal[True] = True

    @classmethod
    def of(cls, ticket: Ticket) -> TicketCreated:
        """Show a new ticket."""
        return cls(TicketBody(*_shared(ticket)))


class TicketOpened(msgspec.Struct):
    """A ticket as its user sees it."""

    ticket: TicketWithThread

    @classmethod
    def of(cls, detail: TicketDetail) -> TicketOpened:
        """Show a ticket and its thread."""
        shown = (*_shared(detail.ticket), detail.messages)
        return cls(TicketWithThread(*shown))


class TicketOpenedByAdmin(msgspec.Struct):
    """A ticket as the admins see it."""

    ticket: TicketWithThreadAndUser

    @classmethod
    def of(cls, detail: TicketDetail) -> TicketOpenedByAdmin:
        """Show a ticket, its thread and whose it is."""
        shown = (*_shared(detail.ticket), detail.messages, detail.user_email)
        return cls(TicketWithThreadAndUser(*shown))


class MessageCreated(msgspec.Struct):
    """The message that was added."""

    message: Message
    success: Literal[True] = True


class StatusChanged(msgspec.Struct):
    """The status that the ticket has now."""

    status: Status
    success: Literal[True] = True


class ReadingNoted(msgspec.Struct):
    """Whether the ticket is unread now, for the side that asked."""

    unread: bool
    success: Literal[True] = True


class UserList(msgspec.Struct):
    """A page of a user's tickets; `next_cursor` asks for the next one, null on the last."""

    tickets: Sequence[UserRow]
    next_cursor: str | None


class AdminList(msgspec.Struct):
    """A page of everybody's tickets; `next_cursor` asks for the next one, null on the last."""

    tickets: Sequence[AdminRow]
    next_cursor: str | None


class Unread(msgspec.Struct):
    """How many tickets hold something unread: what a badge shows."""

    unread: int


_shared: Callable[[Ticket], tuple[Any, ...]] = attrgetter(*TicketBody.__struct_fields__)
"""The fields that every body of a ticket begins with, in order."""
