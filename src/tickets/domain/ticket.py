"""The Ticket aggregate: opening and replying; the classes above it decide the rest (section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from tickets.domain.assignment import Assignment
from tickets.domain.errors import NotAllowed, ThreadFull, ThreadGrown, TicketClosed
from tickets.domain.event import Event, EventKind
from tickets.domain.message import Message, preview
from tickets.domain.new_ticket import NewTicket
from tickets.domain.people import Actor, Side
from tickets.domain.status import Category, Priority, Status
from tickets.domain.text_limits import REPLY
from tickets.domain.text_rules import Validation

__all__ = ["MAX_ID", "MAX_MESSAGES", "Category", "Priority", "Status", "Ticket"]

MAX_ID = 2**31 - 1
"""The highest id: the columns are SERIAL (section 2)."""

MAX_MESSAGES = 10_000
"""Messages that a ticket may hold. After that a reply is refused."""
MAX_ORDINAL = MAX_ID - 1  # a page ends before an ordinal, so there is one above


@dataclass(slots=True)
class Ticket(Assignment):
    """A ticket, which decides on every change; `TicketState` has its fields.

    Methods decide and change the object. Nothing is stored until `Tickets.add` or `Tickets.save`
    takes it, together with the new message and the new events.
    """

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
        new = NewTicket.validated(
            validation,
            category=category,
            other_category=other_category,
            subject=subject,
            message=message,
        )
        if follows is not None:
            if followed is None or followed.user_id != by.user_id:
                validation.reject(
                    "follows", "Follows must be the id of one of your closed tickets."
                )
            elif followed.status is not Status.CLOSED:
                validation.reject(
                    "follows", f"Ticket {follows} is not closed: reply to it, or close it first."
                )
        validation.finish()
        ticket = cls._opened(new, user_id=by.user_id, by=by, at=at)
        if follows is not None:
            ticket.follows = follows
            # an event of the followed ticket, so it is not among those that this one counts
            ticket.new_events += (Event(EventKind.FOLLOW_UP, at, by),)
        return ticket

    @classmethod
    def open_on_behalf(
        cls,
        *,
        by: Actor,
        user_id: int | None,
        email: str | None,
        found: Sequence[int],
        category: str,
        other_category: str | None,
        subject: str,
        message: str,
        at: datetime,
    ) -> Self:
        """Return a customer's new ticket with an admin's first message (DESK, On behalf).

        It is unread by the user, and nobody waits. The customer is named by `user_id` or `email`;
        `found` has the ids of users who are named so. Raises `NotAllowed` for a user, and
        `InvalidInput` as `open` does, and where the customer is unknown, ambiguous or named twice.
        """
        if by.side is not Side.ADMIN:
            raise NotAllowed
        validation = Validation()
        if (user_id is None) is (email is None):
            validation.reject("user_id", "Name the customer by either user_id or email.")
        elif not found:
            field = "user_id" if email is None else "email"
            validation.reject(field, "There is no such customer.")
        elif len(found) > 1:
            validation.reject(
                "email", "Several customers have this address. Name the one you mean by user_id."
            )
        new = NewTicket.validated(
            validation,
            category=category,
            other_category=other_category,
            subject=subject,
            message=message,
        )
        validation.finish()
        return cls._opened(new, user_id=found[0], by=by, at=at)

    @classmethod
    def _opened(cls, new: NewTicket, *, user_id: int, by: Actor, at: datetime) -> Self:
        """Return an open ticket of this user, whose first message its opener has seen."""
        assert new.category is not None  # noqa: S101 - it has been validated
        ticket = cls(
            id=0,
            user_id=user_id,
            category=new.category,
            other_category=new.other_category,
            subject=new.subject,
            status=Status.OPEN,
            priority=Priority.NORMAL.value,
            user_unread=False,
            admin_unread=False,
            message_count=0,
            last_message="",
            created_at=at,
            updated_at=at,
            opened_by=by.side,
        )
        ticket._record(EventKind.CREATED, by=by, at=at)
        ticket._add_message(new.message, by=by, at=at)
        ticket._set_mark(by.side, ticket.last_ordinal)
        return ticket

    def reply(
        self,
        message: str,
        *,
        by: Actor,
        at: datetime,
        seen: int | None = None,
        status: Status | None = None,
    ) -> None:
        """Add a message, and make the ticket unread for the other side only (section 7, 3 and 5).

        A user's reply reopens a resolved ticket. The first named admin who replies to a ticket
        without an assignee becomes its assignee. `status` is the one that the ticket is to have
        after an admin's reply. `seen` is the number of messages that the writer was shown, where
        the client sends it; it moves the writer's mark to the end of those.

        Raises `TicketNotFound` for another user's ticket, `NotAllowed` for a user with a status,
        `TicketClosed` on a closed one, for both sides (section 4), `InvalidInput` where the text
        does not have 1 to 5000 characters or `seen` is more than there are, `ThreadGrown` where
        there are more messages than `seen`, `ThreadFull` where there are `MAX_MESSAGES`, or the
        ordinals have run out.
        """
        self.check_access(by)
        if status is not None:
            self._check_is_admin(by)
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
        if status is not None:
            self._set_status(status, by=by, at=at)

    def _add_message(self, text: str, *, by: Actor, at: datetime) -> None:
        """Add a message, with what follows from it: flags, marks, who waits, who answers."""
        self._touch(at)
        assert self.new_message is None  # noqa: S101 - one message per save
        receiver = Side.ADMIN if by.side is Side.USER else Side.USER
        if self._set_unread(receiver, unread=True):
            # The receiver has seen everything so far. Else its own messages would stay above its
            # mark, and after many of them no page would reach back to it.
            self._set_mark(receiver, self.last_ordinal)
        self.last_ordinal += 1
        name = None if by.admin is None else by.admin.name
        at = self.updated_at
        self.new_message = Message(
            0, self.id, by.side, by.user_id, text, at, self.last_ordinal, name
        )
        self.message_count += 1
        self.last_message = preview(text)
        self.last_sender = by.side
        self._record(EventKind.MESSAGE, by=by, at=at)
        if by.side is Side.USER:
            if self.status is Status.RESOLVED:
                self._set_status(Status.OPEN, by=by, at=at)
            self._set_waiting(waiting=True, by=by, at=at)
            return
        if self.waiting_since is not None and self.opened_by is Side.USER:
            self.first_replied_at = self.first_replied_at or at
        self._set_waiting(waiting=False, by=by, at=at)
        if by.admin is not None and self.assignee is None:
            self._set_assignee(by.admin, by=by, at=at)
