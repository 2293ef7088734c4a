"""The port `TokenLookup`, on every adapter and every way of identifying; and the port `Clock`."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.world import PostgresWorld, World
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.cached_token_lookup import CachedTokenLookup
from tickets.adapters.postgres.identity.token_admin import TokenAdmin
from tickets.adapters.postgres.identity.token_lookup import Identity, PostgresTokenLookup
from tickets.clock import SystemClock


@pytest.fixture(
    params=[
        "memory",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("remembered", marks=pytest.mark.postgres),
    ]
)
def world(request: pytest.FixtureRequest) -> World:
    """Return the ports on each adapter in turn, and on PostgreSQL with users that are remembered."""
    if request.param != "remembered":
        adapter: World = request.getfixturevalue(f"{request.param}_world")
        return adapter
    world: World = request.getfixturevalue("postgres_world")
    assert isinstance(world.token_lookup, PostgresTokenLookup)
    world.token_lookup = CachedTokenLookup(world.token_lookup, seconds=60, listener=None)
    return world


async def test_a_token_is_its_users(world: World) -> None:
    first, second = await world.user(), await world.user()
    tokens = [await world.token(first), await world.token(second), await world.token(first)]

    for _ in range(2):
        assert [await world.token_lookup.by_token(token) for token in tokens] == [
            first,
            second,
            first,
        ]


@pytest.mark.parametrize(
    "token", ["", "unknown", " ", "a\0b", "\ud800", "é", "x" * 10_000, "' or true --"]
)
async def test_what_is_not_a_token_is_nobodys(world: World, token: str) -> None:
    await world.token(await world.user())

    for _ in range(2):
        assert await world.token_lookup.by_token(token) is None


async def test_a_token_is_kept_as_a_hash_alone(
    postgres_world: PostgresWorld, database: Database
) -> None:
    token = await postgres_world.token(await postgres_world.user())

    (row,) = await database.fetch("select token_sha256::text as kept from ticket_tokens")

    assert token not in row["kept"]
    assert token.encode().hex() not in row["kept"]


async def test_an_expired_token_is_nobodys(postgres_world: PostgresWorld) -> None:
    user_id = await postgres_world.user()
    token_admin = postgres_world.token_admin
    expired = await token_admin.new_token(user_id, lifetime=timedelta(seconds=-1))
    lasting = await token_admin.new_token(user_id, lifetime=timedelta(minutes=1))

    assert await postgres_world.token_lookup.by_token(expired) is None
    assert await postgres_world.token_lookup.by_token(lasting) == user_id


async def test_a_user_is_found_again_however_the_address_is_capitalised(
    postgres_world: PostgresWorld,
) -> None:
    token_admin = postgres_world.token_admin

    first = await token_admin.user("Mara@Example.com")

    assert await token_admin.user("mara@example.com") == first
    assert await token_admin.user("other@example.com") != first


@pytest.fixture
async def sessions(database: Database) -> PostgresTokenLookup:
    """Return the host platform's way: users and sessions as the contract has them."""
    await database.fetch(
        """create table sessions (
               token text primary key, user_id int, expires_at timestamp, created_at timestamp)"""
    )
    await database.fetch("""insert into users (id, email) values (7, 'mara@example.com')""")
    await database.fetch(
        """insert into sessions values
               ('good', 7, timezone('utc', now()) + interval '1 minute', timezone('utc', now())),
               ('expired', 7, timezone('utc', now()) - interval '1 second', timezone('utc', now())),
               ('endless', 7, null, timezone('utc', now())),
               ('orphan', 8, timezone('utc', now()) + interval '1 minute', timezone('utc', now()))"""
    )
    return PostgresTokenLookup(database, Identity.named("sessions"))


async def test_a_session_of_the_platform_signs_in_while_it_lasts(
    sessions: PostgresTokenLookup,
) -> None:
    found = {
        token: await sessions.by_token(token)
        for token in ("good", "expired", "endless", "orphan", "unknown", "a\0b")
    }

    assert found == {
        "good": 7,
        "expired": None,
        "endless": None,
        "orphan": None,
        "unknown": None,
        "a\0b": None,
    }


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Tokyo"])
async def test_a_sessions_end_is_utc_whatever_zone_the_server_is_in(
    sessions: PostgresTokenLookup, database: Database, database_url: str, zone: str
) -> None:
    name = database_url.partition("?")[0].rpartition("/")[2]
    await database.fetch(f"alter database {name} set timezone to '{zone}'")

    async with Database(database_url).open() as elsewhere:
        users = PostgresTokenLookup(elsewhere, Identity.named("sessions"))
        assert await users.by_token("good") == 7
        assert await users.by_token("expired") is None
    assert await sessions.by_token("good") == 7


async def test_a_platforms_own_query_is_one_file_away(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("sql") / "ours.sql"
    file.write_text(
        "-- Our API keys.\n\n-- name: user_by_token\n-- Who owns the key.\n"
        "select length($1::text)::int where $1 <> 'nobody';\n"
    )

    users = PostgresTokenLookup(database, Identity.named(str(file)))

    assert await users.by_token("four") == 4
    assert await users.by_token("nobody") is None


async def test_a_file_without_an_identity_query_is_refused(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file = tmp_path_factory.mktemp("sql") / "ours.sql"
    file.write_text("-- name: something_else\nselect 1;\n")

    with pytest.raises(ValueError, match="has no query named user_by_token"):
        Identity.named(str(file))
    with pytest.raises(OSError, match="No such file"):
        Identity.named(str(file) + ".missing")


async def test_adding_the_same_user_twice_at_once_makes_one(database: Database) -> None:
    token_admin = TokenAdmin(database, SystemClock())

    found = await asyncio.gather(*(token_admin.user("mara@example.com") for _ in range(10)))

    assert len(set(found)) == 1


def test_the_systems_clock_tells_utc_with_its_offset_and_never_stands_still_for_long() -> None:
    first, second = SystemClock().now(), SystemClock().now()

    assert first.utcoffset() == timedelta(0)
    assert first <= second
