"""Badges and tokens from memory: what changes anywhere is heard, and where that is not certain the database is asked."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

import asyncpg
import pytest

from tests.postgres.processes import Process, kill_listeners
from tests.postgres.waiting import WAITING, becomes, until
from tests.world import ADMIN, FakeTime
from tickets.adapters.postgres.caching.cache import Cache
from tickets.adapters.postgres.caching.unread_counts import UnreadCounts
from tickets.adapters.postgres.connection import listener as module
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.listener import (
    CAUGHT_UP_SECONDS,
    HEARTBEAT_INTERVAL,
    RECONNECT_AFTER,
    RETRY_DELAY,
    Listener,
)
from tickets.adapters.postgres.repositories.ticket_views import PostgresTicketViews
from tickets.domain.errors import StoreUnavailable
from tickets.domain.people import Actor


async def test_a_badge_that_has_not_changed_is_not_asked_for_again(process: Process) -> None:
    user_id = await process.user()
    ticket = await process.ticket(user_id)
    await process.reply(ticket.id, ADMIN)

    # once what was told of the answer has been heard
    await becomes(lambda: process.asks(process.badge(user_id)), 0)
    assert await process.badge(user_id) == 1
    assert await process.asks(process.badge(user_id)) == 0


async def test_what_a_process_has_saved_shows_in_its_own_answers_at_once(process: Process) -> None:
    user_id = await process.user()
    ticket = await process.ticket(user_id)
    for _ in range(20):
        assert await process.badge(user_id) == 0
        await process.reply(ticket.id, ADMIN)
        assert await process.badge(user_id) == 1
        await process.service.read(ticket.id, by=Actor.user(user_id))


class LosesAnswers(Database):
    """Stores what it is given, and then has no answer to it, once it is told so."""

    lost = False

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        row = await super().fetchrow(query, *args)
        if self.lost and query.partition("update tickets")[1]:
            raise StoreUnavailable
        return row


async def test_what_may_have_been_saved_shows_at_once_too(database_url: str) -> None:
    time = FakeTime()
    listener = Listener(database_url, now=time)
    database = LosesAnswers(database_url)
    async with database.open(), listener.listening():
        process = Process(database, listener, time)
        user_id = await process.user()
        ticket = await process.ticket(user_id)
        # so that the only one who tells is the process itself
        await database.fetch("alter table tickets disable trigger user")
        await process.is_caught_up()
        assert await process.badge(user_id) == 0
        database.lost = True

        with pytest.raises(StoreUnavailable):
            await process.reply(ticket.id, ADMIN)

        assert await process.badge(user_id) == 1


async def test_what_another_process_has_saved_is_heard(processes: tuple[Process, Process]) -> None:
    here, there = processes
    user_id = await here.user()
    ticket = await here.ticket(user_id)
    for _ in range(3):
        assert await there.badge(user_id) == 0
        await here.reply(ticket.id, ADMIN)
        await becomes(lambda: there.badge(user_id), 1)
        await here.service.read(ticket.id, by=Actor.user(user_id))
        await becomes(lambda: there.badge(user_id), 0)


@pytest.mark.parametrize(
    ("change", "wanted"),
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
async def test_whatever_writes_is_heard(process: Process, change: str, wanted: int) -> None:
    user_id = await process.user()
    ticket = await process.ticket(user_id)
    if not wanted:
        other = await process.ticket(user_id)
        await process.reply(other.id, ADMIN)
    await process.has_heard_everything()
    assert await process.badge(user_id) == 1 - wanted

    arguments = [ticket.id] if "$1" in change else []
    await process.database.fetch(change, *arguments)

    await becomes(lambda: process.badge(user_id), wanted)


async def test_a_ticket_that_is_given_to_another_user_changes_both_badges(process: Process) -> None:
    giver, taker = await process.user(), await process.user()
    ticket = await process.ticket(giver)
    await process.reply(ticket.id, ADMIN)
    await process.has_heard_everything()
    assert (await process.badge(giver), await process.badge(taker)) == (1, 0)

    await process.database.fetch("update tickets set user_id = $1", taker)

    await becomes(lambda: process.badge(giver), 0)
    await becomes(lambda: process.badge(taker), 1)


async def test_changes_that_no_badge_shows_are_not_told(
    process: Process, database_url: str
) -> None:
    told: list[object] = []
    connection = await asyncpg.connect(database_url)
    await connection.add_listener("tickets_changes", lambda *heard: told.append(heard[-1]))
    user_id = await process.user()

    ticket = await process.ticket(user_id)
    await process.reply(ticket.id, Actor.user(user_id))
    await process.service.read(ticket.id, by=ADMIN)
    await process.service.change_status(ticket.id, "resolved", by=ADMIN)
    await process.reply(ticket.id, ADMIN)
    await process.reply(ticket.id, ADMIN)
    # comes behind all of these, as they are told in their order
    await process.database.fetch("select pg_notify('tickets_changes', 'end')")
    await until(lambda: "end" in told)

    assert told == [f"badge:{user_id}", "end"]
    await connection.close()


async def test_a_flood_of_what_others_send_leaves_badges_right(process: Process) -> None:
    user_id = await process.user()
    ticket = await process.ticket(user_id)
    flood = (
        "select count(pg_notify('tickets_changes', 'badge:' || n)) from generate_series(1, 20000) n"
    )
    for _ in range(3):
        assert await process.badge(user_id) == 0
        await process.database.fetch(flood)
        await process.database.fetch("update tickets set user_unread = true")
        await becomes(lambda: process.badge(user_id), 1)
        await process.service.read(ticket.id, by=Actor.user(user_id))


async def test_a_listener_that_has_not_heard_of_itself_for_a_second_is_not_believed(
    process: Process,
) -> None:
    user_id = await process.user()
    await process.badge(user_id)
    assert await process.asks(process.badge(user_id)) == 0

    process.time.seconds += CAUGHT_UP_SECONDS

    assert await process.asks(process.badge(user_id)) == 1
    await process.is_caught_up()
    assert await process.asks(process.badge(user_id)) == 0


async def test_what_changes_while_nothing_is_heard_is_not_missed(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    user_id = await here.user()
    token = await here.token(user_id)
    ticket = await here.ticket(user_id)
    await there.badge(user_id)
    await there.token_lookup.by_token(token)

    assert await kill_listeners(there) == 2
    await here.reply(ticket.id, ADMIN)
    await here.revoke(token)

    await becomes(lambda: there.badge(user_id), 1)
    await becomes(lambda: there.token_lookup.by_token(token), None)
    # and it is heard again
    await becomes(lambda: there.asks(there.badge(user_id)), 0)
    assert await there.badge(user_id) == 1
    await here.service.read(ticket.id, by=Actor.user(user_id))
    await becomes(lambda: there.badge(user_id), 0)


async def test_what_was_remembered_before_anybody_listened_is_not_believed(
    database_url: str,
) -> None:
    time = FakeTime()
    listener = Listener(database_url, now=time)
    async with Database(database_url).open() as database:
        process = Process(database, listener, time)
        user_id = await process.user()
        token = await process.token(user_id)
        assert await process.token_lookup.by_token(token) == user_id
        await process.revoke(token)
        time.seconds += 1

        async with listener.listening():
            await process.is_caught_up()

            assert await process.token_lookup.by_token(token) is None


async def test_while_nobody_asks_the_database_is_left_alone_and_a_lost_connection_is_missed_all_the_same(
    process: Process,
) -> None:
    user_id = await process.user()
    token = await process.token(user_id)
    await process.token_lookup.by_token(token)

    async def last_proof() -> object:
        return await process.database.fetchval(
            """select max(query_start) from pg_stat_activity
                where datname = current_database() and application_name = 'tickets-listener'"""
        )

    await asyncio.sleep(2 * HEARTBEAT_INTERVAL)
    before = await last_proof()
    await asyncio.sleep(2 * HEARTBEAT_INTERVAL)
    assert await last_proof() == before

    assert await kill_listeners(process) == 1

    await until(lambda: not process.listener.is_connected())
    assert await process.asks(process.token_lookup.by_token(token)) == 1
    await until(process.listener.is_connected)


async def test_what_no_trigger_tells_is_noticed_when_the_connection_has_served_its_time(
    process: Process, database_url: str
) -> None:
    user_id = await process.user()
    await process.ticket(user_id)
    assert await process.badge(user_id) == 0
    restoring = await asyncpg.connect(database_url)
    await restoring.execute("alter table tickets disable trigger user")
    await restoring.execute("update tickets set user_unread = true")
    await restoring.close()
    assert await process.asks(process.badge(user_id)) == 0

    process.time.seconds += RECONNECT_AFTER
    await process.is_caught_up()

    await becomes(lambda: process.asks(process.badge(user_id)), 0)
    assert await process.badge(user_id) == 1
    # and the old one is gone
    connections = "select count(*) from pg_stat_activity where datname = current_database()"
    await becomes(lambda: process.database.fetchval(connections), 2)


@asynccontextmanager
async def notifying_by(url: str, body: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Have connections that are opened later notify in another way; yield a connection that was opened before."""
    connection = await asyncpg.connect(url)
    name = await connection.fetchval("select current_database()")
    await connection.execute(
        f"""create schema other_ways;
            create function other_ways.pg_notify(text, text) returns void language plpgsql as $$ begin {body} end $$;
            alter database {name} set search_path = other_ways, pg_catalog, public"""
    )
    yield connection
    await connection.close()


