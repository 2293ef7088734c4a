"""Reference model of one ticket: the rules without versions, statements or caches.

Tests compare it with the memory adapter and with PostgreSQL, also under concurrency. See
`reference_runner.py` for how its commands are run there.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tickets.domain.people import Side
from tickets.domain.ticket import Status

ADMINS = ("Nadia", "Omar")
"""The names of the named admins."""


@dataclass(frozen=True)
class Read:
    """Show the newest `limit` messages, and clear the reader's unread flag if that is enough."""

    by: Side
    limit: int = 200


@dataclass(frozen=True)
class Peek:
    """Show the newest `limit` messages, and leave the flag as it is."""

    by: Side
    limit: int = 200


@dataclass(frozen=True)
class Acknowledge:
    """Clear the flag if `seen` messages are all; None means those of the last peek of this side."""

    by: Side
    seen: int | None = None


@dataclass(frozen=True)
class MarkUnread:
    """Set the reader's own unread flag."""

    by: Side


@dataclass(frozen=True)
class Reply:
    """Add a message, which sets the other side's flag, and may reopen the ticket.

    `admin` is the name of the admin who writes; `status` is what the reply changes the status to.
    """

    by: Side
    text: str
    admin: str | None = None
    status: Status | None = None


@dataclass(frozen=True)
class ChangeStatus:
    """Change the status, as an admin, if it is still `was`."""

    to: Status
    was: Status | None = None


@dataclass(frozen=True)
class Close:
    """Close the ticket, as its user."""


ANYBODY = "anybody"
"""As `was`: whoever is assigned."""


@dataclass(frozen=True)
class Assign:
    """Make an admin responsible, None for nobody, if the assignee is still `was`."""

    by: str | None
    to: str | None
    was: str | None = ANYBODY


@dataclass(frozen=True)
class SetPriority:
    """Change the priority, as an admin, if it is still `was`."""

    to: str
    was: str | None = None
    by: str | None = None


@dataclass(frozen=True)
class MarkHandled:
    """End the wait if `seen` messages are all; None means those of the admin's last peek."""

    by: str | None = None
    seen: int | None = None


@dataclass(frozen=True)
class AddNote:
    """Write an internal note."""

    text: str
    by: str | None = None


Command: TypeAlias = (
    Read
    | Peek
    | Acknowledge
    | MarkUnread
    | Reply
    | ChangeStatus
    | Close
    | Assign
    | SetPriority
    | MarkHandled
    | AddNote
)

Outcome: TypeAlias = tuple[str, ...] | bool | str
"""The texts that were shown, whether the ticket is unread now, or the outcome in one word."""

Event: TypeAlias = tuple[str, str, str | None, str | None, str | None]
"""The kind, the side, the admin's name, and the values before and after."""


def other(side: Side) -> Side:
    """Return the side that receives this side's messages."""
    return Side.ADMIN if side is Side.USER else Side.USER


