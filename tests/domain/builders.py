"""Builders for the tests of the domain: a ticket as the store returns it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tickets.domain.people import Actor, NamedAdmin
from tickets.domain.ticket import Status, Ticket

NOW = datetime(2026, 2, 3, 10, 15, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
WEEK = timedelta(hours=168)

OWNER = Actor.user(7)
STRANGER = Actor.user(8)
ADMIN = Actor.team()
NADIA = Actor.named(NamedAdmin(3, "Nadia Berg"))


def a_ticket(status: Status = Status.OPEN, *, user_unread: bool = False) -> Ticket:
    """Return a stored ticket with one message, which the admins have read."""
    ticket = Ticket.open(
        by=OWNER,
        category="support",
        other_category=None,
        subject="The export stops",
        message="It stops after a hundred rows.",
        at=NOW,
    )
    ticket.new_message = None
    ticket.status = status
    ticket.user_unread, ticket.admin_unread = user_unread, False
    ticket.admin_seen = ticket.last_ordinal
    if status in (Status.RESOLVED, Status.CLOSED):
        ticket.waiting_since = None
    return ticket


def marks(ticket: Ticket) -> tuple[int, int]:
    """Return the marks: (the user's, the admins')."""
    return ticket.user_seen, ticket.admin_seen


def unread_flags(ticket: Ticket) -> tuple[bool, bool]:
    """Return (unread by the user, unread by the admins)."""
    return ticket.user_unread, ticket.admin_unread
