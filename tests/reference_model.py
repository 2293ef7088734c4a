"""Reference model of one ticket: the rules without versions, statements or caches.

Tests compare it with the memory adapter and with PostgreSQL, also under concurrency.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tickets.application.tickets import TicketService
from tickets.domain.errors import InvalidInput, TicketClosed
from tickets.domain.people import Actor, Side
from tickets.domain.read_models import TicketDetail
from tickets.domain.ticket import Status


@dataclass(frozen=True)
class Read:
    """Show the thread, and clear the reader's unread flag."""

    by: Side


@dataclass(frozen=True)
class Peek:
    """Show the thread, and leave the flag as it is."""

    by: Side


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
    """Add a message, which sets the other side's flag."""

    by: Side
    text: str


@dataclass(frozen=True)
class ChangeStatus:
    """Change the status, as an admin."""

    to: Status


Command: TypeAlias = Read | Peek | Acknowledge | MarkUnread | Reply | ChangeStatus

Outcome: TypeAlias = tuple[str, ...] | bool | str
"""The texts that were shown, whether the ticket is unread now, or the outcome in one word."""


def other(side: Side) -> Side:
    """Return the side that receives this side's messages."""
    return Side.ADMIN if side is Side.USER else Side.USER


@dataclass
class Model:
    """A ticket as the rules see it: its status, its unread flags and its thread."""

    status: Status = Status.OPEN
    unread: dict[Side, bool] = field(default_factory=lambda: {Side.USER: False, Side.ADMIN: True})
    thread: list[tuple[Side, str]] = field(default_factory=list)

    def copy(self) -> Model:
        return Model(self.status, dict(self.unread), list(self.thread))

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(text for _, text in self.thread)

    def apply(self, command: Command) -> Outcome:  # noqa: PLR0911 - one return for each command
        """Carry out the command, alone; return its outcome."""
        match command:
            case Read(by):
                self.unread[by] = False
                return self.texts
            case Peek():
                return self.texts
            case Acknowledge(by, seen):
                assert seen is not None
                if seen > len(self.thread):
                    return "invalid"
                if seen == len(self.thread):
                    self.unread[by] = False
                return self.unread[by]
            case MarkUnread(by):
                self.unread[by] = True
                return True
            case Reply(by, text):
                if self.status is Status.CLOSED:
                    return "closed"
                self.thread.append((by, text))
                self.unread[other(by)] = True
                return "stored"
            case ChangeStatus(to):
                self.status = to
                return to.value


@dataclass(frozen=True)
class StoredTicket:
    """A stored ticket as a model, with the derived columns that lists show."""

    model: Model
    message_count: int
    last_message: str

    @classmethod
    def of(cls, detail: TicketDetail) -> StoredTicket:
        ticket = detail.ticket
        model = Model(
            ticket.status,
            {Side.USER: ticket.user_unread, Side.ADMIN: ticket.admin_unread},
            [(message.sender_type, message.message) for message in detail.messages],
        )
        return cls(model, ticket.message_count, ticket.last_message)

    def deviations(self, expected: Model) -> Iterable[str]:
        """Yield where it differs from the model, and where a derived column is wrong."""
        if self.model != expected:
            yield f"stored is {self.model}, expected {expected}"
        if self.message_count != len(self.model.thread):
            yield f"message_count is {self.message_count} of {len(self.model.thread)}"
        if self.model.thread and self.last_message != self.model.texts[-1]:
            yield f"last_message is {self.last_message}"


async def perform(  # noqa: PLR0911 - one return for each command
    service: TicketService, ticket_id: int, user_id: int, command: Command
) -> Outcome:
    """Run the use case of the command; return its outcome as the model would."""
    actors = {Side.USER: Actor.user(user_id), Side.ADMIN: Actor.admin()}
    try:
        match command:
            case Read(by):
                return _texts(await service.read(ticket_id, by=actors[by]))
            case Peek(by):
                return _texts(await service.peek(ticket_id, by=actors[by]))
            case Acknowledge(by, seen):
                assert seen is not None
                return await service.acknowledge(ticket_id, seen, by=actors[by])
            case MarkUnread(by):
                return await service.mark_unread(ticket_id, by=actors[by])
            case Reply(by, text):
                await service.reply(ticket_id, text, by=actors[by])
                return "stored"
            case ChangeStatus(to):
                return (await service.change_status(ticket_id, to, by=Actor.admin())).value
    except TicketClosed:
        return "closed"
    except InvalidInput:
        return "invalid"


def _texts(detail: TicketDetail) -> tuple[str, ...]:
    return tuple(message.message for message in detail.messages)


@dataclass
class UnreadPromise:
    """A message from the other side stays unread until it was in a response to that reader."""

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
        for side, text in stored.thread:
            if not stored.unread[other(side)] and text not in self.shown[other(side)]:
                yield f"{text!r} was marked read for the {other(side)} side and not shown"


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
