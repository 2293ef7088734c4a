"""The dictionaries that the memory adapters share, for fast tests and nothing else.

The adapters copy what they store and what they return, compare versions, and raise the same errors
as PostgreSQL's, under the same contract suites. So a missing save is a test that fails.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tickets.adapters.memory.outbox import Channel, Delivery, DeliveryState, StoredEvent
from tickets.domain.idempotency import StoredResponse
from tickets.domain.message import Message
from tickets.domain.note import Note
from tickets.domain.people import NamedAdmin
from tickets.domain.saved_reply import SavedReply
from tickets.domain.ticket import Ticket


@dataclass(slots=True)
class MemoryAdmin:
    """A named admin, who holds `token` unless that is None."""

    name: str
    email: str
    token: str | None
    active: bool = True


class MemoryStore:
    """Users, tokens, admins, tickets, threads, stored responses and rate limits."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start empty; `monotonic` returns seconds from any starting point."""
        self.monotonic = monotonic
        self.arrivals: dict[str, tuple[timedelta, timedelta]] = {}
        """By subject: the theoretical arrival time, and the period that it was computed with."""
        self.emails: dict[int, str] = {}
        self.people: dict[str, int] = {}
        self.host_admins: dict[str, int] = {}
        self.tokens: dict[str, int] = {}
        self.admins: dict[int, MemoryAdmin] = {}
        self.tickets: dict[int, Ticket] = {}
        self.threads: dict[int, list[Message]] = {}
        self.notes: dict[int, list[Note]] = {}
        """By ticket, in the order in which they were written."""
        self.saved_replies: dict[int, SavedReply] = {}
        self.events: dict[int, list[StoredEvent]] = {}
        self.channels: list[Channel] = []
        self.deliveries: list[Delivery] = []
        self.delivery_states: dict[int, DeliveryState] = {}
        """By id, which is the place in the list; those that were deleted have none."""
        self.taken_over_at: datetime | None = None
        self.recorded_since: datetime | None = None
        """Since when events are recorded; None if always."""
        self.stored_responses: dict[tuple[str, str], StoredResponse] = {}
        """By caller (`Actor.principal`) and key."""
        self.ids = itertools.count(1)

    def assignee_of(self, ticket: Ticket) -> NamedAdmin | None:
        """Return the assignee of a stored ticket, unless that admin is disabled."""
        return None if ticket.assignee is None else self.active_admin(ticket.assignee.id)

    def active_admin(self, admin_id: int) -> NamedAdmin | None:
        """Return the admin with this id; None where it is unknown, or the admin is disabled."""
        admin = self.admins.get(admin_id)
        return NamedAdmin(admin_id, admin.name) if admin is not None and admin.active else None

    def add_user(self, email: str, token: str | None = None) -> int:
        """Return the id of a new user, who holds `token` from now on."""
        user_id = next(self.ids)
        self.emails[user_id] = email
        if token is not None:
            self.tokens[token] = user_id
        return user_id
