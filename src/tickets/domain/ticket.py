"""The Ticket aggregate: what opens it, who may write in it, what counts as read (sections 3, 4, 7, 9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from tickets.domain.errors import NotAllowed, ThreadGrown, TicketClosed, TicketNotFound
from tickets.domain.text_limits import FIRST_MESSAGE, OTHER_CATEGORY, REPLY, SUBJECT
from tickets.domain.validation import Validation

LARGEST_ID = 2**31 - 1
"""What an id can be at the most: the columns are SERIAL (section 2)."""

PREVIEW_LENGTH = 100
"""Characters of the newest message that a list shows."""


class Category(StrEnum):
    """What a ticket is about (section 3)."""

    SUPPORT = "support"
    BILLING = "billing"
    FEATURE_SUGGESTION = "feature_suggestion"
    OTHER = "other"


class Status(StrEnum):
    """Where a ticket is in its life (section 4)."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Side(StrEnum):
    """The two sides of the conversation (section 7)."""

    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts or looks: one user by id, or the admin team, whose members are not told apart."""

    side: Side
    user_id: int | None

    @classmethod
    def user(cls, user_id: int) -> Self:
        """Return the user with this id."""
        return cls(Side.USER, user_id)

    @classmethod
    def admin(cls) -> Self:
        """Return the admin team."""
        return cls(Side.ADMIN, None)


# not frozen, though nobody changes one: a frozen one takes twice as long to make, and each reply makes two
@dataclass(slots=True)
class Message:
    """One message of a thread; `id` and `ticket_id` are 0 until the store has given them."""

    id: int
    ticket_id: int
    sender_type: Side
    sender_id: int | None
    message: str
    created_at: datetime


@dataclass(slots=True)
class Ticket:
    """A ticket without its thread: the state that decisions need, however long people have talked.

    Methods decide and change the object; nothing is kept until `Tickets.add` or `Tickets.save`
    takes it, with the message that was added, if one was. `version` belongs to the store, which
    compares and raises it.
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
    version: int
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
        """Return a new ticket of a user's with its first message, unread by the admins (section 7, step 1).

        Texts are trimmed. Raises `NotAllowed` for the admin team, which opens none, `InvalidInput`
        with one error per field that breaks section 9.
        """
        if by.user_id is None:
            raise NotAllowed
        form = Validation()
        chosen = form.choice("category", category, Category)
        custom = form.text("other_category", other_category, OTHER_CATEGORY)
        if custom and chosen not in (Category.OTHER, None):
            form.reject("other_category", 'Other category goes only with the category "other".')
        subject = form.text("subject", subject, SUBJECT)
        message = form.text("message", message, FIRST_MESSAGE)
        form.finish()
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
        ticket._write(message, by=by, at=at)
        return ticket

    def reply(self, message: str, *, by: Actor, at: datetime, seen: int | None = None) -> None:
        """Add a message, and make the ticket unread for the other side only (section 7, 3 and 5).

        `seen` is how many messages the writer was shown, where the writer says so. Raises
        `TicketNotFound` for another user's ticket, `TicketClosed` on a closed one, whichever side
        asks (section 4), `InvalidInput` where the text is not 1 to 5000 characters or more was
        seen than there is, `ThreadGrown` where there is more than was seen.
        """
        self.admit(by)
        if self.status is Status.CLOSED:
            raise TicketClosed
        form = Validation()
        message = form.text("message", message, REPLY)
        self._check_seen(form, seen)
        form.finish()
        if seen is not None and seen < self.message_count:
            raise ThreadGrown(self.message_count)
        self._write(message, by=by, at=at)

    def read(self, *, by: Actor) -> bool:
        """Clear the reader's own flag; return whether it was set (section 7, 2 and 4).

        True must be saved with the version that the reader was shown, or a message that came in
        between would be marked read unseen. `updated_at` stays: reading is not news. Raises
        `TicketNotFound` for another user's ticket.
        """
        self.admit(by)
        return self._flag(by.side, unread=False)

    def acknowledge(self, seen: int, *, by: Actor) -> bool:
        """Clear the reader's flag if `seen`, how many messages were shown, is all; return whether it changed.

        Where something newer is there, the flag stays as it is. Raises `InvalidInput` where more
        was seen than there is, `TicketNotFound` for another user's ticket.
        """
        self.admit(by)
        form = Validation()
        self._check_seen(form, seen)
        form.finish()
        return seen == self.message_count and self._flag(by.side, unread=False)

    def mark_unread(self, *, by: Actor) -> bool:
        """Set the reader's own flag, to come back to it later; return whether that changed it.

        Raises `TicketNotFound` for another user's ticket.
        """
        self.admit(by)
        return self._flag(by.side, unread=True)

    def unread_by(self, side: Side) -> bool:
        """Return whether this side has something to read here."""
        return self.user_unread if side is Side.USER else self.admin_unread

    def move(self, status: Status, *, by: Actor, at: datetime) -> bool:
        """Change the status, any to any; return whether that changed anything (section 4).

        Raises `NotAllowed` for a user: only admins move tickets.
        """
        if by.side is not Side.ADMIN:
            raise NotAllowed
        return self._become(status, at=at)

    def close_naturally(self, *, after: timedelta, at: datetime) -> bool:
        """Close a resolved ticket to which nothing has happened for `after`; return whether it did.

        The time counts from the newest message or the change to resolved, whichever is later, so
        that a ticket resolved today is not closed today for having been quiet before (section 4).
        """
        if self.status is not Status.RESOLVED or at - self.updated_at < after:
            return False
        return self._become(Status.CLOSED, at=at)

    def admit(self, actor: Actor) -> None:
        """Raise `TicketNotFound` for a stranger: a foreign ticket looks like one that is not there."""
        if actor.side is Side.USER and actor.user_id != self.user_id:
            raise TicketNotFound

    def _check_seen(self, form: Validation, seen: int | None) -> None:
        if seen is not None and not 0 <= seen <= self.message_count:
            form.reject(
                "seen", f"Seen must be 0 to {self.message_count}, the messages that are there."
            )

    def _flag(self, side: Side, *, unread: bool) -> bool:
        """Set the side's flag; return whether that changed it."""
        changed = self.unread_by(side) is not unread
        if side is Side.USER:
            self.user_unread = unread
        else:
            self.admin_unread = unread
        return changed

    def _write(self, text: str, *, by: Actor, at: datetime) -> None:
        self._touch(at)
        assert self.new_message is None  # noqa: S101 - one decision, one message; then load again
        self.new_message = Message(0, self.id, by.side, by.user_id, text, self.updated_at)
        self.message_count += 1
        self.last_message = preview(text)
        self._flag(Side.ADMIN if by.side is Side.USER else Side.USER, unread=True)

    def _become(self, status: Status, *, at: datetime) -> bool:
        if self.status is status:
            return False
        self.status = status
        self._touch(at)
        return True

    def _touch(self, at: datetime) -> None:
        """Move `updated_at`, never backwards: the clocks of two processes may differ."""
        self.updated_at = max(at, self.updated_at)


def preview(text: str) -> str:
    """Return the first 100 characters, with an ellipsis where that cut something off."""
    return text if len(text) <= PREVIEW_LENGTH else f"{text[:PREVIEW_LENGTH]}…"
