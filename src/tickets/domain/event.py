"""Events of a ticket: its audit log, which history, reports and deliveries read (DESK, Notes…).

An event is stored by the statement of the change that it records.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tickets.domain.people import Actor


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
