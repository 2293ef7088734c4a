"""Reference model of the derived columns: replays writes of other programs in plain Python.

It knows nothing of triggers. `DeskModel` is changed by the same writes as the database, and
`stored` reads what the database has derived from them, in the same form.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from tests.postgres.schema.migrators import Connection
from tickets.domain.message import preview

USER, ADMIN = "user", "admin"
SYSTEM = "system"
ENDS_A_WAIT = ("resolved", "closed")

EventModel: TypeAlias = tuple[str, str, str | None, str | None, int | None]
"""Kind, who caused it, the values around the change, and the id of a message."""


@dataclass
class MessageModel:
    """A message; `ordinal` is 0 until it has been numbered."""

    id: int
    sender: str
    text: str
    at: datetime
    ordinal: int = 0


@dataclass
class TicketModel:
    """A ticket: what programs write, and what is derived from it."""

    status: str = "open"
    unread: dict[str, bool] = field(default_factory=lambda: {USER: False, ADMIN: True})
    seen: dict[str, int] = field(default_factory=lambda: {USER: 0, ADMIN: 0})
    last_ordinal: int = 0
    waiting_since: datetime | None = None
    last_sender: str = USER
    opened_by: str = USER
    first_replied_at: datetime | None = None
    is_resolved: bool = False
    messages: list[MessageModel] = field(default_factory=list)
    events: list[EventModel] = field(default_factory=lambda: [("created", USER, None, None, None)])
    """All but those of waiting, whose sum is checked."""

    def arrive(self, messages: Iterable[MessageModel]) -> None:
        """Number messages that arrive in one statement, the oldest first."""
        moved = set()
        for message in sorted(messages, key=lambda m: (m.at, m.id)):
            reader = ADMIN if message.sender == USER else USER
            if not self.unread[reader] and reader not in moved:
                # a clear flag: everything before the first of the new messages was shown
                self.seen[reader] = max(self.seen[reader], self.last_ordinal)
                moved.add(reader)
            self.last_ordinal += 1
            message.ordinal = self.last_ordinal
            self.messages.append(message)
            self.events.append(("message", message.sender, None, None, message.id))
            self.last_sender = message.sender
            if message.ordinal == 1:
                self.opened_by = message.sender
            if (
                message.sender == ADMIN
                and self.waiting_since
                and not self.first_replied_at
                and self.opened_by == USER
            ):
                self.first_replied_at = message.at
            if message.sender == ADMIN or self.status == "closed":
                self.waiting_since = None
            elif self.waiting_since is None:
                self.waiting_since = message.at

    def lose(self, ids: Collection[int]) -> list[MessageModel]:
        """Remove messages; return them. A lost answer leaves its question open again."""
        lost = [m for m in self.messages if m.id in ids]
        self.messages = [m for m in self.messages if m.id not in ids]
        answer = max((m.ordinal for m in self.messages if m.sender == ADMIN), default=0)
        times = {m.at: m.ordinal for m in lost if m.sender == USER}
        if not lost:
            return lost
        newest = max(self.messages, key=lambda m: m.ordinal, default=None)
        self.last_sender = newest.sender if newest else USER
        if self.status == "closed":
            self.waiting_since = None
        elif self.status != "resolved" and any(
            m.sender == ADMIN and m.ordinal > answer for m in lost
        ):
            self.waiting_since = self.first_question_after(answer)
        elif self.waiting_since in times:
            self.waiting_since = self.first_question_after(max(answer, times[self.waiting_since]))
        return lost

    def first_question_after(self, ordinal: int) -> datetime | None:
        later = [m for m in self.messages if m.sender == USER and m.ordinal > ordinal]
        return min(later, key=lambda m: m.ordinal).at if later else None

    def set_status(self, status: str) -> None:
        if status == self.status:
            return
        if status in ENDS_A_WAIT:
            self.waiting_since = None
        if status not in ENDS_A_WAIT:
            self.is_resolved = False
        elif status == "resolved" or self.status != "resolved":
            self.is_resolved = True
        self.events.append(("status", SYSTEM, self.status, status, None))
        self.status = status

    def set_unread(self, side: str, *, unread: bool) -> None:
        if self.unread[side] and not unread:
            self.seen[side] = max(self.seen[side], self.last_ordinal)
        self.unread[side] = unread

    def reply_by_previous_release(self, message: MessageModel) -> None:
        """Set the reader's flag and add the message, in one statement."""
        reader = ADMIN if message.sender == USER else USER
        if not self.unread[reader]:
            self.seen[reader] = max(self.seen[reader], self.last_ordinal)
        self.unread[reader] = True
        self.arrive([message])

    def reply_by_release_before_the_desk(self, message: MessageModel) -> None:
        """Reply as the previous release does, and reopen a resolved ticket for its user."""
        self.reply_by_previous_release(message)
        if self.status == "resolved" and message.sender == USER:
            self.events.append(("status", USER, "resolved", "open", None))
            self.status, self.is_resolved = "open", False

    @property
    def row(self) -> tuple[object, ...]:
        """What the database must have stored."""
        in_order = sorted(self.messages, key=lambda m: m.ordinal)
        return (
            self.status,
            self.unread[USER],
            self.unread[ADMIN],
            len(in_order),
            preview(in_order[-1].text) if in_order else "",
            self.last_ordinal,
            self.seen[USER],
            self.seen[ADMIN],
            self.waiting_since,
            self.last_sender,
            self.opened_by,
            self.first_replied_at,
            self.is_resolved,
            [(m.id, m.ordinal) for m in in_order],
            self.events,
        )


