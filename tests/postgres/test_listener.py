"""Badges and tokens from memory: what changes anywhere is heard, and where that is not certain the database is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256

import asyncpg
import pytest

from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.badges import Badges
from tickets.adapters.postgres.cache import Cache
from tickets.adapters.postgres.database import Database
from tickets.adapters.postgres.listener import CURRENT_SECONDS, Listener
from tickets.adapters.postgres.remembered_users import RememberedUsers
from tickets.adapters.postgres.tickets import PostgresTickets
from tickets.adapters.postgres.users import Identity, PostgresUsers
from tickets.adapters.postgres.views import PostgresTicketViews
from tickets.domain.ticket import Actor

PATIENCE = 20.0


class FakeTime:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Process(PostgresWorld):
    """What one process of the service has: a pool, a listener, and what it remembers."""

    database: Database
    listener: Listener
    time: FakeTime
    statements: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.database)
        badges = Badges(self.database, self.listener)
        self.tickets = PostgresTickets(self.database, badges=badges)
        self.views = PostgresTicketViews(self.database, badges)
        self.users = RememberedUsers(
            PostgresUsers(self.database, Identity.named("tokens")),
            seconds=0.001,
            listener=self.listener,
            now=self.time,
        )

    async def badge(self, user_id: int) -> int:
        return await self.views.user_unread(user_id)

    async def asks(self, question: Awaitable[object]) -> int:
        """Return how many statements this takes."""
        # the driver tells of a statement at the next turn of the loop
        await asyncio.sleep(0)
        before = len(self.statements)
        await question
        await asyncio.sleep(0)
        return len(self.statements) - before

    async def is_current(self) -> None:
        await until(self.listener.is_current)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that comes by itself."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def becomes(ask: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Wait until the answer is what is wanted."""
    async with asyncio.timeout(PATIENCE):
        while await ask() != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def a_process(url: str) -> AsyncIterator[Process]:
    time = FakeTime()
    statements: list[str] = []
    listener = Listener(url, now=time)
    database = Database(url, query_logger=lambda record: statements.append(record.query))
    async with database.open(), listener.listening():
        process = Process(database, listener, time, statements)
        await process.is_current()
        yield process


