"""What a ticket is promised to do, said once more in as few words as possible, to be compared with what it does."""

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
class Open:
    """Show the thread, and count it as read."""

    by: Side


@dataclass(frozen=True)
class Peek:
    """Show the thread, and leave it unread."""

    by: Side


@dataclass(frozen=True)
class Acknowledge:
    """Count as read what was shown; None is all that the last peek of the same side has shown."""

    by: Side
    seen: int | None = None


@dataclass(frozen=True)
class MarkUnread:
    """Come back to it later."""

    by: Side


@dataclass(frozen=True)
class Reply:
    """Write a message."""

    by: Side
    text: str


@dataclass(frozen=True)
class Move:
    """Change the status."""

    to: Status


Command: TypeAlias = Open | Peek | Acknowledge | MarkUnread | Reply | Move

Outcome: TypeAlias = tuple[str, ...] | bool | str
"""The texts that were shown, whether it is unread now, or what became of it in a word."""


def other(side: Side) -> Side:
    """Return the side that a message is for."""
    return Side.ADMIN if side is Side.USER else Side.USER


@dataclass
class Model:
    """A ticket with nothing in it that a promise does not speak of."""

    status: Status = Status.OPEN
    unread: dict[Side, bool] = field(default_factory=lambda: {Side.USER: False, Side.ADMIN: True})
    thread: list[tuple[Side, str]] = field(default_factory=list)

    def copy(self) -> Model:
        return Model(self.status, dict(self.unread), list(self.thread))

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(text for _, text in self.thread)

    def apply(self, command: Command) -> Outcome:  # noqa: PLR0911 - one answer for each command
        """Do what the command says, at once, with nobody else there."""
        match command:
            case Open(by):
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
            case Move(to):
                self.status = to
                return to.value


@dataclass(frozen=True)
class Shown:
    """A ticket as it is kept, in the model's words, and what is kept beside it for the lists."""

    model: Model
    message_count: int
    last_message: str

    @classmethod
    def of(cls, detail: TicketDetail) -> Shown:
        ticket = detail.ticket
        model = Model(
            ticket.status,
            {Side.USER: ticket.user_unread, Side.ADMIN: ticket.admin_unread},
            [(message.sender_type, message.message) for message in detail.messages],
        )
        return cls(model, ticket.message_count, ticket.last_message)

    def faults(self, expected: Model) -> Iterable[str]:
        """Yield what is not as the model has it, or does not fit together."""
        if self.model != expected:
            yield f"kept is {self.model}, and not {expected}"
        if self.message_count != len(self.model.thread):
            yield f"{self.message_count} messages are counted, {len(self.model.thread)} are there"
        if self.model.thread and self.last_message != self.model.texts[-1]:
            yield f"the last message is said to be {self.last_message}"


async def perform(  # noqa: PLR0911 - one answer for each command
    service: TicketService, ticket_id: int, user_id: int, command: Command
) -> Outcome:
    """Let the desk do what the command says; return what came of it in the model's words."""
    actors = {Side.USER: Actor.user(user_id), Side.ADMIN: Actor.admin()}
    try:
        match command:
            case Open(by):
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
            case Move(to):
                return (await service.change_status(ticket_id, to, by=Actor.admin())).value
    except TicketClosed:
        return "closed"
    except InvalidInput:
        return "invalid"


def _texts(detail: TicketDetail) -> tuple[str, ...]:
    return tuple(message.message for message in detail.messages)


@dataclass
class Promise:
    """A message from the other side stays unread until it was in a response to that reader."""

    shown: dict[Side, set[str]] = field(
        default_factory=lambda: {Side.USER: set(), Side.ADMIN: set()}
    )

    def note(self, command: Command, outcome: Outcome) -> None:
        """Remember what a response has shown."""
        if isinstance(command, Open | Peek):
            assert isinstance(outcome, tuple)
            self.shown[command.by].update(outcome)

    def broken_by(self, stored: Model) -> Iterable[str]:
        """Yield each message that counts as read and was never shown."""
        for side, text in stored.thread:
            if not stored.unread[other(side)] and text not in self.shown[other(side)]:
                yield f"{text!r} was marked read by the {other(side)} side without having been shown"


def serial_order(
    before: Model, commands: Sequence[Command], outcomes: Sequence[Outcome], after: Model
) -> Sequence[int] | None:
    """Return an order in which the commands, one at a time, come to the same; None where there is none."""
    for order in itertools.permutations(range(len(commands))):
        model = before.copy()
        if (
            all(model.apply(commands[index]) == outcomes[index] for index in order)
            and model == after
        ):
            return order
    return None
