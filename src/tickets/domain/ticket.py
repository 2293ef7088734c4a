"""The Ticket aggregate: opening, replying, reading, the status lifecycle (sections 3, 4, 7, 9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from tickets.domain.errors import NotAllowed, ThreadGrown, TicketClosed, TicketNotFound
from tickets.domain.message import Message, preview
from tickets.domain.people import Actor, Side
from tickets.domain.text_limits import FIRST_MESSAGE, OTHER_CATEGORY, REPLY, SUBJECT
from tickets.domain.text_rules import Validation

MAX_ID = 2**31 - 1
"""The highest id: the columns are SERIAL (section 2)."""


class Category(StrEnum):
    """What a ticket is about (section 3)."""

    SUPPORT = "support"
    BILLING = "billing"
    FEATURE_SUGGESTION = "feature_suggestion"
    OTHER = "other"


class Status(StrEnum):
    """Where a ticket is in its lifecycle (section 4)."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"


@dataclass(slots=True)
class Ticket:
    """A ticket without its thread: the state that decisions need, whatever the thread's length.

    Methods decide and change the object. Nothing is stored until `Tickets.add` or `Tickets.save`
    takes it, together with the new message, if there is one. `version` is for optimistic locking:
    the store compares and raises it.
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
    version: int = 0
    new_message: Message | None = None

    @classmethod
    def open(
        cls,
        *,
        by: Actor,
        category: str,
        other_category: str | None,
        subject: str,
        message: str,
        at: datetime,
    ) -> Self:
        """Return a user's new ticket with its first message, unread by the admins (section 7, 1).

        Texts are trimmed. Raises `NotAllowed` for the admin team, which opens no tickets, and
        `InvalidInput` with one error per field that breaks section 9.
        """
        if by.user_id is None:
            raise NotAllowed
        validation = Validation()
        chosen = validation.choice("category", category, Category)
        custom = validation.text("other_category", other_category, OTHER_CATEGORY)
        if custom and chosen not in (Category.OTHER, None):
            validation.reject(
                "other_category", 'Other category is only allowed with the category "other".'
            )
        subject = validation.text("subject", subject, SUBJECT)
        message = validation.text("message", message, FIRST_MESSAGE)
        validation.finish()
        assert chosen is not None  # noqa: S101 - `finish` raises where it is None
        ticket = cls(
            id=0,
            user_id=by.user_id,
            category=chosen,
            other_category=custom or None,
            subject=subject,
            status=Status.OPEN,
            priority="normal",
            user_unread=False,
            admin_unread=False,
            message_count=0,
            last_message="",
            created_at=at,
            updated_at=at,
            version=0,
        )
        ticket._add_message(message, by=by, at=at)
        return ticket

    def reply(self, message: str, *, by: Actor, at: datetime, seen: int | None = None) -> None:
        """Add a message, and make the ticket unread for the other side only (section 7, 3 and 5).

        `seen` is the number of messages that the writer was shown, where the client sends it.
        Raises `TicketNotFound` for another user's ticket, `TicketClosed` on a closed one, for both
        sides (section 4), `InvalidInput` where the text does not have 1 to 5000 characters or
        `seen` is more than there are, `ThreadGrown` where there are more messages than `seen`.
        """
        self.check_access(by)
        if self.status is Status.CLOSED:
            raise TicketClosed
        validation = Validation()
        message = validation.text("message", message, REPLY)
        self._check_seen(validation, seen)
        validation.finish()
        if seen is not None and seen < self.message_count:
            raise ThreadGrown(self.message_count)
        self._add_message(message, by=by, at=at)

    def read(self, *, by: Actor) -> bool:
        """Clear the reader's own unread flag; return whether it was set (section 7, 2 and 4).

        Where it returns True, the ticket must be saved with the version that the reader was shown;
        otherwise a message that arrived in between would be marked read unseen. `updated_at` does
        not move. Raises `TicketNotFound` for another user's ticket.
        """
        self.check_access(by)
        return self._set_unread(by.side, unread=False)

    def acknowledge(self, seen: int, *, by: Actor) -> bool:
        """Clear the reader's unread flag if all messages were seen; return whether it changed.

        `seen` is the number of messages that were shown. Where there are more, the flag stays.
        Raises `InvalidInput` where `seen` is more than there are, `TicketNotFound` for another
        user's ticket.
        """
        self.check_access(by)
        validation = Validation()
        self._check_seen(validation, seen)
        validation.finish()
        return seen == self.message_count and self._set_unread(by.side, unread=False)

    def mark_unread(self, *, by: Actor) -> bool:
        """Set the reader's own unread flag; return whether that changed it.

        Raises `TicketNotFound` for another user's ticket.
        """
        self.check_access(by)
        return self._set_unread(by.side, unread=True)

    def unread_by(self, side: Side) -> bool:
        """Return whether the ticket is unread for this side."""
        return self.user_unread if side is Side.USER else self.admin_unread

    def change_status(self, status: Status, *, by: Actor, at: datetime) -> bool:
        """Change the status, from any to any; return whether that changed it (section 4).

        Raises `NotAllowed` for a user: only admins change the status.
        """
        if by.side is not Side.ADMIN:
            raise NotAllowed
        return self._set_status(status, at=at)

    def auto_close(self, *, quiet_for: timedelta, at: datetime) -> bool:
        """Close a resolved ticket that has been quiet for a period; return whether it did.

        This is the "natural close" of section 4. The period starts at the newest message or at the
        change to resolved, whichever is later.
        """
        if self.status is not Status.RESOLVED or at - self.updated_at < quiet_for:
            return False
        return self._set_status(Status.CLOSED, at=at)

    def check_access(self, actor: Actor) -> None:
        """Raise `TicketNotFound` for another user, the same error as for a missing ticket."""
        if actor.side is Side.USER and actor.user_id != self.user_id:
            raise TicketNotFound

    def _check_seen(self, validation: Validation, seen: int | None) -> None:
        if seen is not None and not 0 <= seen <= self.message_count:
            validation.reject(
                "seen", f"Seen must be from 0 to {self.message_count}, the number of messages."
            )

    def _set_unread(self, side: Side, *, unread: bool) -> bool:
        """Set the side's unread flag; return whether that changed it."""
        changed = self.unread_by(side) is not unread
        if side is Side.USER:
            self.user_unread = unread
        else:
            self.admin_unread = unread
        return changed

    def _add_message(self, text: str, *, by: Actor, at: datetime) -> None:
        self._touch(at)
        assert self.new_message is None  # noqa: S101 - one message per save
        self.new_message = Message(0, self.id, by.side, by.user_id, text, self.updated_at)
        self.message_count += 1
        self.last_message = preview(text)
        self._set_unread(Side.ADMIN if by.side is Side.USER else Side.USER, unread=True)

    def _set_status(self, status: Status, *, at: datetime) -> bool:
        if self.status is status:
            return False
        self.status = status
        self._touch(at)
        return True

    def _touch(self, at: datetime) -> None:
        """Move `updated_at`, never backwards: the clocks of two processes may differ."""
        self.updated_at = max(at, self.updated_at)
