"""Events of a ticket: its audit log, which history, reports and deliveries read (DESK, Notes…).

An event is stored by the statement of the change that it records.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tickets.domain.people import Actor, Side


class EventKind(StrEnum):
    """What happened to a ticket."""

    CREATED = "created"
    MESSAGE = "message"
    STATUS = "status"
    ASSIGNEE = "assignee"
    PRIORITY = "priority"
    FOLLOW_UP = "follow_up"
    CLOSED_NATURALLY = "closed_naturally"
    HANDLED = "handled"
    WAITING = "waiting"


USER_HISTORY = (EventKind.STATUS, EventKind.FOLLOW_UP, EventKind.CLOSED_NATURALLY)
"""The kinds of events that customers are shown."""

ADMIN_HISTORY = (*USER_HISTORY, EventKind.ASSIGNEE, EventKind.PRIORITY)
"""The kinds of events that admins are shown. The other kinds are for reports and deliveries."""


def history_of(viewer: Side) -> tuple[EventKind, ...]:
    """Return the kinds of events that this side is shown."""
    return USER_HISTORY if viewer is Side.USER else ADMIN_HISTORY


DELIVERY_NAMES = {
    EventKind.CREATED: "ticket.created",
    EventKind.MESSAGE: "message.created",
    EventKind.STATUS: "ticket.status_changed",
    EventKind.CLOSED_NATURALLY: "ticket.status_changed",
    EventKind.ASSIGNEE: "ticket.assigned",
    EventKind.PRIORITY: "ticket.priority_changed",
}
"""What a channel calls the kinds of events that can be delivered (DELIVERY, Webhooks)."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a ticket; the store gives it its id.

    `by` is who caused it, None for the system itself. `before` and `after` are the values around
    the change, `from` and `to` in JSON: a status, a priority, an assignee's name; for `waiting` the
    `after` is "began" or "ended"; for `follow_up` it is the id of the ticket that follows.
    """

    kind: EventKind
    at: datetime
    by: Actor | None
    before: str | None = None
    after: str | None = None
