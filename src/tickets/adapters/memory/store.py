"""The dictionaries that the memory adapters share, for fast tests and nothing else.

The adapters copy what they store and what they return, compare versions, and raise the same errors
as PostgreSQL's, under the same contract suites. So a missing save is a test that fails.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from tickets.domain.idempotency import StoredResponse
from tickets.domain.message import Message
from tickets.domain.people import NamedAdmin
from tickets.domain.ticket import Ticket


class MemoryStore:
    """Users, tokens, tickets, threads, stored responses and rate limits."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start empty; `monotonic` returns seconds from any starting point."""
        self.monotonic = monotonic
        self.arrivals: dict[str, tuple[timedelta, timedelta]] = {}
        """By subject: the theoretical arrival time, and the period that it was computed with."""
        self.emails: dict[int, str] = {}
        self.tokens: dict[str, int] = {}
        self.admins: dict[int, NamedAdmin] = {}
        self.disabled_admins: set[int] = set()
        self.tickets: dict[int, Ticket] = {}
        self.threads: dict[int, list[Message]] = {}
        self.taken_over_at: datetime | None = None
        self.stored_responses: dict[tuple[str, str], StoredResponse] = {}
        """By caller (`Actor.principal`) and key."""
        self.ids = itertools.count(1)

    def assignee_of(self, ticket: Ticket) -> NamedAdmin | None:
        """Return the assignee of a stored ticket, unless that admin is disabled."""
        assignee = ticket.assignee
        return None if assignee is None or assignee.id in self.disabled_admins else assignee

    def add_user(self, email: str, token: str | None = None) -> int:
        """Return the id of a new user, who holds `token` from now on."""
        user_id = next(self.ids)
        self.emails[user_id] = email
        if token is not None:
            self.tokens[token] = user_id
        return user_id
