"""Rows of tickets and messages: from the domain's objects to parameters, and back."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from tickets.domain.event import EventKind
from tickets.domain.history import MAX_PAGE_EVENTS
from tickets.domain.message import Message
from tickets.domain.people import NamedAdmin, Side
from tickets.domain.read_models import (
    MAX_FOLLOW_UPS,
    MAX_PAGE_BYTES,
    DetailRequest,
    ThreadPage,
)
from tickets.domain.ticket import Category, Status, Ticket

_AFTER_ALL_EVENTS = 2**63 - 1
"""Above the id of every event, so that one query serves all pages."""


def state_values(ticket: Ticket) -> dict[str, object]:
    """Return the columns that decisions change, and the user whose ticket it must still be."""
    return {
        "user_id": ticket.user_id,
        "status": ticket.status,
        "priority": ticket.priority,
        "user_unread": ticket.user_unread,
        "admin_unread": ticket.admin_unread,
        "message_count": ticket.message_count,
        "last_message": ticket.last_message,
        "updated_at": ticket.updated_at,
        "last_ordinal": ticket.last_ordinal,
        "user_seen": ticket.user_seen,
        "admin_seen": ticket.admin_seen,
        "waiting_since": ticket.waiting_since,
        "assignee_id": None if ticket.assignee is None else ticket.assignee.id,
        "last_sender": ticket.last_sender,
        "events_recorded": ticket.events_recorded,
    }


def page_values(request: DetailRequest) -> dict[str, object]:
    """Return the bounds of the pages of a detail, and of what stands beside them."""
    events_before = request.events_before
    return {
        "limit": request.limit,
        "max_bytes": MAX_PAGE_BYTES,
        "max_follow_ups": MAX_FOLLOW_UPS,
        "viewer": request.viewer,
        "events_before": _AFTER_ALL_EVENTS if events_before is None else events_before,
        "max_events": MAX_PAGE_EVENTS,
    }


def page_of(row: asyncpg.Record) -> ThreadPage:
    """Return the page of a thread in a row."""
    return ThreadPage(b"[%b]" % (row["messages"] or b""), row["previous"], row["has_unnumbered"])


def follow_ups_of(newest_first: str) -> Sequence[int]:
    """Return the ids of an array's text, `{9,7}`, oldest first."""
    if newest_first == "{}":
        return ()
    return [int(ticket_id) for ticket_id in reversed(newest_first[1:-1].split(","))]


_MESSAGE_COLUMNS = (
    "sender_type",
    "sender_id",
    "sender_admin_id",
    "sender_name",
    "message",
    "sent_at",
)


def message_values(ticket: Ticket) -> dict[str, object]:
    """Return the columns of the ticket's new message, all None where there is none."""
    message = ticket.new_message
    if message is None:
        return dict.fromkeys(_MESSAGE_COLUMNS)
    # a message shows its admin's name alone; who that is stands in its event
    authors = (event.by for event in ticket.new_events if event.kind is EventKind.MESSAGE)
    author = next(authors, None)
    return {
        "sender_type": message.sender_type,
        "sender_id": message.sender_id,
        "sender_admin_id": None if author is None or author.admin is None else author.admin.id,
        "sender_name": message.sender_name,
        "message": message.message,
        "sent_at": message.created_at,
    }


def with_id(message: Message, message_id: int) -> Message:
    """Return the message as it is stored."""
    return Message(
        id=message_id,
        ticket_id=message.ticket_id,
        sender_type=message.sender_type,
        sender_id=message.sender_id,
        message=message.message,
        created_at=message.created_at,
        ordinal=message.ordinal,
        sender_name=message.sender_name,
    )


def ticket_of(row: asyncpg.Record) -> Ticket:
    """Return the ticket in a row."""
    assignee_name = row["assignee_name"]
    return Ticket(
        id=row["id"],
        user_id=row["user_id"],
        category=Category(row["category"]),
        other_category=row["other_category"],
        subject=row["subject"],
        status=Status(row["status"]),
        priority=row["priority"],
        user_unread=row["user_unread"],
        admin_unread=row["admin_unread"],
        message_count=row["message_count"],
        last_message=row["last_message"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        last_ordinal=row["last_ordinal"],
        user_seen=row["user_seen"],
        admin_seen=row["admin_seen"],
        waiting_since=row["waiting_since"],
        follows=row["follows"],
        assignee=None if assignee_name is None else NamedAdmin(row["assignee_id"], assignee_name),
        last_sender=Side(row["last_sender"]),
        opened_by=Side(row["opened_by"]),
        first_replied_at=row["first_replied_at"],
        resolved_at=row["resolved_at"],
        events_recorded=row["events_recorded"],
        version=row["version"],
    )