@dataclass
class Model:
    """A ticket as the rules see it: what is stored of it, its thread, history and notes."""

    status: Status = Status.OPEN
    unread: dict[Side, bool] = field(default_factory=lambda: dict.fromkeys(Side, False))
    thread: list[tuple[Side, str]] = field(default_factory=list)
    marks: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(Side, 0))
    """How many messages from the start of the thread each side was shown, by what is stored."""
    waiting: bool = False
    assignee: str | None = None
    priority: str = "normal"
    opened_by: Side = Side.USER
    last_sender: Side = Side.USER
    first_replied: bool = False
    resolved: bool = False
    """Whether it has a time of resolution."""
    events: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def opened(cls, by: Side, text: str, admin: str | None = None) -> Model:
        """Return a new ticket, which an admin opens on behalf of its user."""
        model = cls(opened_by=by)
        model.record("created", by, admin)
        model.add_message(by, text, admin)
        model.marks[by] = 1
        return model

    def copy(self) -> Model:
        return copy.deepcopy(self)

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(text for _, text in self.thread)

    def record(
        self,
        kind: str,
        by: Side,
        name: str | None = None,
        before: str | None = None,
        after: str | None = None,
    ) -> None:
        self.events.append((kind, by.value, name, before, after))

    def shown(self, limit: int) -> tuple[str, ...]:
        return self.texts[-limit:]

    def read(self, by: Side) -> None:
        if self.unread[by]:
            self.unread[by], self.marks[by] = False, len(self.thread)

    def acknowledge(self, by: Side, seen: int) -> Outcome:
        if seen > len(self.thread):
            return "invalid"
        if seen == len(self.thread):
            self.read(by)
        return self.unread[by]

    def add_message(self, by: Side, text: str, admin: str | None) -> None:
        if not self.unread[other(by)]:
            self.marks[other(by)] = len(self.thread)
        self.thread.append((by, text))
        self.unread[other(by)] = True
        self.last_sender = by
        self.record("message", by, admin)
        if by is Side.USER:
            if self.status is Status.RESOLVED:
                self.set_status(Status.OPEN, by)
            self.set_waiting(waiting=True, by=by)
            return
        self.first_replied |= self.waiting and self.opened_by is Side.USER
        self.set_waiting(waiting=False, by=by, admin=admin)
        if admin is not None and self.assignee is None:
            self.set_assignee(admin, admin)

    def reply(self, command: Reply) -> Outcome:
        if self.status is Status.CLOSED:
            return "closed"
        self.add_message(command.by, command.text, command.admin)
        if command.status is not None:
            self.set_status(command.status, command.by, command.admin)
        return "stored"

    def set_status(self, status: Status, by: Side, admin: str | None = None) -> None:
        before = self.status
        if status is before:
            return
        self.status = status
        self.record("status", by, admin, before.value, status.value)
        is_done = status in (Status.RESOLVED, Status.CLOSED)
        self.resolved = is_done
        if is_done:
            self.set_waiting(waiting=False, by=by, admin=admin)

    def set_waiting(self, *, waiting: bool, by: Side, admin: str | None = None) -> None:
        if waiting is not self.waiting:
            self.waiting = waiting
            self.record("waiting", by, admin, after="began" if waiting else "ended")

    def set_assignee(self, to: str | None, admin: str | None) -> None:
        if to != self.assignee:
            self.record("assignee", Side.ADMIN, admin, self.assignee, to)
            self.assignee = to

    def assign(self, command: Assign) -> Outcome:
        if command.was not in (ANYBODY, self.assignee):
            return f"is {self.assignee}"
        self.set_assignee(command.to, command.by)
        return f"assigned {command.to}"

    def set_priority(self, command: SetPriority) -> Outcome:
        if command.was not in (None, self.priority):
            return f"is {self.priority}"
        if command.to != self.priority:
            self.record("priority", Side.ADMIN, command.by, self.priority, command.to)
            self.priority = command.to
        return command.to

    def mark_handled(self, command: MarkHandled) -> Outcome:
        assert command.seen is not None
        if command.seen > len(self.thread):
            return "invalid"
        if command.seen < len(self.thread):
            return "grown"
        if self.waiting:
            self.record("handled", Side.ADMIN, command.by)
            self.set_waiting(waiting=False, by=Side.ADMIN, admin=command.by)
        return "handled"

    def apply(self, command: Command) -> Outcome:  # noqa: C901, PLR0911, PLR0912 - one each
        """Carry out the command, alone; return its outcome."""
        match command:
            case Read(by, limit):
                if len(self.thread) - limit <= self.marks[by]:
                    self.read(by)
                return self.shown(limit)
            case Peek(_, limit):
                return self.shown(limit)
            case Acknowledge(by, seen):
                assert seen is not None
                return self.acknowledge(by, seen)
            case MarkUnread(by):
                self.unread[by] = True
                return True
            case Reply():
                return self.reply(command)
            case ChangeStatus(to, was):
                if was not in (None, self.status):
                    return f"is {self.status}"
                self.set_status(to, Side.ADMIN)
                return to.value
            case Close():
                self.set_status(Status.CLOSED, Side.USER)
                return "closed"
            case Assign():
                return self.assign(command)
            case SetPriority():
                return self.set_priority(command)
            case MarkHandled():
                return self.mark_handled(command)
            case AddNote(text):
                self.notes.append(text)
                return "noted"


def serial_order(
    before: Model, commands: Sequence[Command], outcomes: Sequence[Outcome], after: Model
) -> Sequence[int] | None:
    """Return a serial order with these outcomes; None where there is none."""
    for order in itertools.permutations(range(len(commands))):
        model = before.copy()
        if (
            all(model.apply(commands[index]) == outcomes[index] for index in order)
            and model == after
        ):
            return order
    return None
