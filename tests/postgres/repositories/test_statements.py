"""What each use case costs in statements, counted where the driver sends them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.domain.idempotency import IdempotencyKey
from tickets.domain.people import Actor
from tickets.domain.ticket import Status


class Counted:
    """The ports over one connection that tells of every statement it sends."""

    def __init__(self, world: PostgresWorld) -> None:
        self.world = world
        self.statements: list[str] = []

    async def of(self, work: Callable[[], Awaitable[object]]) -> int:
        """Return how many statements this work sends."""
        self.statements.clear()
        await work()
        return len(self.statements)


@pytest.fixture
async def counted(database_url: str) -> AsyncIterator[Counted]:
    """Return ports whose one connection is listened to, resets of the pool included."""
    async with Database(database_url, pool_size=1).open() as database:
        counted = Counted(PostgresWorld(database))

        def note(record: asyncpg.connection.LoggedQuery) -> None:
            counted.statements.append(record.query)

        pool = database._pool  # noqa: SLF001 - to listen from below everything that is tested
        connection = await pool.acquire()
        connection._con.add_query_logger(note)  # noqa: SLF001 - a release takes loggers off the proxy alone
        pool.release(connection)
        yield counted


async def test_a_list_costs_one_statement_however_it_is_filtered(counted: Counted) -> None:
    views = counted.world.views
    user_id = await counted.world.user()
    for _ in range(60):
        await counted.world.ticket(user_id)

    async def user_list() -> None:
        page = await views.user_list(user_id, status=None, after=None, limit=50)
        assert len(page.rows) == 50

    async def admin_list() -> None:
        page = await views.admin_list(status=None, category=None, after=None, limit=50)
        assert len(page.rows) == 50

    async def filtered() -> None:
        page = await views.admin_list(status=Status.OPEN, category=None, after=None, limit=50)
        assert len(page.rows) == 50

    assert await counted.of(user_list) == 1
    assert await counted.of(admin_list) == 1
    assert await counted.of(filtered) == 1
    assert await counted.of(views.admin_stats) == 1
    assert await counted.of(views.admin_unread) == 1
    assert await counted.of(lambda: views.user_unread(user_id)) == 1


async def test_opening_a_ticket_costs_one_statement_and_a_second_where_a_flag_is_cleared(
    counted: Counted,
) -> None:
    service, ticket = counted.world.service, await counted.world.ticket()

    assert await counted.of(lambda: service.read(ticket.id, by=ADMIN)) == 2
    assert await counted.of(lambda: service.read(ticket.id, by=ADMIN)) == 1
    assert await counted.of(lambda: service.read(ticket.id, by=Actor.user(ticket.user_id))) == 1


async def test_a_reply_costs_two_statements_whatever_the_length_of_the_thread(
    counted: Counted,
) -> None:
    service, ticket = counted.world.service, await counted.world.ticket()
    await counted.world.database.fetch(
        """insert into ticket_messages (ticket_id, sender_type, message)
           select $1, 'admin', 'one of many' from generate_series(1, 10000)""",
        ticket.id,
    )

    assert await counted.of(lambda: service.reply(ticket.id, "Hello", by=ADMIN)) == 2
    assert not any("from ticket_messages" in query for query in counted.statements)


async def test_opening_and_moving_cost_one_and_two_statements(counted: Counted) -> None:
    service, user_id = counted.world.service, await counted.world.user()
    ticket = await counted.world.ticket(user_id)

    async def open_one() -> None:
        await service.open(
            by=Actor.user(user_id),
            category="support",
            other_category=None,
            subject="Another",
            message="Another ticket.",
        )

    assert await counted.of(open_one) == 1
    assert await counted.of(lambda: service.change_status(ticket.id, "resolved", by=ADMIN)) == 2
    assert await counted.of(lambda: service.change_status(ticket.id, "resolved", by=ADMIN)) == 1


async def test_asking_who_holds_a_token_costs_one_statement(counted: Counted) -> None:
    token = await counted.world.token(await counted.world.user())

    assert await counted.of(lambda: counted.world.token_lookup.by_token(token)) == 1


async def test_a_repeat_writes_nothing_and_takes_no_ids(
    database: Database, postgres_world: PostgresWorld
) -> None:
    ticket = await postgres_world.ticket()
    user = Actor.user(ticket.user_id)

    def idempotency_key(name: str) -> IdempotencyKey:
        return IdempotencyKey(user, name, bytes(32))

    async def repeated() -> None:
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
                """select (select last_value from tickets_id_seq), (select last_value from ticket_messages_id_seq),
                          (select array_agg(ctid order by id) from tickets)::text"""
            )
        ]

    await repeated()
    before = await written()
    for _ in range(3):
        await repeated()

    assert await written() == before
