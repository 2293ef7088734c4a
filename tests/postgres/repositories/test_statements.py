"""The number of SQL statements of each use case, counted at the driver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from tests.world import ADMIN, PostgresWorld, messages_of, rows_of
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import query_names
from tickets.domain.idempotency import IdempotencyKey
from tickets.domain.people import Actor
from tickets.domain.read_models import AdminRow, UserRow
from tickets.domain.ticket import Status


class StatementCounter:
    """The ports over one connection whose statements are counted."""

    def __init__(self, world: PostgresWorld) -> None:
        self.world = world
        self.statements: list[str] = []

    async def count(self, work: Callable[[], Awaitable[object]]) -> int:
        """Return how many statements this work sends."""
        # asyncpg calls the loggers in the next round of the event loop
        await asyncio.sleep(0)
        self.statements.clear()
        await work()
        await asyncio.sleep(0)
        return len(self.statements)


@pytest.fixture
async def counter(database_url: str) -> AsyncIterator[StatementCounter]:
    """Return ports whose one connection is logged, including resets by the pool."""
    async with Database(database_url, pool_size=1).open() as database:
        counter = StatementCounter(PostgresWorld(database))

        def log(record: asyncpg.connection.LoggedQuery) -> None:
            counter.statements.append(record.query)

        pool = database._pool  # noqa: SLF001 - to log below everything that is tested
        connection = await pool.acquire()
        # a release removes the loggers of the proxy, not of the connection itself
        connection._con.add_query_logger(log)  # noqa: SLF001
        pool.release(connection)
        yield counter


async def test_a_list_takes_one_statement_whatever_its_filter(counter: StatementCounter) -> None:
    views = counter.world.views
    user_id = await counter.world.user()
    for _ in range(60):
        await counter.world.ticket(user_id)

    async def user_list() -> None:
        page = await views.user_list(user_id, status=None, after=None, limit=50)
        assert len(rows_of(page, UserRow)) == 50

    async def admin_list() -> None:
        page = await views.admin_list(status=None, category=None, after=None, limit=50)
        assert len(rows_of(page, AdminRow)) == 50

    async def filtered() -> None:
        page = await views.admin_list(status=Status.OPEN, category=None, after=None, limit=50)
        assert len(rows_of(page, AdminRow)) == 50

    assert await counter.count(user_list) == 1
    assert await counter.count(admin_list) == 1
    assert await counter.count(filtered) == 1
    assert await counter.count(views.admin_stats) == 1
    assert await counter.count(views.admin_unread) == 1
    assert await counter.count(lambda: views.user_unread(user_id)) == 1


async def test_a_read_takes_one_statement_and_a_second_one_to_clear_the_flag(
    counter: StatementCounter,
) -> None:
    service, ticket = counter.world.service, await counter.world.ticket()

    assert await counter.count(lambda: service.read(ticket.id, by=ADMIN)) == 2
    assert await counter.count(lambda: service.read(ticket.id, by=ADMIN)) == 1
    assert await counter.count(lambda: service.read(ticket.id, by=Actor.user(ticket.user_id))) == 1


async def test_a_read_takes_a_second_statement_where_the_thread_is_longer_than_a_page(
    counter: StatementCounter,
) -> None:
    service, ticket = counter.world.service, await counter.world.ticket()
    await counter.world.reply(ticket.id, ADMIN, "A second message.")
    user = Actor.user(ticket.user_id)
    await service.read(ticket.id, by=user)

    assert await counter.count(lambda: service.read(ticket.id, by=user, limit=2)) == 1
    assert await counter.count(lambda: service.read(ticket.id, by=user, limit=1)) == 2
    names = query_names()
    assert [names[query] for query in counter.statements] == [
        "get_ticket_with_whole_thread",
        "get_ticket_with_thread",
    ]


async def test_a_thread_that_is_longer_than_its_ticket_says_is_shown_from_its_end(
    counter: StatementCounter,
) -> None:
    world, ticket = counter.world, await counter.world.ticket()
    for text in ("second", "third"):
        await world.reply(ticket.id, ADMIN, text)
    await world.database.fetch("update tickets set message_count = 1 where id = $1", ticket.id)

    detail = await world.detail(ticket.id, limit=2)

    assert [message.ordinal for message in messages_of(detail)] == [2, 3]
    assert detail.thread.previous == 1


async def test_a_reply_takes_two_statements_whatever_the_length_of_the_thread(
    counter: StatementCounter,
) -> None:
    service, ticket = counter.world.service, await counter.world.ticket()
    await counter.world.database.fetch(
        """insert into ticket_messages (ticket_id, sender_type, message)
           select $1, 'admin', 'one of many' from generate_series(1, 9000)""",
        ticket.id,
    )

    assert await counter.count(lambda: service.reply(ticket.id, "Hello", by=ADMIN)) == 2
    names = query_names()
    assert [names[query] for query in counter.statements] == ["get_ticket", "save_ticket"]


async def test_a_new_ticket_takes_one_statement_and_a_change_of_status_two(
    counter: StatementCounter,
) -> None:
    service, user_id = counter.world.service, await counter.world.user()
    ticket = await counter.world.ticket(user_id)

    async def open_ticket() -> None:
        await service.open(
            by=Actor.user(user_id),
            category="support",
            other_category=None,
            subject="Another",
            message="Another ticket.",
        )

    assert await counter.count(open_ticket) == 1
    assert await counter.count(lambda: service.change_status(ticket.id, "resolved", by=ADMIN)) == 2
    assert await counter.count(lambda: service.change_status(ticket.id, "resolved", by=ADMIN)) == 1


async def test_a_token_lookup_takes_one_statement(counter: StatementCounter) -> None:
    token = await counter.world.token(await counter.world.user())

    assert await counter.count(lambda: counter.world.token_lookup.by_token(token)) == 1


async def test_a_replay_by_idempotency_key_writes_nothing_and_takes_no_ids(
    database: Database, postgres_world: PostgresWorld
) -> None:
    ticket = await postgres_world.ticket()
    user = Actor.user(ticket.user_id)

    def idempotency_key(name: str) -> IdempotencyKey:
        return IdempotencyKey(user, name, bytes(32))

    async def open_and_reply() -> None:
        await postgres_world.service.open(
            by=Actor.user(ticket.user_id),
            category="support",
            other_category=None,
            subject="Only one",
            message="There is to be only one of this.",
            idempotency_key=idempotency_key("open"),
        )
        await postgres_world.service.reply(
            ticket.id, "Once.", by=user, idempotency_key=idempotency_key("reply")
        )

    async def written() -> object:
        return [
            tuple(row)
            for row in await database.fetch(
                """select (select last_value from tickets_id_seq),
                          (select last_value from ticket_messages_id_seq),
                          (select array_agg(ctid order by id) from tickets)::text"""
            )
        ]

    await open_and_reply()
    before = await written()
    for _ in range(3):
        await open_and_reply()

    assert await written() == before
