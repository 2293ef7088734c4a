"""Assignment and triage: who is responsible, how urgent it is, whether anybody waits (DESK)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tickets.domain.errors import ThreadGrown, ValueChanged
from tickets.domain.event import EventKind
from tickets.domain.lifecycle import Lifecycle
from tickets.domain.people import Actor, NamedAdmin
from tickets.domain.status import Priority
from tickets.domain.text_rules import Validation


@dataclass(frozen=True, slots=True)
class ShownAssignee:
    """The assignee that an admin was shown, by id; None where nobody was assigned."""

    admin_id: int | None


@dataclass(frozen=True, slots=True)
class Assigned:
    """The outcome of an assignment: who is responsible now, None where nobody is."""

    assignee: NamedAdmin | None


@dataclass(slots=True)
class Assignment(Lifecycle):
    """The part of a ticket that admins decide among themselves.

    None of it moves `updated_at`: the customer's list keeps its order.
    """

    def assign(
        self,
        admin_id: int | None,
        *,
        found: NamedAdmin | None,
        by: Actor,
        at: datetime,
        was: ShownAssignee | None = None,
    ) -> bool:
        """Make an admin responsible, None for nobody; return whether that changed it.

        `found` is the active admin with this id, None where there is none. Raises `NotAllowed` for
        a user, `InvalidInput` for an unknown or disabled admin, `ValueChanged` where the assignee
        is no longer the one in `was`.
        """
        self._check_is_admin(by)
        if admin_id is not None and found is None:
            validation = Validation()
            validation.reject("assignee", "This admin does not exist or is no longer active.")
            validation.finish()
        if was is not None and was.admin_id != (self.assignee and self.assignee.id):
            raise ValueChanged(self.assignee)
        return self._set_assignee(found if admin_id is not None else None, by=by, at=at)

    def set_priority(
        self, priority: Priority, *, by: Actor, at: datetime, was: str | None = None
    ) -> bool:
        """Change the priority; return whether that changed it.

        Raises `NotAllowed` for a user, `ValueChanged` where the priority is no longer `was`, which
        may be a value that only another program sets.
        """
        self._check_is_admin(by)
        if was not in (None, self.priority):
            raise ValueChanged(self.priority)
        if self.priority == priority:
            return False
        self._record(EventKind.PRIORITY, by=by, at=at, before=self.priority, after=priority)
        self.priority = priority.value
        return True

    def mark_handled(self, seen: int, *, by: Actor, at: datetime) -> bool:
        """Record that the customer needs no answer; return whether somebody was waiting.

        `seen` is the number of messages that the admin was shown. Read and unread stay as they are.
        Raises `NotAllowed` for a user, `InvalidInput` where `seen` is more than there are, and
        `ThreadGrown` where there are more messages: then the customer still waits.
        """
        self._check_is_admin(by)
        validation = Validation()
        self._check_seen(validation, seen)
        validation.finish()
        if seen < self.message_count:
            raise ThreadGrown(self.message_count)
        if self.waiting_since is None:
            return False
        self._record(EventKind.HANDLED, by=by, at=at)
        self._set_waiting(waiting=False, by=by, at=at)
        return True

    def _set_assignee(self, admin: NamedAdmin | None, *, by: Actor, at: datetime) -> bool:
        """Change the assignee; return whether that changed it. Events hold the names."""
        before = self.assignee
        if (before and before.id) == (admin and admin.id):
            return False
        self.assignee = admin
        self._record(
            EventKind.ASSIGNEE,
            by=by,
            at=at,
            before=None if before is None else before.name,
            after=None if admin is None else admin.name,
        )
        return True