class DeskModel:
    """All tickets by id."""

    def __init__(self) -> None:
        self.tickets: dict[int, TicketModel] = {}

    @property
    def rows(self) -> dict[int, tuple[object, ...]]:
        return {id_: ticket.row for id_, ticket in self.tickets.items()}

    @property
    def message_ids(self) -> list[int]:
        return [m.id for ticket in self.tickets.values() for m in ticket.messages]

    def ticket_of(self, message_id: int) -> int:
        return next(
            id_
            for id_, ticket in self.tickets.items()
            if any(m.id == message_id for m in ticket.messages)
        )

    def lose(self, ids: Collection[int]) -> list[MessageModel]:
        return [m for ticket in self.tickets.values() for m in ticket.lose(ids)]


async def stored(connection: Connection) -> dict[int, tuple[object, ...]]:
    """Return every ticket's derived columns and ordinals, as `DeskModel.rows` does."""
    ordinals: dict[int, list[tuple[int, int]]] = {}
    for row in await connection.fetch(
        "select ticket_id, id, ordinal from ticket_messages order by ticket_id, ordinal"
    ):
        ordinals.setdefault(row["ticket_id"], []).append((row["id"], row["ordinal"]))
    tickets = await connection.fetch(
        """select id, status, user_unread, admin_unread, message_count, last_message, last_ordinal,
                  user_seen, admin_seen, waiting_since, last_sender, opened_by, first_replied_at,
                  resolved_at is not null
             from tickets"""
    )
    events: dict[int, list[EventModel]] = {}
    for row in await connection.fetch(
        """select ticket_id, kind, by, before, after, message_id
             from ticket_events where kind <> 'waiting' order by id"""
    ):
        kind, by, before, after, message_id = tuple(row)[1:]
        events.setdefault(row["ticket_id"], []).append((kind, by, before, after, message_id))
    found = {
        row["id"]: (*tuple(row)[1:], ordinals.get(row["id"], []), events.pop(row["id"], []))
        for row in tickets
    }
    assert events == {}, "events of tickets that are gone"
    return found


async def miscounted_waits(connection: Connection) -> list[int]:
    """Return tickets whose events of waiting do not add up to whether their customer waits."""
    rows = await connection.fetch(
        """select t.id
             from tickets t
            where (t.waiting_since is not null)::integer <> (
                      select coalesce(sum(case after when 'began' then 1 when 'ended' then -1 end),
                                      0)
                        from ticket_events e
                       where e.ticket_id = t.id and e.kind = 'waiting'
                  )"""
    )
    return [row["id"] for row in rows]


async def versions(connection: Connection) -> dict[int, int]:
    return dict(await connection.fetch("select id, version from tickets"))


async def miscounted(connection: Connection) -> list[tuple[object, ...]]:
    """Return where the ticket counts are not a count of the tickets."""
    rows = await connection.fetch(
        """select status, category, sum(total), sum(admin_unread)
             from (
                      select status, category, total, admin_unread from ticket_counts
                       union all
                      select status, category, -1, -admin_unread::integer from tickets
                  ) as difference
            group by status, category
           having sum(total) <> 0 or sum(admin_unread) <> 0"""
    )
    return [tuple(row) for row in rows]
