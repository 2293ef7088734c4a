"""The state of the Ticket aggregate, and the steps that all its decisions are made of.

Reading is tracked by a flag and a mark per side. The flag says that the ticket is unread. The mark
is the ordinal of the last message of a run without gaps that the side was shown. A clear flag
counts as "everything was shown", wherever the mark is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tickets.domain.errors import (
    NotAllowed,
    NotAuthenticated,
    TicketNotFound,
    TicketsError,
    UserNotFound,
)
from tickets.domain.event import Event, EventKind
from tickets.domain.message import Message
from tickets.domain.people import Actor, NamedAdmin, Side
from tickets.domain.status import Category, Status


@dataclass(slots=True)
class TicketState:
    """A ticket without its thread: the state that decisions need, whatever the thread's length.

    `version` is for optimistic locking: the store compares and raises it. For writes of other
    programs, triggers follow the same rules (`sql/migrations/0009_threads.sql` and
    `0011_desk.sql`), and `tickets verify` checks the outcome.

    `last_ordinal` is the highest ordinal that a message of this ticket was given. `user_seen` and
    `admin_seen` are the marks of both sides. `waiting_since` is when the oldest customer message
    without an answer came in. `follows` is the id of the closed ticket that this one continues.

    `assignee` is the admin who is responsible; None also where that admin is disabled.
    `last_sender` wrote the newest message, `opened_by` the first. `first_replied_at` is when the
    first answer to a waiting customer was written, `resolved_at` when the ticket was last resolved,
    None while it is open. `events_recorded` counts the events that this service recorded.

    `new_message` and `new_events` are what the next save stores beside the state. Events are a
    tuple, so that copies of a ticket share none.
    """

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
    last_message: str
    created_at: datetime
    updated_at: datetime
    last_ordinal: int = 0
    user_seen: int = 0
    admin_seen: int = 0
    waiting_since: datetime | None = None
    follows: int | None = None
    assignee: NamedAdmin | None = None
    last_sender: Side = Side.USER
    opened_by: Side = Side.USER
    first_replied_at: datetime | None = None
    resolved_at: datetime | None = None
    events_recorded: int = 0
    version: int = 0
    new_message: Message | None = None
    new_events: tuple[Event, ...] = ()

    def check_access(self, actor: Actor) -> None:
        """Raise `TicketNotFound` for another user, the same error as for a missing ticket."""
        if actor.side is Side.USER and actor.user_id != self.user_id:
            raise TicketNotFound

    @property
    def missing_user(self) -> TicketsError:
        """The error where the ticket's user has been deleted, for whoever opens it.

        A user has to sign in again. An admin who opens it on their behalf is signed in.
        """
        return NotAuthenticated() if self.opened_by is Side.USER else UserNotFound()

    def unread_by(self, side: Side) -> bool:
        """Return whether the ticket is unread for this side."""
        return self.user_unread if side is Side.USER else self.admin_unread

    def mark_of(self, side: Side) -> int:
        """Return the ordinal of the last message of the run that this side was shown."""
        return self.user_seen if side is Side.USER else self.admin_seen

    @property
    def assigns(self) -> bool:
        """Whether the next save stores another assignee."""
        return any(event.kind is EventKind.ASSIGNEE for event in self.new_events)

    def _check_is_admin(self, actor: Actor) -> None:
        """Raise `NotAllowed` for a user, whoever's ticket it is."""
        if actor.side is not Side.ADMIN:
            raise NotAllowed

    def _set_unread(self, side: Side, *, unread: bool) -> bool:
        """Set the side's unread flag; return whether that changed it."""
        changed = self.unread_by(side) is not unread
        if side is Side.USER:
            self.user_unread = unread
        else:
            self.admin_unread = unread
        return changed

    def _set_mark(self, side: Side, ordinal: int) -> None:
        if side is Side.USER:
            self.user_seen = ordinal
        else:
            self.admin_seen = ordinal

    def _touch(self, at: datetime) -> None:
        """Move `updated_at`, never backwards: the clocks of two processes may differ."""
        self.updated_at = max(at, self.updated_at)

    def _record(
        self,
        kind: EventKind,
        *,
        by: Actor | None,
        at: datetime,
        before: str | None = None,
        after: str | None = None,
    ) -> None:
        """Record an event, which the next save stores."""
        self.new_events += (Event(kind, at, by, before, after),)
        self.events_recorded += 1

    def _set_waiting(self, *, waiting: bool, by: Actor | None, at: datetime) -> None:
        """Start or end the customer's wait, unless that changes nothing."""
        if waiting is (self.waiting_since is not None):
            return
        self.waiting_since = at if waiting else None
        after = WAITING_BEGAN if waiting else WAITING_ENDED
        self._record(EventKind.WAITING, by=by, at=at, after=after)


WAITING_BEGAN, WAITING_ENDED = "began", "ended"
"""What a `waiting` event has as `after`."""