async def test_a_proof_that_was_long_on_its_way_proves_only_what_was_before_it(
    database_url: str,
) -> None:
    slowly = """perform pg_advisory_lock_shared(3); perform pg_advisory_unlock_shared(3);
                perform pg_catalog.pg_notify($1, $2);"""
    async with notifying_by(database_url, slowly) as blocker:
        time = FakeTime()
        listener = Listener(database_url, now=time)

        async def on_its_way() -> bool:
            listener.is_caught_up()
            return bool(await blocker.fetchval(WAITING))

        await blocker.execute("select pg_advisory_lock(3)")
        async with listener.listening():
            await becomes(on_its_way, wanted=True)
            time.seconds += CAUGHT_UP_SECONDS
            # this one comes, and the next one waits
            await blocker.execute("select pg_advisory_unlock(3)")
            await blocker.execute("select pg_advisory_lock(3)")
            await until(listener.is_connected)
            await becomes(on_its_way, wanted=True)

            assert not listener.is_caught_up()
            await blocker.execute("select pg_advisory_unlock(3)")
            await until(listener.is_caught_up)


async def test_a_database_that_passes_nothing_on_is_not_believed_and_the_log_says_so(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "RESPONSE_TIMEOUT", 0.5)
    async with notifying_by(database_url, "null;"):
        listener = Listener(database_url)
        async with listener.listening():
            await until(lambda: listener.is_caught_up() or bool(caplog.records))

            assert not listener.is_caught_up()
            assert "not listening for changes" in caplog.text
            assert "TimeoutError" in caplog.text


