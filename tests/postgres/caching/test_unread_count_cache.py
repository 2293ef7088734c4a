"""The cache of unread counts (badges) in several processes: what invalidates a count."""

from __future__ import annotations

import asyncio
import random
from functools import partial

import asyncpg
import pytest

from tests.postgres.processes import Process, kill_listeners
from tests.postgres.waiting import until, until_returns
from tests.world import ADMIN, FakeTime
from tickets.adapters.postgres.caching.unread_counts import UnreadCounts
from tickets.adapters.postgres.connection import listener as module
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.listener import (
    Listener,
)
from tickets.adapters.postgres.repositories.ticket_views import PostgresTicketViews
from tickets.domain.errors import StoreUnavailable
from tickets.domain.people import Actor


async def until_cached(process: Process, user_id: int) -> None:
    await until_returns(lambda: process.statements_of(process.unread_count(user_id)), 0)


async def test_an_unchanged_unread_count_is_cached(process: Process) -> None:
    user_id = await process.user()
    ticket = await process.ticket(user_id)
    await process.reply(ticket.id, ADMIN)

    # once the notification of the reply has arrived
    await until_cached(process, user_id)
    assert await process.unread_count(user_id) == 1
    assert await process.statements_of(process.unread_count(user_id)) == 0


async def test_a_save_invalidates_the_unread_count_of_its_own_process_at_once(
    process: Process,
) -> None:
    user_id = await process.user()
    ticket = await process.ticket(user_id)
    for _ in range(20):
        assert await process.unread_count(user_id) == 0
        await process.reply(ticket.id, ADMIN)
        assert await process.unread_count(user_id) == 1
        await process.service.read(ticket.id, by=Actor.user(user_id))


class LosesResponses(Database):
    """A database whose responses to saves are lost, once `is_lossy` is set."""

    is_lossy = False

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        row = await super().fetchrow(query, *args)
        if self.is_lossy and query.partition("update tickets")[1]:
            raise StoreUnavailable
        return row


async def test_a_save_without_a_response_invalidates_the_unread_count_too(
    database_url: str,
) -> None:
    time = FakeTime()
    database = LosesResponses(database_url)
    listener = Listener(database_url, database, now=time)
    async with database.open(), listener.listening():
        process = Process(database, listener, time)
        user_id = await process.user()
        ticket = await process.ticket(user_id)
        # without triggers, only the process itself can invalidate the count
        await database.fetch("alter table tickets disable trigger user")
        await process.until_caught_up()
        assert await process.unread_count(user_id) == 0
        database.is_lossy = True

        with pytest.raises(StoreUnavailable):
            await process.reply(ticket.id, ADMIN)

        assert await process.unread_count(user_id) == 1


async def test_a_save_of_another_process_invalidates_the_unread_count(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    user_id = await here.user()
    ticket = await here.ticket(user_id)
    for _ in range(3):
        assert await there.unread_count(user_id) == 0
        await here.reply(ticket.id, ADMIN)
        await until_returns(lambda: there.unread_count(user_id), 1)
        await here.service.read(ticket.id, by=Actor.user(user_id))
        await until_returns(lambda: there.unread_count(user_id), 0)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("update tickets set user_unread = true where id = $1", 1),
        ("delete from tickets where id <> $1 and user_unread", 0),
        (
            """insert into tickets (user_id, category, subject, user_unread)
               select user_id, 'other', 'The platform writes', true from tickets where id = $1""",
            1,
        ),
        ("truncate tickets cascade", 0),
    ],
)
async def test_writes_of_other_programs_invalidate_the_unread_count(
    process: Process, change: str, expected: int
) -> None:
    user_id = await process.user()
    ticket = await process.ticket(user_id)
    if not expected:
        other = await process.ticket(user_id)
        await process.reply(other.id, ADMIN)
    await process.catch_up()
    assert await process.unread_count(user_id) == 1 - expected

    arguments = [ticket.id] if "$1" in change else []
    await process.database.fetch(change, *arguments)

    await until_returns(lambda: process.unread_count(user_id), expected)


