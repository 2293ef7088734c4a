"""Runs the commands of the reference model on the use cases, and compares what is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from tests.reference_model import (
    ADMINS,
    ANYBODY,
    Acknowledge,
    AddNote,
    Assign,
    ChangeStatus,
    Close,
    Command,
    MarkHandled,
    MarkUnread,
    Model,
    Outcome,
    Peek,
    Read,
    Reply,
    SetPriority,
    other,
)
from tests.world import StoredEvent, World, messages_of, texts_of
from tickets.application.notes import NoteService
from tickets.application.tickets import TicketService
from tickets.domain.assignment import ShownAssignee
from tickets.domain.errors import InvalidInput, ThreadGrown, TicketClosed, ValueChanged
from tickets.domain.note import Note
from tickets.domain.people import Actor, NamedAdmin, Side
from tickets.domain.read_models import TicketDetail


@dataclass(frozen=True)
class People:
    """The user whose ticket it is, and the named admins by name, with the ids of one world."""

    user_id: int
    admins: Mapping[str, NamedAdmin]

    @classmethod
    async def of(cls, world: World) -> Self:
        """Return new people of this world."""
        return cls(await world.user(), {name: await world.admin(name) for name in ADMINS})

    def actor(self, side: Side, admin: str | None = None) -> Actor:
        """Return the user, a named admin, or the team, which has no name."""
        if side is Side.USER:
            return Actor.user(self.user_id)
        return Actor.team() if admin is None else Actor.named(self.admins[admin])

    def shown_assignee(self, was: str | None) -> ShownAssignee | None:
        if was == ANYBODY:
            return None
        return ShownAssignee(None if was is None else self.admins[was].id)


@dataclass(frozen=True)
class UseCases:
    """The use cases on one ticket of these people."""

    service: TicketService
    notes: NoteService
    people: People
    ticket_id: int

    async def perform(self, command: Command) -> Outcome:
        """Run the use case of the command; return its outcome as the model would."""
        try:
            return await self._perform(command)
        except TicketClosed:
            return "closed"
        except InvalidInput:
            return "invalid"
        except ThreadGrown:
            return "grown"
        except ValueChanged as error:
            present = error.present
            return f"is {present.name if isinstance(present, NamedAdmin) else present}"

    async def _perform(self, command: Command) -> Outcome:  # noqa: C901, PLR0911 - one each
        service, ticket_id, actor = self.service, self.ticket_id, self.people.actor
        team = Actor.team()
        match command:
            case Read(by, limit):
                return tuple(texts_of(await service.read(ticket_id, by=actor(by), limit=limit)))
            case Peek(by, limit):
                return tuple(texts_of(await service.peek(ticket_id, by=actor(by), limit=limit)))
            case Acknowledge(by, seen):
                assert seen is not None
                return await service.acknowledge(ticket_id, seen, by=actor(by))
            case MarkUnread(by):
                return await service.mark_unread(ticket_id, by=actor(by))
            case Reply(by, text, name, status):
                await service.reply(ticket_id, text, by=actor(by, name), status=status)
                return "stored"
            case ChangeStatus(to, was):
                return (await service.change_status(ticket_id, to, by=team, was=was)).value
            case Close():
                return (await service.close(ticket_id, by=actor(Side.USER))).value
            case Assign(name, to, was):
                assigned = await service.assign(
                    ticket_id,
                    None if to is None else self.people.admins[to].id,
                    by=actor(Side.ADMIN, name),
                    was=self.people.shown_assignee(was),
                )
                return f"assigned {assigned.assignee and assigned.assignee.name}"
            case SetPriority(to, was, name):
                admin = actor(Side.ADMIN, name)
                return (await service.set_priority(ticket_id, to, by=admin, was=was)).value
            case MarkHandled(name, seen):
                assert seen is not None
                await service.mark_handled(ticket_id, seen, by=actor(Side.ADMIN, name))
                return "handled"
            case AddNote(text, name):
                await self.notes.add(ticket_id, text, by=actor(Side.ADMIN, name))
                return "noted"


@dataclass(frozen=True)
class StoredTicket:
    """A stored ticket as a model, with the derived columns that lists show."""

    model: Model
    message_count: int
    last_message: str
    last_ordinal: int
    ordinals: list[int]
    events_recorded: int

    @classmethod
    def of(
        cls, detail: TicketDetail, events: Sequence[StoredEvent], notes: Sequence[Note]
    ) -> StoredTicket:
        ticket, messages = detail.ticket, messages_of(detail)
        model = Model(
            status=ticket.status,
            unread={Side.USER: ticket.user_unread, Side.ADMIN: ticket.admin_unread},
            thread=[(message.sender_type, message.message) for message in messages],
            marks={Side.USER: ticket.user_seen, Side.ADMIN: ticket.admin_seen},
            waiting=ticket.waiting_since is not None,
            assignee=None if ticket.assignee is None else ticket.assignee.name,
            priority=ticket.priority,
            opened_by=ticket.opened_by,
            last_sender=ticket.last_sender,
            first_replied=ticket.first_replied_at is not None,
            resolved=ticket.resolved_at is not None,
            events=[event[:5] for event in events],
            notes=[note.note for note in notes],
        )
        ordinals = [message.ordinal for message in messages]
        return cls(
            model,
            ticket.message_count,
            ticket.last_message,
            ticket.last_ordinal,
            ordinals,
            ticket.events_recorded,
        )

    @classmethod
    async def in_world(
        cls, world: World, ticket_id: int, detail: TicketDetail | None = None
    ) -> StoredTicket:
        """Return what this world stores; `detail` in place of its own, where it is given."""
        return cls.of(
            detail or await world.detail(ticket_id),
            await world.events(ticket_id),
            (await world.notes.page(ticket_id)).notes,
        )

    def deviations(self, expected: Model) -> Iterable[str]:
        """Yield where it differs from the model, and where a derived column is wrong."""
        for name, right in vars(expected).items():
            stored = getattr(self.model, name)
            if stored != right:
                yield f"{name} is stored as {stored}, expected {right}"
        if self.message_count != len(self.model.thread):
            yield f"message_count is {self.message_count} of {len(self.model.thread)}"
        if self.model.thread and self.last_message != self.model.texts[-1]:
            yield f"last_message is {self.last_message}"
        if self.ordinals != list(range(1, self.last_ordinal + 1)):
            yield f"ordinals are {self.ordinals}, the last one {self.last_ordinal}"
        if self.events_recorded != len(self.model.events):
            yield f"events_recorded is {self.events_recorded} of {len(self.model.events)}"


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