async def test_whatever_happens_at_once_no_badge_is_wrong_afterwards(
    processes: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_DELAY", 0.05)
    here, there = processes
    at_random = random.Random(8)  # noqa: S311 - the same ones each time
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
                    await process.badge(ticket.user_id)

    async def kill() -> None:
        killed = 0
        while killed < 8:
            await asyncio.sleep(at_random.uniform(0, 0.3))
            killed += await kill_listeners(here)

    killing = asyncio.create_task(kill())
    await asyncio.gather(killing, *(act() for _ in range(8)))

    # the clocks of these processes stand still, so whatever they remember wrongly they would believe for ever
    await here.is_caught_up()
    await there.is_caught_up()
    for user_id in users:
        count = "select count(*) from tickets where user_id = $1 and user_unread"
        truth = await here.database.fetchval(count, user_id)
        for process in processes:
            await becomes(lambda: process.badge(user_id), truth)  # noqa: B023 - ended within the round
            await becomes(lambda: process.asks(process.badge(user_id)), 0)  # noqa: B023
            assert await process.badge(user_id) == truth


@asynccontextmanager
async def at_nobodys_door(attempts: list[int]) -> AsyncIterator[None]:
    """Listen at a server that turns everybody away, and note each attempt."""

    async def turn_away(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attempts.append(1)
        writer.close()

    async with await asyncio.start_server(turn_away, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Listener(f"postgresql://x@127.0.0.1:{port}/x?sslmode=disable").listening():
            yield


async def test_a_database_that_is_away_is_not_tried_without_a_pause() -> None:
    attempts: list[int] = []
    async with at_nobodys_door(attempts):
        await until(lambda: bool(attempts))
        await asyncio.sleep(RETRY_DELAY / 2)

        assert len(attempts) == 1


async def test_a_database_that_stays_away_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "RETRY_DELAY", 0.01)
    attempts: list[int] = []
    async with at_nobodys_door(attempts):
        await until(lambda: len(attempts) > 5)

    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_a_token_is_remembered_until_it_is_revoked_anywhere(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    user_id = await here.user()
    token = await here.token(user_id)
    assert await there.token_lookup.by_token(token) == user_id
    assert await there.asks(there.token_lookup.by_token(token)) == 0

    await here.revoke(token)

    await becomes(lambda: there.token_lookup.by_token(token), None)


async def test_a_token_that_is_given_to_another_user_is_heard(process: Process) -> None:
    first, second = await process.user(), await process.user()
    token = await process.token(first)
    assert await process.token_lookup.by_token(token) == first

    await process.database.fetch("update ticket_tokens set user_id = $1", second)

    await becomes(lambda: process.token_lookup.by_token(token), second)


async def test_tokens_that_all_go_at_once_are_heard_of(process: Process) -> None:
    user_id = await process.user()
    token = await process.token(user_id)
    assert await process.token_lookup.by_token(token) == user_id

    await process.database.fetch("truncate ticket_tokens")

    await becomes(lambda: process.token_lookup.by_token(token), None)


async def test_a_token_is_asked_for_where_it_is_not_certain_that_everything_was_heard(
    process: Process,
) -> None:
    user_id = await process.user()
    token = await process.token(user_id)
    await process.token_lookup.by_token(token)
    assert await process.asks(process.token_lookup.by_token(token)) == 0

    process.time.seconds += CAUGHT_UP_SECONDS

    assert await process.asks(process.token_lookup.by_token(token)) == 1


async def test_a_token_that_expires_is_not_honoured_whatever_is_heard(process: Process) -> None:
    user_id = await process.user()
    token = await process.token(user_id)
    await process.database.fetch(
        "update ticket_tokens set expires_at = now() + interval '30 seconds' where token_sha256 = $1",
        sha256(token.encode()).digest(),
    )
    assert await process.token_lookup.by_token(token) == user_id

    process.time.seconds += 30
    await process.is_caught_up()

    # by this process's clock it is over; the database, whose clock has not moved, is asked
    assert await process.asks(process.token_lookup.by_token(token)) == 1


@pytest.mark.parametrize(
    "nonsense",
    ["badge:", "badge:seven", f"badge:{'9' * 5000}", "token:", "token:xyz", "", "?"],
    ids=lambda nonsense: nonsense[:12],
)
async def test_what_cannot_be_understood_does_no_harm(
    process: Process, nonsense: str, caplog: pytest.LogCaptureFixture
) -> None:
    user_id = await process.user()
    token = await process.token(user_id)
    await process.badge(user_id)
    await process.token_lookup.by_token(token)

    await process.database.fetch("select pg_notify('tickets_changes', $1)", nonsense)
    ticket = await process.ticket(user_id)
    await process.reply(ticket.id, ADMIN)

    assert await process.badge(user_id) == 1
    assert await process.token_lookup.by_token(token) == user_id
    # once it has been heard: notifications keep their order
    process.time.seconds += CAUGHT_UP_SECONDS
    await process.is_caught_up()
    assert not caplog.records


async def test_without_a_listener_each_badge_is_asked_for(database_url: str) -> None:
    statements: list[str] = []
    database = Database(database_url, query_logger=lambda record: statements.append(record.query))
    async with database.open():
        views = PostgresTicketViews(database, UnreadCounts(database, None))
        for _ in range(3):
            assert await views.user_unread(7) == 0
        await asyncio.sleep(0)
    assert len(statements) == 3


class Question:
    """One that is answered when the test says so."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> int:
        return await self.answer


async def test_an_answer_that_a_change_has_overtaken_is_given_but_not_remembered() -> None:
    for overtake in (Cache.invalidate, lambda cache, _key: cache.clear()):
        cache = Cache[str, int]()
        question = Question()
        asking = asyncio.create_task(cache.load("a", question))
        await asyncio.sleep(0)
        overtake(cache, "a")
        question.answer.set_result(1)

        assert await asking == 1
        assert cache.get("a") is None


async def test_an_answer_from_before_a_change_does_not_replace_one_from_behind_it() -> None:
    cache = Cache[str, int]()
    early, late = Question(), Question()
    first = asyncio.create_task(cache.load("a", early))
    await asyncio.sleep(0)
    cache.invalidate("a")
    second = asyncio.create_task(cache.load("a", late))
    await asyncio.sleep(0)

    late.answer.set_result(2)
    await second
    early.answer.set_result(1)
    await first

    assert cache.get("a") == 2


async def test_of_two_who_ask_the_same_the_later_ones_answer_is_remembered() -> None:
    cache = Cache[str, int]()
    early, late = Question(), Question()
    first = asyncio.create_task(cache.load("a", early))
    await asyncio.sleep(0)
    second = asyncio.create_task(cache.load("a", late))
    await asyncio.sleep(0)

    early.answer.set_result(1)
    await first
    assert cache.get("a") is None
    late.answer.set_result(2)
    await second

    assert cache.get("a") == 2


async def test_a_question_that_fails_leaves_nothing_behind() -> None:
    cache = Cache[str, int]()
    question = Question()
    question.answer.set_exception(ValueError)

    with pytest.raises(ValueError):  # noqa: PT011 - the very one
        await cache.load("a", question)

    assert cache.get("a") is None
    assert cache._loads == {}  # noqa: SLF001 - nothing waits for an answer that will not come


async def test_only_so_much_is_remembered() -> None:
    cache = Cache[int, int](max_entries=3)
    for number in range(5):
        answer = Question()
        answer.answer.set_result(number)
        await cache.load(number, answer)

    assert [cache.get(number) for number in range(5)] == [None, None, 2, 3, 4]
