"""The Ticket aggregate: opening, replying, reading, the status lifecycle (sections 3, 4, 7, 9).

Reading is tracked by a flag and a mark per side. The flag says that the ticket is unread. The mark
is the ordinal of the last message of a run without gaps that the side was shown. A clear flag
counts as "everything was shown", wherever the mark is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from tickets.domain.errors import (
    NotAllowed,
    ThreadFull,
    ThreadGrown,
    TicketClosed,
    TicketNotFound,
)
from tickets.domain.message import Message, preview
from tickets.domain.people import Actor, Side
from tickets.domain.status import Category, Status
from tickets.domain.text_limits import FIRST_MESSAGE, OTHER_CATEGORY, REPLY, SUBJECT
from tickets.domain.text_rules import Validation

__all__ = ["MAX_ID", "MAX_MESSAGES", "Category", "Status", "Ticket"]

MAX_ID = 2**31 - 1
"""The highest id: the columns are SERIAL (section 2)."""

MAX_MESSAGES = 10_000
"""Messages that a ticket may hold. After that a reply is refused."""
MAX_ORDINAL = MAX_ID - 1  # a page ends before an ordinal, so there is one above


@dataclass(slots=True)
class Ticket:
    """A ticket without its thread: the state that decisions need, whatever the thread's length.

    Methods decide and change the object. Nothing is stored until `Tickets.add` or `Tickets.save`
    takes it, together with the new message, if there is one. `version` is for optimistic locking:
    the store compares and raises it. For writes of other programs, triggers follow the same rules
    (`sql/migrations/0009_threads.sql`), and `tickets verify` checks the outcome.

    `last_ordinal` is the highest ordinal that a message of this ticket was given. `user_seen` and
    `admin_seen` are the marks of both sides. `waiting_since` is when the oldest customer message
    without an answer came in. `follows` is the id of the closed ticket that this one continues.
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
        follows: int | None = None,
        followed: Ticket | None = None,
    ) -> Self:
        """Return a user's new ticket with its first message, unread by the admins (section 7, 1).

        Texts are normalised. `followed` is the ticket with the id `follows`, None where there is
        none. Raises `NotAllowed` for the admin team, which opens no tickets, and `InvalidInput`
        with one error per field that breaks section 9, and for `follows` where that ticket is not
        closed, missing or another's; the last two are the same error.
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
        if follows is not None:
            if followed is None or followed.user_id != by.user_id:
                validation.reject("follows", "Follows must be the number of a ticket of yours.")
            elif followed.status is not Status.CLOSED:
                validation.reject(
                    "follows", "The ticket that this one follows is not closed: reply to it there."
                )
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
            follows=follows,
        )
        ticket._add_message(message, by=by, at=at)
        ticket.user_seen = ticket.last_ordinal
        return ticket

    def reply(self, message: str, *, by: Actor, at: datetime, seen: int | None = None) -> None:
        """Add a message, and make the ticket unread for the other side only (section 7, 3 and 5).

        A user's reply reopens a resolved ticket. `seen` is the number of messages that the writer
        was shown, where the client sends it; it moves the writer's mark to the end of those.
        Raises `TicketNotFound` for another user's ticket, `TicketClosed` on a closed one, for both
        sides (section 4), `InvalidInput` where the text does not have 1 to 5000 characters or
        `seen` is more than there are, `ThreadGrown` where there are more messages than `seen`,
        `ThreadFull` where there are `MAX_MESSAGES`, or the ordinals have run out.
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
        if self.message_count >= MAX_MESSAGES or self.last_ordinal >= MAX_ORDINAL:
            raise ThreadFull
        if seen is not None:
            self._set_mark(by.side, self.last_ordinal)
        self._add_message(message, by=by, at=at)

    def read(self, *, by: Actor, shown_after: int) -> bool:
        """Clear the reader's own unread flag; return whether it was set (section 7, 2 and 4).

        The reader was shown every message with an ordinal above `shown_after`. Where that does not
        reach back to the mark, something unread may be missing: flag and mark stay.

        Where it returns True, the ticket must be saved with the version that the reader was shown;
        otherwise a message that arrived in between would be marked read unseen. `updated_at` does
        not move. Raises `TicketNotFound` for another user's ticket.
        """
        self.check_access(by)
        return shown_after <= self.mark_of(by.side) and self._mark_read(by.side)

    def acknowledge(self, seen: int, *, by: Actor) -> bool:
        """Clear the reader's unread flag if all messages were seen; return whether it changed.

        `seen` is the number of messages that were shown. Where there are more, flag and mark stay.
        Raises `InvalidInput` where `seen` is more than there are, `TicketNotFound` for another
        user's ticket.
        """
        self.check_access(by)
        validation = Validation()
        self._check_seen(validation, seen)
        validation.finish()
        return seen == self.message_count and self._mark_read(by.side)

    def mark_unread(self, *, by: Actor) -> bool:
        """Set the reader's own flag, not the mark; return whether it changed. Raises as `read`."""
        self.check_access(by)
        return self._set_unread(by.side, unread=True)

    def unread_by(self, side: Side) -> bool:
        """Return whether the ticket is unread for this side."""
        return self.user_unread if side is Side.USER else self.admin_unread

    def mark_of(self, side: Side) -> int:
        """Return the ordinal of the last message of the run that this side was shown."""
        return self.user_seen if side is Side.USER else self.admin_seen

    def change_status(self, status: Status, *, by: Actor, at: datetime) -> bool:
        """Change the status, from any to any; return whether that changed it (section 4).

        Raises `NotAllowed` for a user: only admins change the status.
        """
        if by.side is not Side.ADMIN:
            raise NotAllowed
        return self._set_status(status, at=at)

    def close(self, *, by: Actor, at: datetime) -> bool:
        """Close the user's own ticket, as solved; return whether that changed its status.

        Raises `TicketNotFound` for another user's ticket, `NotAllowed` for the admin team, which
        changes the status instead.
        """
        self.check_access(by)
        if by.side is not Side.USER:
            raise NotAllowed
        return self._set_status(Status.CLOSED, at=at)

    def auto_close(
        self, *, quiet_for: timedelta, at: datetime, taken_over_at: datetime | None
    ) -> bool:
        """Close a resolved ticket that has been quiet for a period; return whether it did.

        This is the "natural close" of section 4. The period starts at the newest message or at the
        change to resolved, whichever is later. A ticket whose customer waits for an answer stays.
        One that nobody has touched since the take-over keeps its `updated_at`: its place in lists.
        """
        if (
            self.status is not Status.RESOLVED
            or self.waiting_since is not None
            or at - self.updated_at < quiet_for
        ):
            return False
        untouched = taken_over_at is not None and self.updated_at < taken_over_at
        return self._set_status(Status.CLOSED, at=self.updated_at if untouched else at)

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

    def _mark_read(self, side: Side) -> bool:
        """Clear the side's flag and move its mark to the end; do nothing if the flag is clear."""
        if not self._set_unread(side, unread=False):
            return False
        self._set_mark(side, self.last_ordinal)
        return True

    def _set_mark(self, side: Side, ordinal: int) -> None:
        if side is Side.USER:
            self.user_seen = ordinal
        else:
            self.admin_seen = ordinal

    def _add_message(self, text: str, *, by: Actor, at: datetime) -> None:
        self._touch(at)
        assert self.new_message is None  # noqa: S101 - one message per save
        receiver = Side.ADMIN if by.side is Side.USER else Side.USER
        if self._set_unread(receiver, unread=True):
            # The receiver has seen everything so far. Else its own messages would stay above its
            # mark, and after many of them no page would reach back to it.
            self._set_mark(receiver, self.last_ordinal)
        self.last_ordinal += 1
        self.new_message = Message(
            0, self.id, by.side, by.user_id, text, self.updated_at, self.last_ordinal
        )
        self.message_count += 1
        self.last_message = preview(text)
        if by.side is Side.ADMIN:
            self.waiting_since = None
            return
        if self.status is Status.RESOLVED:
            self.status = Status.OPEN
        if self.waiting_since is None:
            self.waiting_since = self.updated_at

    def _set_status(self, status: Status, *, at: datetime) -> bool:
        if self.status is status:
            return False
        self.status = status
        if status in (Status.RESOLVED, Status.CLOSED):
            self.waiting_since = None
        self._touch(at)
        return True

    def _touch(self, at: datetime) -> None:
        """Move `updated_at`, never backwards: the clocks of two processes may differ."""
        self.updated_at = max(at, self.updated_at)
