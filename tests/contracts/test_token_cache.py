"""Remembering who holds a token: for how long, how many, and what is never remembered."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.world import FakeTime, PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.cached_token_lookup import CachedTokenLookup
from tickets.adapters.postgres.identity.token_lookup import Holder, Identity, PostgresTokenLookup
from tickets.domain.errors import StoreUnavailable


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def users(postgres_world: PostgresWorld, time: FakeTime) -> CachedTokenLookup:
    assert isinstance(postgres_world.token_lookup, PostgresTokenLookup)
    return CachedTokenLookup(
        postgres_world.token_lookup, seconds=5, max_entries=3, now=time, listener=None
    )


async def revoke_all(database: Database) -> None:
    await database.fetch("delete from ticket_tokens")


async def test_a_revoked_token_is_honoured_for_the_seconds_and_not_a_moment_longer(
    postgres_world: PostgresWorld, users: CachedTokenLookup, database: Database, time: FakeTime
) -> None:
    user_id = await postgres_world.user()
    token = await postgres_world.token(user_id)
    assert await users.by_token(token) == user_id
    await revoke_all(database)

    time.seconds += 4.9
    assert await users.by_token(token) == user_id
    time.seconds += 0.1
    assert await users.by_token(token) is None


async def test_using_a_token_does_not_make_it_last(
    postgres_world: PostgresWorld, users: CachedTokenLookup, database: Database, time: FakeTime
) -> None:
    token = await postgres_world.token(await postgres_world.user())
    await users.by_token(token)
    await revoke_all(database)

    for _ in range(6):
        time.seconds += 1
        last = await users.by_token(token)

    assert last is None


async def test_a_token_that_goes_on_is_remembered_anew(
    postgres_world: PostgresWorld, users: CachedTokenLookup, database: Database, time: FakeTime
) -> None:
    user_id = await postgres_world.user()
    token = await postgres_world.token(user_id)
    await users.by_token(token)
    time.seconds += 5
    assert await users.by_token(token) == user_id
    await revoke_all(database)

    time.seconds += 4.9
    assert await users.by_token(token) == user_id


async def test_a_token_that_runs_out_is_not_honoured_beyond_its_end(
    postgres_world: PostgresWorld, database: Database, time: FakeTime
) -> None:
    assert isinstance(postgres_world.token_lookup, PostgresTokenLookup)
    users = CachedTokenLookup(postgres_world.token_lookup, seconds=300, now=time, listener=None)
    user_id = await postgres_world.user()
    token = await postgres_world.token_admin.new_token(user_id, lifetime=timedelta(seconds=60))
    assert await users.by_token(token) == user_id

    await revoke_all(database)

    time.seconds += 30
    assert await users.by_token(token) == user_id
    time.seconds += 30
    assert await users.by_token(token) is None


async def test_a_session_of_the_platform_is_not_honoured_beyond_its_end(
    database: Database, time: FakeTime
) -> None:
    await database.fetch(
        """create table sessions (
               token text primary key, user_id int, expires_at timestamp, created_at timestamp)"""
    )
    await database.fetch("insert into users (id, email) values (7, 'a@b.c'), (8, 'd@e.f')")
    await database.fetch(
        """insert into sessions values
               ('short', 7, timezone('utc', now()) + interval '60 seconds', timezone('utc', now())),
               ('endless', 7, 'infinity', timezone('utc', now()))"""
    )
    platform = PostgresTokenLookup(database, Identity.named("sessions"))
    users = CachedTokenLookup(platform, seconds=300, now=time, listener=None)
    assert [await users.by_token("short"), await users.by_token("endless")] == [7, 7]
    await database.fetch("update sessions set user_id = 8, expires_at = 'infinity'")

    time.seconds += 60

    assert [await users.by_token("short"), await users.by_token("endless")] == [8, 7]


async def test_a_query_that_does_not_tell_the_end_is_asked_again_after_the_seconds(
    database: Database, time: FakeTime
) -> None:
    await database.fetch("create table keys (key text, user_id int)")
    await database.fetch("insert into keys values ('good', 7)")
    query = "select user_id from keys where key = $1"
    users = CachedTokenLookup(
        PostgresTokenLookup(database, Identity(query, hashed=False)),
        seconds=5,
        listener=None,
        now=time,
    )
    assert await users.by_token("good") == 7
    await database.fetch("update keys set user_id = 8")

    answers = [await users.by_token("good")]
    time.seconds += 5
    answers.append(await users.by_token("good"))

    assert answers == [7, 8]


async def test_a_new_token_is_good_at_once_though_it_was_tried_before(
    postgres_world: PostgresWorld, users: CachedTokenLookup, database: Database
) -> None:
    user_id = await postgres_world.user()
    token = await postgres_world.token(user_id)
    (row,) = await database.fetch("delete from ticket_tokens returning token_sha256, expires_at")
    assert await users.by_token(token) is None

    await database.fetch(
        "insert into ticket_tokens values ($1, $2, now(), $3)", row[0], user_id, row[1]
    )

    assert await users.by_token(token) == user_id


async def test_no_more_tokens_are_remembered_than_there_is_room_for(
    postgres_world: PostgresWorld, users: CachedTokenLookup, database: Database
) -> None:
    user_id = await postgres_world.user()
    tokens = [await postgres_world.token(user_id) for _ in range(4)]
    for token in tokens:
        await users.by_token(token)
    await revoke_all(database)

    answers = [await users.by_token(token) for token in tokens]

    assert answers == [None, user_id, user_id, user_id]


class SlowUsers(PostgresTokenLookup):
    """Answers when it is let, and counts how often it is asked."""

    def __init__(self, answer: Holder | Exception | None) -> None:
        self.answer = answer
        self.asked = 0
        self.let = asyncio.Event()
        self._somebody_asked = asyncio.Event()

    async def asked_for(self) -> None:
        """Return when somebody has asked."""
        await self._somebody_asked.wait()

    async def holder(self, token: str) -> Holder | None:
        del token
        self.asked += 1
        self._somebody_asked.set()
        await self.let.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_those_who_ask_at_the_same_moment_share_one_query(time: FakeTime) -> None:
    slow = SlowUsers(Holder(7, 60))
    users = CachedTokenLookup(slow, seconds=5, now=time, listener=None)
    asking = [asyncio.create_task(users.by_token("one")) for _ in range(64)]
    await slow.asked_for()
    slow.let.set()

    assert await asyncio.gather(*asking) == [7] * 64
    assert slow.asked == 1


async def test_somebody_who_leaves_takes_nobody_elses_answer_along(time: FakeTime) -> None:
    slow = SlowUsers(Holder(7, 60))
    users = CachedTokenLookup(slow, seconds=5, now=time, listener=None)
    first, second = (asyncio.create_task(users.by_token("one")) for _ in range(2))
    await slow.asked_for()
    first.cancel()
    slow.let.set()

    assert await second == 7
    assert first.cancelled()


async def test_an_answer_counts_from_when_it_was_asked_for(time: FakeTime) -> None:
    slow = SlowUsers(Holder(7, 60))
    users = CachedTokenLookup(slow, seconds=5, now=time, listener=None)
    asking = asyncio.create_task(users.by_token("one"))
    await slow.asked_for()
    time.seconds += 5  # the database took its time
    slow.let.set()
    await asking

    slow.answer = None

    assert await users.by_token("one") is None


async def test_a_failure_is_told_to_all_who_asked_and_forgotten(time: FakeTime) -> None:
    slow = SlowUsers(StoreUnavailable())
    users = CachedTokenLookup(slow, seconds=5, now=time, listener=None)
    slow.let.set()
    failures = await asyncio.gather(
        users.by_token("one"), users.by_token("one"), return_exceptions=True
    )
    slow.answer = Holder(7, 60)

    assert [type(failure) for failure in failures] == [StoreUnavailable, StoreUnavailable]
    assert await users.by_token("one") == 7
