"""The lifecycle of a ticket: its status, and closing by its user and by time (section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tickets.domain.errors import NotAllowed, ValueChanged
from tickets.domain.event import EventKind
from tickets.domain.people import Actor, Side
from tickets.domain.reading import Reading
from tickets.domain.status import Status


@dataclass(slots=True)
class Lifecycle(Reading):
    """The part of a ticket that decides on its status."""

    def change_status(
        self, status: Status, *, by: Actor, at: datetime, was: str | None = None
    ) -> bool:
        """Change the status, from any to any; return whether that changed it (section 4).

        Raises `NotAllowed` for a user: only admins change the status. Raises `ValueChanged` where
        the status is no longer `was`.
        """
        self._check_is_admin(by)
        if was not in (None, self.status):
            raise ValueChanged(self.status)
        return self._set_status(status, by=by, at=at)

    def close(self, *, by: Actor, at: datetime) -> bool:
        """Close the user's own ticket, as solved; return whether that changed its status.

        Raises `TicketNotFound` for another user's ticket, `NotAllowed` for the admin team, which
        changes the status instead.
        """
        self.check_access(by)
        if by.side is not Side.USER:
            raise NotAllowed
        return self._set_status(Status.CLOSED, by=by, at=at)

    def auto_close(
        self, *, quiet_for: timedelta, at: datetime, taken_over_at: datetime | None
    ) -> bool:
        """Close a resolved ticket that has been quiet for a period; return whether it did.

        This is the "natural close" of section 4. The period starts at the newest message or at the
        change to resolved, whichever is later. A ticket whose customer waits for an answer stays.
        One that nobody has touched since the take-over keeps its `updated_at`: its place in lists.
        """
        closes_at = self.closes_at(quiet_for)
        if closes_at is None or at < closes_at:
            return False
        self.status = Status.CLOSED
        if taken_over_at is None or self.updated_at >= taken_over_at:
            self._touch(at)
        self._record(
            EventKind.CLOSED_NATURALLY, by=None, at=at, before=Status.RESOLVED, after=Status.CLOSED
        )
        return True

    def closes_at(self, quiet_for: timedelta) -> datetime | None:
        """Return when natural close is due if nothing happens; None where it never is."""
        if self.status is not Status.RESOLVED or self.waiting_since is not None:
            return None
        return self.updated_at + quiet_for

    def _set_status(self, status: Status, *, by: Actor, at: datetime) -> bool:
        """Change the status; return whether that changed it. Nobody waits on a finished ticket."""
        before = self.status
        if before is status:
            return False
        self._touch(at)
        self.status = status
        self._record(EventKind.STATUS, by=by, at=self.updated_at, before=before, after=status)
        if status not in (Status.RESOLVED, Status.CLOSED):
            self.resolved_at = None
            return True
        if before is not Status.RESOLVED:
            self.resolved_at = self.updated_at
        self._set_waiting(waiting=False, by=by, at=self.updated_at)
        return True
