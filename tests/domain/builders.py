"""Builders for the tests of the domain: a ticket as the store returns it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tickets.domain.people import Actor, NamedAdmin
from tickets.domain.ticket import Status, Ticket

NOW = datetime(2026, 2, 3, 10, 15, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
WEEK = timedelta(hours=168)

OWNER = Actor.user(7)
STRANGER = Actor.user(8)
ADMIN = Actor.team()
ANNA, BEN = NamedAdmin(1, "Anna"), NamedAdmin(2, "Ben")
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
    ticket.new_message, ticket.new_events = None, ()
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


def saved(ticket: Ticket) -> Ticket:
    """Return the ticket as it is loaded again after a save."""
    return replace(ticket, new_message=None, new_events=())


def history(ticket: Ticket) -> list[tuple[str, Actor | None, str | None, str | None]]:
    """Return the new events: (kind, by, before, after)."""
    return [(event.kind.value, event.by, event.before, event.after) for event in ticket.new_events]
