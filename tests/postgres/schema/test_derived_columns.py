"""Derived columns after random writes of other programs and of the previous release.

Each history is generated from its number. After each step, triggers must have derived what the
reference model of `desk_model.py` derives.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.postgres.schema.desk_model import (
    ADMIN,
    USER,
    DeskModel,
    MessageModel,
    TicketModel,
    miscounted,
    miscounted_waits,
    stored,
    versions,
)
from tests.postgres.schema.migrators import Connection
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.sql_loader import parse_queries
from tickets.domain.message import preview
from tickets.domain.people import Actor, Side
from tickets.domain.ticket import Status, Ticket

START = datetime(2026, 2, 3, tzinfo=UTC)
STATUSES = ("open", "in_progress", "resolved", "closed")
CATEGORIES = ("support", "billing", "other")
PREVIOUS_RELEASE, RELEASE_BEFORE_THE_DESK = (
    parse_queries((Path(__file__).parent / f"{file}.sql").read_text(encoding="utf-8"), {})
    for file in ("previous_release", "release_before_the_desk")
)
WITHOUT_CONTEXT = dict.fromkeys(
    (
        *("caller", "key", "fingerprint", "response", "recorded_at"),
        *("subject_of_hit", "interval", "period"),
    )
)


class History:
    """Random writes to a database and to the model of it."""

    def __init__(self, connection: Connection, number: int) -> None:
        self.connection = connection
        self.model = DeskModel()
        self.random = random.Random(number)  # noqa: S311 - not a secret
        self.done: list[str] = []
        self._times = self.random.sample(range(10_000_000), 2000)

    @property
    def writes(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """The kinds of writes."""
        return (
            self.insert_tickets,
            *(self.insert_messages,) * 3,
            self.insert_message_and_flag,
            self.insert_messages_in_a_transaction,
            self.delete_messages,
            self.edit_messages,
            self.move_messages,
            self.change_status,
            self.change_flags,
            self.delete_tickets,
            self.roll_back,
            self.delete_and_insert_again,
            self.open_with_previous_release,
            *(self.reply_with_previous_release,) * 3,
            self.read_with_previous_release,
            self.resolve_with_previous_release,
            self.open_with_release_before_the_desk,
            *(self.reply_with_release_before_the_desk,) * 3,
            self.change_status_with_release_before_the_desk,
        )

    async def step(self) -> None:
        """Write something, and compare the database with the model."""
        write = self.random.choice(self.writes if self.model.tickets else (self.insert_tickets,))
        before, old_versions = await stored(self.connection), await versions(self.connection)
        self.done.append(write.__name__)
        await write()
        after, new_versions = await stored(self.connection), await versions(self.connection)
        assert after == self.model.rows, self.done
        for id_ in before.keys() & after.keys():
            # a ticket that comes back starts its versions anew, and empties all caches
            if before[id_] != after[id_] and write != self.delete_and_insert_again:
                assert new_versions[id_] > old_versions[id_], self.done
        assert await miscounted(self.connection) == [], self.done
        assert await miscounted_waits(self.connection) == [], self.done

    def some(self, ids: list[int], most: int = 5) -> list[int]:
        return self.random.sample(ids, min(len(ids), self.random.randint(1, most)))

    @property
    def ticket_ids(self) -> list[int]:
        return list(self.model.tickets)

    def at(self) -> datetime:
        return START + timedelta(milliseconds=self._times.pop())

    def sender(self) -> str:
        return self.random.choice((USER, ADMIN))

    def text(self) -> str:
        return self.random.choice("aé🕰") * self.random.choice((1, 99, 100, 101, 5000))

    async def insert_tickets(self) -> None:
        rows = [
            (self.random.choice(CATEGORIES), self.random.choice(STATUSES))
            for _ in range(self.random.randint(1, 4))
        ]
        ids = await self.connection.fetch(
            """insert into tickets (user_id, category, subject, status)
               select 1, category, 'Hello', status from unnest($1::text[], $2::text[])
                   as new (category, status)
               returning id, status""",
            [category for category, _ in rows],
            [status for _, status in rows],
        )
        for row in ids:
            self.model.tickets[row["id"]] = TicketModel(status=row["status"])

    async def add_messages(self, ticket_ids: list[int], times: list[datetime]) -> None:
        """Insert messages in one statement."""
        senders, texts = [self.sender() for _ in times], [self.text() for _ in times]
        rows = await self.connection.fetch(
            """insert into ticket_messages (ticket_id, sender_type, message, created_at)
               select * from unnest($1::integer[], $2::text[], $3::text[], $4::timestamptz[])
               returning id, ticket_id, sender_type, message, created_at""",
            *(ticket_ids, senders, texts, times),
        )
        arrived: dict[int, list[MessageModel]] = {}
        for id_, ticket_id, *message in rows:
            arrived.setdefault(ticket_id, []).append(MessageModel(id_, *message))
        for ticket_id, messages in arrived.items():
            self.model.tickets[ticket_id].arrive(messages)

    async def insert_messages(self) -> None:
        count = self.random.randint(1, 6)
        tickets = self.random.choices(self.some(self.ticket_ids, 3), k=count)
        await self.add_messages(tickets, [self.at() for _ in tickets])

    async def insert_message_and_flag(self) -> None:
        """As a platform does, in this order or in the other."""
        (ticket_id,) = self.some(self.ticket_ids, 1)
        side = self.sender()
        async with self.connection.transaction():
            if self.random.random() < 0.5:
                await self.flag(side, [ticket_id], unread=True)
                await self.add_messages([ticket_id], [self.at()])
            else:
                await self.add_messages([ticket_id], [self.at()])
                await self.flag(side, [ticket_id], unread=True)

    async def insert_messages_in_a_transaction(self) -> None:
        async with self.connection.transaction():
            await self.insert_messages()
            await self.change_status()
            await self.insert_messages()

    async def delete_messages(self) -> None:
        if ids := self.model.message_ids:
            lost = self.some(ids, 8)
            await self.connection.execute("delete from ticket_messages where id = any ($1)", lost)
            self.model.lose(lost)

    async def edit_messages(self) -> None:
        edited, text = self.some(self.model.message_ids or [0], 8), self.text()
        await self.connection.execute(
            "update ticket_messages set message = $2 where id = any ($1)", edited, text
        )
        for ticket in self.model.tickets.values():
            for message in ticket.messages:
                if message.id in edited:
                    message.text = text

    async def move_messages(self) -> None:
        """As when two tickets are merged."""
        (target,) = self.some(self.ticket_ids, 1)
        moved = [
            id_
            for id_ in self.some(self.model.message_ids or [0], 4)
            if id_ and self.model.ticket_of(id_) != target
        ]
        await self.connection.execute(
            "update ticket_messages set ticket_id = $2 where id = any ($1)", moved, target
        )
        self.model.tickets[target].arrive(self.model.lose(moved))

    async def change_status(self) -> None:
        ids, status = self.some(self.ticket_ids), self.random.choice(STATUSES)
        await self.connection.execute(
            "update tickets set status = $2 where id = any ($1)", ids, status
        )
        for id_ in ids:
            self.model.tickets[id_].set_status(status)

    async def flag(self, side: str, ids: list[int], *, unread: bool) -> None:
        update = f"update tickets set {side}_unread = $2 where id = any ($1)"  # noqa: S608 - a constant
        await self.connection.execute(update, ids, unread)
        for id_ in ids:
            self.model.tickets[id_].set_unread(side, unread=unread)

    async def change_flags(self) -> None:
        await self.flag(
            self.sender(), self.some(self.ticket_ids), unread=self.random.random() < 0.3
        )

    async def delete_tickets(self) -> None:
        ids = self.some(self.ticket_ids, 2)
        await self.connection.execute("delete from tickets where id = any ($1)", ids)
        for id_ in ids:
            del self.model.tickets[id_]

    async def roll_back(self) -> None:
        """Write in a savepoint that is rolled back, then the same again."""
        ids, category = self.some(self.ticket_ids), self.random.choice(CATEGORIES)
        update = "update tickets set category = $2, admin_unread = true where id = any ($1)"
        async with self.connection.transaction():
            savepoint = self.connection.transaction()
            await savepoint.start()
            await self.connection.execute(update, ids, category)
            await savepoint.rollback()
            await self.connection.execute(update, ids, category)
        for id_ in ids:
            self.model.tickets[id_].set_unread(ADMIN, unread=True)

    async def delete_and_insert_again(self) -> None:
        """In one transaction, with the same ids, as a restore of single rows does."""
        (ticket_id,) = self.some(self.ticket_ids, 1)
        message_id = await self.connection.fetchval(
            "select nextval('ticket_messages_id_seq')::integer"
        )
        at = self.at()
        async with self.connection.transaction():
            for _ in range(2):
                await self.connection.execute("delete from tickets where id = $1", ticket_id)
                await self.connection.execute(
                    """insert into tickets (id, user_id, category, subject)
                       values ($1, 1, 'billing', 'Again')""",
                    ticket_id,
                )
                await self.connection.execute(
                    """insert into ticket_messages (id, ticket_id, sender_type, message, created_at)
                       values ($1, $2, 'user', 'Again', $3)""",
                    *(message_id, ticket_id, at),
                )
                await self.connection.execute(
                    "update tickets set status = 'in_progress' where id = $1", ticket_id
                )
        ticket = self.model.tickets[ticket_id] = TicketModel()
        ticket.arrive([MessageModel(message_id, USER, "Again", at)])
        ticket.set_status("in_progress")

    async def open_with_previous_release(self, text: str | None = None) -> None:
        text, at = text or self.text(), self.at()
        query = PREVIOUS_RELEASE["add_ticket_with_context"].bind(
            user_id=1,
            category="support",
            other_category=None,
            subject="Hello",
            status="open",
            priority="normal",
            user_unread=False,
            admin_unread=True,
            message_count=1,
            last_message=preview(text),
            created_at=at,
            updated_at=at,
            sender_type=USER,
            sender_id=1,
            message=text,
            **{"sent_at": at, **WITHOUT_CONTEXT},
        )
        ticket_id = await self.connection.fetchval(*query)
        self.model.tickets[ticket_id] = ticket = TicketModel()
        ticket.arrive([MessageModel(await self.newest_id(), USER, text, at)])

    async def save_with_previous_release(
        self, query: str, ticket_id: int, changes: dict[str, object], **rest: object
    ) -> None:
        """Load the ticket and save it with these changes, as the previous release does."""
        loaded = await self.connection.fetchrow(
            """select version, user_id, status, user_unread, admin_unread, message_count,
                      last_message, updated_at
                 from tickets where id = $1""",
            ticket_id,
        )
        assert loaded is not None
        saved = await self.connection.fetchrow(
            *PREVIOUS_RELEASE[query].bind(
                ticket_id=ticket_id, **{**dict(loaded), **changes}, **rest
            )
        )
        assert saved is not None
        assert saved["is_as_sent"]

    async def reply_with_previous_release(self) -> None:
        (ticket_id,) = self.some(self.ticket_ids, 1)
        ticket, sender, text, at = (
            *(self.model.tickets[ticket_id], self.sender(), self.text(), self.at()),
        )
        if ticket.status == "closed":
            return
        await self.save_with_previous_release(
            "save_ticket",
            ticket_id,
            {
                f"{ADMIN if sender == USER else USER}_unread": True,
                "message_count": len(ticket.messages) + 1,
                "last_message": preview(text),
                "updated_at": at,
            },
            sender_type=sender,
            sender_id=None,
            message=text,
            sent_at=at,
            **WITHOUT_CONTEXT,
        )
        ticket.reply_by_previous_release(MessageModel(await self.newest_id(), sender, text, at))

    async def read_with_previous_release(self) -> None:
        (ticket_id,), side = self.some(self.ticket_ids, 1), self.sender()
        await self.save_with_previous_release("save_state", ticket_id, {f"{side}_unread": False})
        self.model.tickets[ticket_id].set_unread(side, unread=False)

    async def resolve_with_previous_release(self) -> None:
        (ticket_id,) = self.some(self.ticket_ids, 1)
        await self.save_with_previous_release("save_state", ticket_id, {"status": "resolved"})
        self.model.tickets[ticket_id].set_status("resolved")

    async def open_with_release_before_the_desk(self) -> None:
        text, at = self.text(), self.at()
        query = RELEASE_BEFORE_THE_DESK["add_ticket_with_context"].bind(
            user_id=1,
            category="support",
            other_category=None,
            subject="Hello",
            status="open",
            priority="normal",
            user_unread=False,
            admin_unread=True,
            message_count=1,
            last_message=preview(text),
            created_at=at,
            updated_at=at,
            last_ordinal=1,
            user_seen=1,
            admin_seen=0,
            waiting_since=at,
            follows=None,
            sender_type=USER,
            sender_id=1,
            message=text,
            **{"sent_at": at, **WITHOUT_CONTEXT},
        )
        ticket_id = await self.connection.fetchval(*query)
        self.model.tickets[ticket_id] = ticket = TicketModel()
        ticket.arrive([MessageModel(await self.newest_id(), USER, text, at)])
        ticket.seen[USER] = 1

    async def save_with_release_before_the_desk(
        self, query: str, ticket_id: int, changes: dict[str, object], **rest: object
    ) -> None:
        loaded = await self.connection.fetchrow(
            """select version, user_id, status, user_unread, admin_unread, message_count,
                      last_message, updated_at, last_ordinal, user_seen, admin_seen, waiting_since
                 from tickets where id = $1""",
            ticket_id,
        )
        assert loaded is not None
        values = {**dict(loaded), **changes}
        if query == "save_ticket":
            rest |= {"sent_at": changes["updated_at"], **WITHOUT_CONTEXT}
        saved = await self.connection.fetchrow(
            *RELEASE_BEFORE_THE_DESK[query].bind(ticket_id=ticket_id, **values, **rest)
        )
        assert saved is not None
        assert saved["is_as_sent"]

    async def reply_with_release_before_the_desk(self) -> None:
        (ticket_id,) = self.some(self.ticket_ids, 1)
        ticket, sender, text = self.model.tickets[ticket_id], self.sender(), self.text()
        if ticket.status == "closed":
            return
        # not before what is there: this release never moves `updated_at` backwards
        at = max([self.at(), *(m.at for m in ticket.messages)]) + timedelta(seconds=1)
        reader = ADMIN if sender == USER else USER
        await self.save_with_release_before_the_desk(
            "save_ticket",
            ticket_id,
            {
                "status": (
                    "open" if (sender, ticket.status) == (USER, "resolved") else ticket.status
                ),
                f"{reader}_unread": True,
                f"{reader}_seen": (
                    ticket.seen[reader] if ticket.unread[reader] else ticket.last_ordinal
                ),
                "message_count": len(ticket.messages) + 1,
                "last_message": preview(text),
                "updated_at": at,
                "last_ordinal": ticket.last_ordinal + 1,
                "waiting_since": None if sender == ADMIN else ticket.waiting_since or at,
            },
            sender_type=sender,
            sender_id=None,
            message=text,
        )
        ticket.reply_by_release_before_the_desk(
            MessageModel(await self.newest_id(), sender, text, at)
        )

    async def change_status_with_release_before_the_desk(self) -> None:
        (ticket_id,), status = self.some(self.ticket_ids, 1), self.random.choice(STATUSES)
        ticket = self.model.tickets[ticket_id]
        ends_a_wait = status != ticket.status and status in ("resolved", "closed")
        await self.save_with_release_before_the_desk(
            "save_state",
            ticket_id,
            {"status": status, "waiting_since": None if ends_a_wait else ticket.waiting_since},
        )
        ticket.set_status(status)

    async def newest_id(self) -> int:
        newest: int = await self.connection.fetchval("select max(id) from ticket_messages")
        return newest


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Connection]:
    """Return a connection to a migrated database with one user."""
    async with connected(database_url) as connection:
        await connection.execute("insert into users (email) values ('mara@example.com')")
        yield connection


@pytest.mark.parametrize("number", range(12))
async def test_derived_columns_are_right_after_each_write_of_a_random_history(
    desk: Connection, number: int
) -> None:
    history = History(desk, number)

    for _ in range(60):
        await history.step()


async def test_the_histories_have_every_kind_of_write(desk: Connection) -> None:
    written = set()
    for number in range(3):
        await desk.execute("truncate tickets, ticket_messages")
        history = History(desk, number)
        for _ in range(60):
            await history.step()
        written |= set(history.done)

    assert written == {write.__name__ for write in history.writes}


@pytest.mark.parametrize("number", range(6))
async def test_writes_of_the_previous_release_lead_to_what_the_domain_decides(
    desk: Connection, number: int
) -> None:
    """But for a reply to a resolved ticket, which the previous release does not reopen."""
    history = History(desk, number)
    await history.open_with_previous_release("It stops half-way.")
    ((ticket_id, model),) = history.model.tickets.items()
    user, admins, moment = Actor.user(1), Actor.team(), model.messages[0].at
    ticket = Ticket.open(
        by=user,
        category="support",
        other_category=None,
        subject="It stops",
        message=model.messages[0].text,
        at=moment,
    )

    for _ in range(40):
        moment += timedelta(hours=1)
        by, text = history.random.choice((user, admins)), f"It is {moment}."
        ticket.new_message = None
        match history.random.choice(("reply", "reply", "read", "status")):
            case "reply":
                status = ticket.status
                ticket.reply(text, by=by, at=moment)
                await history.save_with_previous_release(
                    "save_ticket",
                    ticket_id,
                    {
                        "user_unread": ticket.user_unread,
                        "admin_unread": ticket.admin_unread,
                        "message_count": ticket.message_count,
                        "last_message": preview(text),
                        "updated_at": moment,
                    },
                    sender_type=by.side,
                    sender_id=None,
                    message=text,
                    **{"sent_at": moment, **WITHOUT_CONTEXT},
                )
                ticket.status = status
            case "read":
                ticket.read(by=by, shown_after=0)
                await history.save_with_previous_release(
                    "save_state",
                    ticket_id,
                    {"user_unread": ticket.user_unread, "admin_unread": ticket.admin_unread},
                )
            case "status":
                status = history.random.choice((Status.OPEN, Status.RESOLVED))
                ticket.change_status(status, by=admins, at=moment)
                await history.save_with_previous_release(
                    "save_state", ticket_id, {"status": status}
                )
        row = await desk.fetchrow("select * from tickets")
        assert row is not None
        for column in ("status", "message_count", "last_message", "last_ordinal", "waiting_since"):
            assert row[column] == getattr(ticket, column), column
        for side in Side:
            # with the flag clear everything counts as shown, wherever the mark is
            assert row[f"{side}_unread"] == ticket.unread_by(side)
            assert row[f"{side}_seen"] == ticket.mark_of(side) or not ticket.unread_by(side)


INSERT = "insert into ticket_messages (ticket_id, sender_type, message) values ($1, 'user', $2)"


async def test_concurrent_writers_give_each_message_of_a_ticket_its_own_ordinal(
    desk: Connection, database_url: str
) -> None:
    """Two other programs, the previous release and this one, all in one ticket."""
    ticket_id = await desk.fetchval(
        "insert into tickets (user_id, category, subject) values (1, 'other', 'x') returning id"
    )
    own = """
        with saved as (
            update tickets
               set last_ordinal = last_ordinal + 1, message_count = message_count + 1,
                   last_message = 'own', version = version + 1
             where id = $1 and version = $2
            returning id, last_ordinal
        )
        insert into ticket_messages (ticket_id, sender_type, message, ordinal)
        select id, 'admin', 'own', last_ordinal from saved returning id
    """

    async def other_program(connection: Connection, name: int) -> None:
        for n in range(30):
            if n % 3:
                await connection.execute(INSERT, ticket_id, f"{name}: {n}")
            else:
                async with connection.transaction():
                    await connection.execute(INSERT, ticket_id, f"{name}: {n}")
                    await connection.execute(INSERT, ticket_id, f"{name}: {n} and more")

    async def releases(connection: Connection, query: str) -> None:
        for _ in range(30):
            while True:
                version = await connection.fetchval(
                    "select version from tickets where id = $1", ticket_id
                )
                if await connection.fetchval(query, ticket_id, version):
                    break

    previous = own.replace("last_ordinal = last_ordinal + 1, ", "").replace(
        "'own', last_ordinal from", "'own', null from"
    )
    async with (
        connected(database_url) as one,
        connected(database_url) as two,
        connected(database_url) as three,
        connected(database_url) as four,
    ):
        await asyncio.gather(
            other_program(one, 1),
            other_program(two, 2),
            releases(three, own),
            releases(four, previous),
        )

    ordinals = await desk.fetch(
        "select ordinal, message from ticket_messages where ticket_id = $1 order by ordinal",
        ticket_id,
    )
    assert [row["ordinal"] for row in ordinals] == list(range(1, 141))
    ticket = await desk.fetchrow("select message_count, last_ordinal, last_message from tickets")
    assert tuple(ticket) == (140, 140, ordinals[-1]["message"])


async def test_messages_of_a_role_that_may_only_insert_messages_are_numbered(
    desk: Connection,
) -> None:
    role = f"platform_{await desk.fetchval('select current_database()')}"
    await desk.execute("insert into tickets (user_id, category, subject) values (1, 'other', 'x')")
    await desk.execute(f"create role {role}")
    try:
        await desk.execute(
            f"""grant insert, delete, update, select on ticket_messages to {role};
                grant usage on sequence ticket_messages_id_seq to {role};
                set role {role}; set search_path = pg_catalog"""
        )
        for statement in (
            (
                "insert into public.ticket_messages (ticket_id, sender_type, message) values "
                "(1, 'user', 'a'), (1, 'admin', 'b'), (1, 'user', 'c')"
            ),
            "update public.ticket_messages set message = 'edited' where message = 'c'",
            "delete from public.ticket_messages where message = 'b'",
        ):
            await desk.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await desk.execute("update public.tickets set last_ordinal = 7")
    finally:
        await desk.execute("reset role; reset search_path")
        await desk.execute(f"drop owned by {role}; drop role {role}")

    ticket = await desk.fetchrow("select message_count, last_ordinal, last_message from tickets")
    assert tuple(ticket) == (2, 3, "edited")


async def test_truncating_the_messages_leaves_tickets_without_messages(desk: Connection) -> None:
    await desk.execute(
        """insert into tickets (user_id, category, subject) values (1, 'other', 'x');
           insert into ticket_messages (ticket_id, sender_type, message)
           values (1, 'user', 'a'), (1, 'user', 'b')"""
    )
    async with desk.transaction():
        await desk.execute(INSERT, 1, "c")
        await desk.execute("truncate ticket_messages restart identity")
        empty = await desk.fetchrow(
            "select message_count, last_message, waiting_since from tickets"
        )
        await desk.execute("alter sequence ticket_messages_id_seq restart with 3")
        await desk.execute(INSERT, 1, "the id of c")

    assert tuple(empty) == (0, "", None)
    after = await desk.fetchrow("select message_count, last_ordinal, last_message from tickets")
    assert tuple(after) == (1, 4, "the id of c")


async def test_a_ticket_that_does_not_know_its_ordinals_takes_messages_all_the_same(
    desk: Connection,
) -> None:
    """As after a restore of its row while triggers were off."""
    await desk.execute(
        """insert into tickets (user_id, category, subject) values (1, 'other', 'x');
           insert into ticket_messages (ticket_id, sender_type, message)
           values (1, 'user', 'a'), (1, 'user', 'b');
           update tickets set last_ordinal = 0, message_count = 0"""
    )

    await desk.execute(INSERT, 1, "c")

    after = await desk.fetchrow("select message_count, last_ordinal, last_message from tickets")
    assert tuple(after) == (3, 3, "c")
