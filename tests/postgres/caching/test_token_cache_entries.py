"""The entries of the token cache (`CachedTokenLookup`): expiry, eviction, what is never cached."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.world import FakeTime, PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.cached_token_lookup import CachedTokenLookup
from tickets.adapters.postgres.identity.holder import Holder
from tickets.adapters.postgres.identity.token_lookup import Identity, PostgresTokenLookup
from tickets.domain.errors import StoreUnavailable


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def token_cache(postgres_world: PostgresWorld, time: FakeTime) -> CachedTokenLookup[int]:
    assert isinstance(postgres_world.token_lookup, PostgresTokenLookup)
    return CachedTokenLookup(
        postgres_world.token_lookup, seconds=5, max_entries=3, now=time, listener=None
    )


async def revoke_all(database: Database) -> None:
    await database.fetch("delete from ticket_tokens")


async def test_a_revoked_token_is_valid_until_its_cache_entry_expires(
    postgres_world: PostgresWorld,
    token_cache: CachedTokenLookup[int],
    database: Database,
    time: FakeTime,
) -> None:
    user_id = await postgres_world.user()
    token = await postgres_world.token(user_id)
    assert await token_cache.by_token(token) == user_id
    await revoke_all(database)

    time.seconds += 4.9
    assert await token_cache.by_token(token) == user_id
    time.seconds += 0.1
    assert await token_cache.by_token(token) is None


async def test_a_cache_hit_does_not_extend_the_entry(
    postgres_world: PostgresWorld,
    token_cache: CachedTokenLookup[int],
    database: Database,
    time: FakeTime,
) -> None:
    token = await postgres_world.token(await postgres_world.user())
    await token_cache.by_token(token)
    await revoke_all(database)

    for _ in range(6):
        time.seconds += 1
        last = await token_cache.by_token(token)

    assert last is None


async def test_a_token_that_is_still_valid_is_cached_again(
    postgres_world: PostgresWorld,
    token_cache: CachedTokenLookup[int],
    database: Database,
    time: FakeTime,
) -> None:
    user_id = await postgres_world.user()
    token = await postgres_world.token(user_id)
    await token_cache.by_token(token)
    time.seconds += 5
    assert await token_cache.by_token(token) == user_id
    await revoke_all(database)

    time.seconds += 4.9
    assert await token_cache.by_token(token) == user_id


async def test_a_cached_token_is_not_valid_after_it_expires(
    postgres_world: PostgresWorld, database: Database, time: FakeTime
) -> None:
    assert isinstance(postgres_world.token_lookup, PostgresTokenLookup)
    token_cache = CachedTokenLookup(
        postgres_world.token_lookup, seconds=300, now=time, listener=None
    )
    user_id = await postgres_world.user()
    token = await postgres_world.token_admin.new_token(user_id, lifetime=timedelta(seconds=60))
    assert await token_cache.by_token(token) == user_id

    await revoke_all(database)

    time.seconds += 30
    assert await token_cache.by_token(token) == user_id
    time.seconds += 30
    assert await token_cache.by_token(token) is None


async def test_a_cached_session_of_the_host_platform_is_not_valid_after_it_expires(
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
    sessions = PostgresTokenLookup(database, Identity.named("sessions"))
    token_cache = CachedTokenLookup(sessions, seconds=300, now=time, listener=None)
    assert [await token_cache.by_token("short"), await token_cache.by_token("endless")] == [7, 7]
    await database.fetch("update sessions set user_id = 8, expires_at = 'infinity'")

    time.seconds += 60

    assert [await token_cache.by_token("short"), await token_cache.by_token("endless")] == [8, 7]


async def test_an_identity_query_without_an_expiry_is_cached_for_the_lifetime_of_an_entry(
    database: Database, time: FakeTime
) -> None:
    await database.fetch("create table keys (key text, user_id int)")
    await database.fetch("insert into keys values ('good', 7)")
    query = "select user_id from keys where key = $1"
    token_cache = CachedTokenLookup(
        PostgresTokenLookup(database, Identity(query, hashed=False)),
        seconds=5,
        listener=None,
        now=time,
    )
    assert await token_cache.by_token("good") == 7
    await database.fetch("update keys set user_id = 8")

    found = [await token_cache.by_token("good")]
    time.seconds += 5
    found.append(await token_cache.by_token("good"))

    assert found == [7, 8]


async def test_an_unknown_token_is_not_cached_so_that_a_new_one_is_valid_at_once(
    postgres_world: PostgresWorld, token_cache: CachedTokenLookup[int], database: Database
) -> None:
    user_id = await postgres_world.user()
    token = await postgres_world.token(user_id)
    (row,) = await database.fetch("delete from ticket_tokens returning token_sha256, expires_at")
    assert await token_cache.by_token(token) is None

    await database.fetch(
        "insert into ticket_tokens values ($1, $2, now(), $3)", row[0], user_id, row[1]
    )

    assert await token_cache.by_token(token) == user_id


async def test_beyond_max_entries_the_oldest_cached_token_is_evicted(
    postgres_world: PostgresWorld, token_cache: CachedTokenLookup[int], database: Database
) -> None:
    user_id = await postgres_world.user()
    tokens = [await postgres_world.token(user_id) for _ in range(4)]
    for token in tokens:
        await token_cache.by_token(token)
    await revoke_all(database)

    found = [await token_cache.by_token(token) for token in tokens]

    assert found == [None, user_id, user_id, user_id]


class SlowTokenLookup(PostgresTokenLookup):
    """A lookup whose response waits for `may_respond`, and which counts its queries."""

    def __init__(self, response: Holder[int] | Exception | None) -> None:
        self.response = response
        self.queries = 0
        self.may_respond = asyncio.Event()
        self._queried = asyncio.Event()

    async def is_queried(self) -> None:
        """Wait until there is a query."""
        await self._queried.wait()

    async def holder(self, token: str) -> Holder[int] | None:
        del token
        self.queries += 1
        self._queried.set()
        await self.may_respond.wait()
        if isinstance(self.response, Exception):
            raise self.response
        return self.response


async def test_concurrent_lookups_of_one_token_share_one_query(time: FakeTime) -> None:
    slow = SlowTokenLookup(Holder(7, 60))
    token_cache = CachedTokenLookup(slow, seconds=5, now=time, listener=None)
    lookups = [asyncio.create_task(token_cache.by_token("one")) for _ in range(64)]
    await slow.is_queried()
    slow.may_respond.set()

    assert await asyncio.gather(*lookups) == [7] * 64
    assert slow.queries == 1


async def test_a_cancelled_lookup_does_not_cancel_the_shared_query(time: FakeTime) -> None:
    slow = SlowTokenLookup(Holder(7, 60))
    token_cache = CachedTokenLookup(slow, seconds=5, now=time, listener=None)
    first, second = (asyncio.create_task(token_cache.by_token("one")) for _ in range(2))
    await slow.is_queried()
    first.cancel()
    slow.may_respond.set()

    assert await second == 7
    assert first.cancelled()


async def test_the_lifetime_of_an_entry_starts_when_its_query_starts(time: FakeTime) -> None:
    slow = SlowTokenLookup(Holder(7, 60))
    token_cache = CachedTokenLookup(slow, seconds=5, now=time, listener=None)
    lookup = asyncio.create_task(token_cache.by_token("one"))
    await slow.is_queried()
    time.seconds += 5  # the database took its time
    slow.may_respond.set()
    await lookup

    slow.response = None

    assert await token_cache.by_token("one") is None


async def test_a_failed_query_fails_all_its_lookups_and_is_not_cached(time: FakeTime) -> None:
    slow = SlowTokenLookup(StoreUnavailable())
    token_cache = CachedTokenLookup(slow, seconds=5, now=time, listener=None)
    slow.may_respond.set()
    failures = await asyncio.gather(
        token_cache.by_token("one"), token_cache.by_token("one"), return_exceptions=True
    )
    slow.response = Holder(7, 60)

    assert [type(failure) for failure in failures] == [StoreUnavailable, StoreUnavailable]
    assert await token_cache.by_token("one") == 7