@pytest.fixture
async def processes(database_url: str) -> AsyncIterator[tuple[Process, Process]]:
    """Return two processes on one database, both listening."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(a_process(database_url))
        yield one, await stack.enter_async_context(a_process(database_url))


@pytest.fixture
async def process(database_url: str) -> AsyncIterator[Process]:
    async with a_process(database_url) as process:
        yield process


async def kill_listener(process: Process) -> None:
    """End the server's side of the connection that listens; the pool's connections go on."""
    killed = await process.database.fetchval(
        """select count(pg_terminate_backend(pid))
             from pg_stat_activity
            where datname = current_database() and query like '%pg_notify%' and pid <> pg_backend_pid()"""
    )
    assert killed


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
        await process.desk.read(ticket.id, by=Actor.user(user_id))


async def test_what_another_process_has_saved_is_heard(processes: tuple[Process, Process]) -> None:
    here, there = processes
    user_id = await here.user()
    ticket = await here.ticket(user_id)
    for _ in range(3):
        assert await there.badge(user_id) == 0
        await here.reply(ticket.id, ADMIN)
        await becomes(lambda: there.badge(user_id), 1)
        await here.desk.read(ticket.id, by=Actor.user(user_id))
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
    assert await process.badge(user_id) == 1 - wanted

    arguments = [ticket.id] if "$1" in change else []
    await process.database.fetch(change, *arguments)

    await becomes(lambda: process.badge(user_id), wanted)


async def test_a_ticket_that_is_given_to_another_user_changes_both_badges(process: Process) -> None:
    giver, taker = await process.user(), await process.user()
    ticket = await process.ticket(giver)
    await process.reply(ticket.id, ADMIN)
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
    await process.desk.read(ticket.id, by=ADMIN)
    await process.desk.move(ticket.id, "resolved", by=ADMIN)
    await process.reply(ticket.id, ADMIN)
    await process.reply(ticket.id, ADMIN)
    # comes behind all of these, as they are told in their order
    await process.database.fetch("select pg_notify('tickets_changes', 'end')")
    await until(lambda: "end" in told)

    assert told == [f"badge:{user_id}", "end"]
    await connection.close()


async def test_a_listener_that_has_not_heard_of_itself_for_a_second_is_not_believed(
    process: Process,
) -> None:
    user_id = await process.user()
    await process.badge(user_id)
    assert await process.asks(process.badge(user_id)) == 0

    process.time.seconds += CURRENT_SECONDS

    assert await process.asks(process.badge(user_id)) == 1
    await process.is_current()
    assert await process.asks(process.badge(user_id)) == 0


async def test_what_changes_while_nothing_is_heard_is_not_missed(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    user_id = await here.user()
    token = await here.token(user_id)
    ticket = await here.ticket(user_id)
    await there.badge(user_id)
    await there.users.by_token(token)

    await kill_listener(there)
    await here.reply(ticket.id, ADMIN)
    await here.revoke(token)

    await becomes(lambda: there.badge(user_id), 1)
    await becomes(lambda: there.users.by_token(token), None)
    # and it is heard again
    await becomes(lambda: there.asks(there.badge(user_id)), 0)
    assert await there.badge(user_id) == 1
    await here.desk.read(ticket.id, by=Actor.user(user_id))
    await becomes(lambda: there.badge(user_id), 0)


async def test_a_token_is_remembered_until_it_is_revoked_anywhere(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    user_id = await here.user()
    token = await here.token(user_id)
    assert await there.users.by_token(token) == user_id
    assert await there.asks(there.users.by_token(token)) == 0

    await here.revoke(token)

    await becomes(lambda: there.users.by_token(token), None)


async def test_a_token_that_is_given_to_another_user_is_heard(process: Process) -> None:
    first, second = await process.user(), await process.user()
    token = await process.token(first)
    assert await process.users.by_token(token) == first

    await process.database.fetch("update ticket_tokens set user_id = $1", second)

    await becomes(lambda: process.users.by_token(token), second)


async def test_a_token_that_expires_is_not_honoured_whatever_is_heard(process: Process) -> None:
    user_id = await process.user()
    token = await process.token(user_id)
    await process.database.fetch(
        "update ticket_tokens set expires_at = now() + interval '30 seconds' where token_sha256 = $1",
        sha256(token.encode()).digest(),
    )
    assert await process.users.by_token(token) == user_id

    process.time.seconds += 30
    await process.is_current()

    # by this process's clock it is over; the database, whose clock has not moved, is asked
    assert await process.asks(process.users.by_token(token)) == 1


@pytest.mark.parametrize("nonsense", ["badge:", "badge:seven", "token:", "token:xyz", "", "?"])
async def test_what_cannot_be_understood_does_no_harm(process: Process, nonsense: str) -> None:
    user_id = await process.user()
    token = await process.token(user_id)
    await process.badge(user_id)
    await process.users.by_token(token)

    await process.database.fetch("select pg_notify('tickets_changes', $1)", nonsense)
    ticket = await process.ticket(user_id)
    await process.reply(ticket.id, ADMIN)

    assert await process.badge(user_id) == 1
    assert await process.users.by_token(token) == user_id


async def test_without_a_listener_each_badge_is_asked_for(database_url: str) -> None:
    statements: list[str] = []
    database = Database(database_url, query_logger=lambda record: statements.append(record.query))
    async with database.open():
        views = PostgresTicketViews(database)
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
        asking = asyncio.create_task(cache.ask("a", question))
        await asyncio.sleep(0)
        overtake(cache, "a")
        question.answer.set_result(1)

        assert await asking == 1
        assert cache.get("a") is None


async def test_an_answer_from_before_a_change_does_not_replace_one_from_behind_it() -> None:
    cache = Cache[str, int]()
    early, late = Question(), Question()
    first = asyncio.create_task(cache.ask("a", early))
    await asyncio.sleep(0)
    cache.invalidate("a")
    second = asyncio.create_task(cache.ask("a", late))
    await asyncio.sleep(0)

    late.answer.set_result(2)
    await second
    early.answer.set_result(1)
    await first

    assert cache.get("a") == 2


async def test_a_question_that_fails_leaves_nothing_behind() -> None:
    cache = Cache[str, int]()
    question = Question()
    question.answer.set_exception(ValueError)

    with pytest.raises(ValueError):  # noqa: PT011 - the very one
        await cache.ask("a", question)

    assert vars(cache) == vars(Cache[str, int]())


async def test_only_so_much_is_remembered() -> None:
    cache = Cache[int, int](most=3)
    for number in range(5):
        answer = Question()
        answer.answer.set_result(number)
        await cache.ask(number, answer)

    assert [cache.get(number) for number in range(5)] == [None, None, 2, 3, 4]
