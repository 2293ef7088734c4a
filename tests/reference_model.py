"""Reference model of one ticket: the rules without versions, statements or caches.

Tests compare it with the memory adapter and with PostgreSQL, also under concurrency.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.world import messages_of, texts_of
from tickets.application.tickets import TicketService
from tickets.domain.errors import InvalidInput, TicketClosed
from tickets.domain.people import Actor, Side
from tickets.domain.read_models import TicketDetail
from tickets.domain.ticket import Status


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
    """Add a message, which sets the other side's flag, and may reopen the ticket."""

    by: Side
    text: str


@dataclass(frozen=True)
class ChangeStatus:
    """Change the status, as an admin."""

    to: Status


@dataclass(frozen=True)
class Close:
    """Close the ticket, as its user."""


Command: TypeAlias = Read | Peek | Acknowledge | MarkUnread | Reply | ChangeStatus | Close

Outcome: TypeAlias = tuple[str, ...] | bool | str
"""The texts that were shown, whether the ticket is unread now, or the outcome in one word."""


def other(side: Side) -> Side:
    """Return the side that receives this side's messages."""
    return Side.ADMIN if side is Side.USER else Side.USER


@dataclass
class Model:
    """A ticket as the rules see it: its status, unread flags, marks, thread, and who waits."""

    status: Status = Status.OPEN
    unread: dict[Side, bool] = field(default_factory=lambda: {Side.USER: False, Side.ADMIN: True})
    thread: list[tuple[Side, str]] = field(default_factory=list)
    marks: dict[Side, int] = field(default_factory=lambda: {Side.USER: 1, Side.ADMIN: 0})
    """How many messages from the start of the thread each side was shown, by what is stored."""
    waiting: bool = True

    def copy(self) -> Model:
        return Model(
            self.status, dict(self.unread), list(self.thread), dict(self.marks), self.waiting
        )

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

    def reply(self, by: Side, text: str) -> Outcome:
        if self.status is Status.CLOSED:
            return "closed"
        if not self.unread[other(by)]:
            self.marks[other(by)] = len(self.thread)
        self.thread.append((by, text))
        self.unread[other(by)] = True
        self.waiting = by is Side.USER
        if by is Side.USER and self.status is Status.RESOLVED:
            self.status = Status.OPEN
        return "stored"

    def set_status(self, status: Status) -> None:
        if status is not self.status and status in (Status.RESOLVED, Status.CLOSED):
            self.waiting = False
        self.status = status

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(text for _, text in self.thread)

    def apply(self, command: Command) -> Outcome:  # noqa: PLR0911 - one return for each command
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
            case Reply(by, text):
                return self.reply(by, text)
            case ChangeStatus(to):
                self.set_status(to)
                return to.value
            case Close():
                self.set_status(Status.CLOSED)
                return "closed"


@dataclass(frozen=True)
class StoredTicket:
    """A stored ticket as a model, with the derived columns that lists show."""

    model: Model
    message_count: int
    last_message: str
    last_ordinal: int
    ordinals: list[int]

    @classmethod
    def of(cls, detail: TicketDetail) -> StoredTicket:
        ticket, messages = detail.ticket, messages_of(detail)
        model = Model(
            ticket.status,
            {Side.USER: ticket.user_unread, Side.ADMIN: ticket.admin_unread},
            [(message.sender_type, message.message) for message in messages],
            {Side.USER: ticket.user_seen, Side.ADMIN: ticket.admin_seen},
            ticket.waiting_since is not None,
        )
        ordinals = [message.ordinal for message in messages]
        return cls(model, ticket.message_count, ticket.last_message, ticket.last_ordinal, ordinals)

    def deviations(self, expected: Model) -> Iterable[str]:
        """Yield where it differs from the model, and where a derived column is wrong."""
        if self.model != expected:
            yield f"stored is {self.model}, expected {expected}"
        if self.message_count != len(self.model.thread):
            yield f"message_count is {self.message_count} of {len(self.model.thread)}"
        if self.model.thread and self.last_message != self.model.texts[-1]:
            yield f"last_message is {self.last_message}"
        if self.ordinals != list(range(1, self.last_ordinal + 1)):
            yield f"ordinals are {self.ordinals}, the last one {self.last_ordinal}"


async def perform(  # noqa: PLR0911 - one return for each command
    service: TicketService, ticket_id: int, user_id: int, command: Command
) -> Outcome:
    """Run the use case of the command; return its outcome as the model would."""
    actors = {Side.USER: Actor.user(user_id), Side.ADMIN: Actor.team()}
    try:
        match command:
            case Read(by, limit):
                return tuple(texts_of(await service.read(ticket_id, by=actors[by], limit=limit)))
            case Peek(by, limit):
                return tuple(texts_of(await service.peek(ticket_id, by=actors[by], limit=limit)))
            case Acknowledge(by, seen):
                assert seen is not None
                return await service.acknowledge(ticket_id, seen, by=actors[by])
            case MarkUnread(by):
                return await service.mark_unread(ticket_id, by=actors[by])
            case Reply(by, text):
                await service.reply(ticket_id, text, by=actors[by])
                return "stored"
            case ChangeStatus(to):
                return (await service.change_status(ticket_id, to, by=Actor.team())).value
            case Close():
                return (await service.close(ticket_id, by=actors[Side.USER])).value
    except TicketClosed:
        return "closed"
    except InvalidInput:
        return "invalid"


@dataclass
class UnreadPromise:
    """A message from the other side stays unread until it was in a response to that reader.

    Unread means that the flag is set, and that the message is above the reader's mark.
    """

    shown: dict[Side, set[str]] = field(
        default_factory=lambda: {Side.USER: set(), Side.ADMIN: set()}
    )

    def record(self, command: Command, outcome: Outcome) -> None:
        """Record the messages that a response has shown."""
        if isinstance(command, Read | Peek):
            assert isinstance(outcome, tuple)
            self.shown[command.by].update(outcome)

    def violations(self, stored: Model) -> Iterable[str]:
        """Yield each message that was marked read and never shown."""
        for ordinal, (side, text) in enumerate(stored.thread, 1):
            reader = other(side)
            if text in self.shown[reader]:
                continue
            if not stored.unread[reader]:
                yield f"{text!r} was marked read for the {reader} side and not shown"
            if ordinal <= stored.marks[reader]:
                yield f"{text!r} was marked read by the {reader} side's mark and not shown"


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