async def test_a_ticket_given_to_another_user_invalidates_both_unread_counts(
    process: Process,
) -> None:
    old_owner, new_owner = await process.user(), await process.user()
    ticket = await process.ticket(old_owner)
    await process.reply(ticket.id, ADMIN)
    await process.catch_up()
    assert (await process.unread_count(old_owner), await process.unread_count(new_owner)) == (1, 0)

    await process.database.fetch("update tickets set user_id = $1", new_owner)

    await until_returns(lambda: process.unread_count(old_owner), 0)
    await until_returns(lambda: process.unread_count(new_owner), 1)


async def test_changes_that_leave_the_unread_count_send_no_notification(
    process: Process, database_url: str
) -> None:
    notifications: list[object] = []
    connection = await asyncpg.connect(database_url)
    await connection.add_listener("tickets_changes", lambda *args: notifications.append(args[-1]))
    user_id = await process.user()

    ticket = await process.ticket(user_id)
    await process.reply(ticket.id, Actor.user(user_id))
    await process.service.read(ticket.id, by=ADMIN)
    await process.service.change_status(ticket.id, "resolved", by=ADMIN)
    await process.reply(ticket.id, ADMIN)
    await process.reply(ticket.id, ADMIN)
    # notifications arrive in commit order, so this one is the last
    await process.database.fetch("select pg_notify('tickets_changes', 'end')")
    await until(lambda: "end" in notifications)

    assert notifications == [f"badge:{user_id}", "end"]
    await connection.close()


async def test_unread_counts_are_right_during_a_flood_of_notifications(process: Process) -> None:
    user_id = await process.user()
    ticket = await process.ticket(user_id)
    flood = (
        "select count(pg_notify('tickets_changes', 'badge:' || n)) from generate_series(1, 20000) n"
    )
    for _ in range(3):
        assert await process.unread_count(user_id) == 0
        await process.database.fetch(flood)
        await process.database.fetch("update tickets set user_unread = true")
        await until_returns(lambda: process.unread_count(user_id), 1)
        await process.service.read(ticket.id, by=Actor.user(user_id))


async def test_without_a_listener_unread_counts_are_not_cached(database_url: str) -> None:
    statements: list[str] = []
    database = Database(database_url, query_logger=lambda record: statements.append(record.query))
    async with database.open():
        views = PostgresTicketViews(database, UnreadCounts(database, None))
        for _ in range(3):
            assert await views.user_unread(7) == 0
        await asyncio.sleep(0)
    assert len(statements) == 3


async def test_unread_counts_are_right_after_concurrent_changes_and_lost_connections(
    processes: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_DELAY", 0.05)
    here, there = processes
    at_random = random.Random(8)  # noqa: S311 - repeatable
    users = [await here.user() for _ in range(3)]
    tickets = [await here.ticket(user_id) for user_id in users for _ in range(2)]

    async def act() -> None:
        while not killing.done():
            process, ticket = at_random.choice(processes), at_random.choice(tickets)
            match at_random.randrange(5):
                case 0:
                    await process.reply(ticket.id, ADMIN)
                case 1:
                    await process.service.read(ticket.id, by=Actor.user(ticket.user_id))
                case 2:
                    await process.service.mark_unread(ticket.id, by=Actor.user(ticket.user_id))
                case _:
                    await process.unread_count(ticket.user_id)

    async def kill() -> None:
        killed = 0
        while killed < 8:
            await asyncio.sleep(at_random.uniform(0, 0.3))
            killed += await kill_listeners(here)

    killing = asyncio.create_task(kill())
    await asyncio.gather(killing, *(act() for _ in range(8)))

    # the fake clocks stand still, so a wrong cache entry would stay for ever
    await here.until_caught_up()
    await there.until_caught_up()
    for user_id in users:
        count = "select count(*) from tickets where user_id = $1 and user_unread"
        stored = await here.database.fetchval(count, user_id)
        for process in processes:
            await until_returns(partial(process.unread_count, user_id), stored)
            await until_cached(process, user_id)
            assert await process.unread_count(user_id) == stored
