"""The port `TokenLookup` on every adapter, identity query and cache; and the port `Clock`."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

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
        pytest.param("cached", marks=pytest.mark.postgres),
    ]
)
def world(request: pytest.FixtureRequest) -> World:
    """Return the ports on each adapter in turn, and on PostgreSQL with a token cache."""
    if request.param != "cached":
        adapter: World = request.getfixturevalue(f"{request.param}_world")
        return adapter
    world: World = request.getfixturevalue("postgres_world")
    assert isinstance(world.token_lookup, PostgresTokenLookup)
    world.token_lookup = CachedTokenLookup(world.token_lookup, seconds=60, listener=None)
    return world


async def test_a_token_is_looked_up_to_its_user(world: World) -> None:
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
async def test_an_unknown_or_malformed_token_belongs_to_nobody(world: World, token: str) -> None:
    await world.token(await world.user())

    for _ in range(2):
        assert await world.token_lookup.by_token(token) is None


async def test_a_cached_token_is_returned_without_a_query_and_an_unknown_one_never(
    world: World,
) -> None:
    user_id = await world.user()
    token = await world.token(user_id)
    await world.token_lookup.by_token(token)

    without_cache = isinstance(world.token_lookup, PostgresTokenLookup)
    assert world.token_lookup.cached(token) == (None if without_cache else user_id)
    for unknown in ("", "unknown", "\ud800", "é"):
        assert await world.token_lookup.by_token(unknown) is None
        assert world.token_lookup.cached(unknown) is None


async def test_only_the_hash_of_a_token_is_stored(
    postgres_world: PostgresWorld, database: Database
) -> None:
    token = await postgres_world.token(await postgres_world.user())

    (row,) = await database.fetch("select token_sha256::text as stored from ticket_tokens")

    assert token not in row["stored"]
    assert token.encode().hex() not in row["stored"]


async def test_an_expired_token_belongs_to_nobody(postgres_world: PostgresWorld) -> None:
    user_id = await postgres_world.user()
    token_admin = postgres_world.token_admin
    expired = await token_admin.new_token(user_id, lifetime=timedelta(seconds=-1))
    lasting = await token_admin.new_token(user_id, lifetime=timedelta(minutes=1))

    assert await postgres_world.token_lookup.by_token(expired) is None
    assert await postgres_world.token_lookup.by_token(lasting) == user_id


async def test_a_user_is_found_by_email_address_in_any_capitalisation(
    postgres_world: PostgresWorld,
) -> None:
    token_admin = postgres_world.token_admin

    first = await token_admin.user("Mara@Example.com")

    assert await token_admin.user("mara@example.com") == first
    assert await token_admin.user("other@example.com") != first


@pytest.fixture
async def sessions(database: Database) -> PostgresTokenLookup:
    """Return the lookup in the host platform's sessions, a table as in the contract."""
    await database.fetch(
        """create table sessions (
               token text primary key, user_id int, expires_at timestamp, created_at timestamp)"""
    )
    await database.fetch("""insert into users (id, email) values (7, 'mara@example.com')""")
    await database.fetch(
        """insert into sessions
           select token, user_id, timezone('utc', now()) + lifetime, timezone('utc', now())
             from (values ('good', 7, interval '1 minute'),
                          ('expired', 7, interval '-1 second'),
                          ('endless', 7, null),
                          ('orphan', 8, interval '1 minute')) as s (token, user_id, lifetime)"""
    )
    return PostgresTokenLookup(database, Identity.named("sessions"))


async def test_a_session_of_the_host_platform_signs_in_until_it_expires(
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
async def test_a_session_expires_in_utc_whatever_the_time_zone_of_the_server(
    sessions: PostgresTokenLookup, database: Database, database_url: str, zone: str
) -> None:
    name = database_url.partition("?")[0].rpartition("/")[2]
    await database.fetch(f"alter database {name} set timezone to '{zone}'")

    async with Database(database_url).open() as other_database:
        token_lookup = PostgresTokenLookup(other_database, Identity.named("sessions"))
        assert await token_lookup.by_token("good") == 7
        assert await token_lookup.by_token("expired") is None
    assert await sessions.by_token("good") == 7


async def test_an_identity_query_can_be_read_from_a_file(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("sql") / "ours.sql"
    file.write_text(
        "-- Our API keys.\n\n-- name: user_by_token\n-- Who owns the key.\n"
        "select length($1::text)::int where $1 <> 'nobody';\n"
    )

    token_lookup = PostgresTokenLookup(database, Identity.named(str(file)))

    assert await token_lookup.by_token("four") == 4
    assert await token_lookup.by_token("nobody") is None


@pytest.mark.parametrize(
    "sql",
    [
        "select (array[1, 2])[1 :hi] from keys",
        "select $$it is :x$$",
        "-- include: nothing\nselect 1",
        r"select E'it\'s :x'",
    ],
)
def test_a_query_from_a_file_runs_as_it_is_written(sql: str, tmp_path: Path) -> None:
    file = tmp_path / "identity.sql"
    file.write_text(f"-- name: user_by_token\n{sql};\n")

    assert Identity.named(str(file)) == Identity(sql, hashed=False)


async def test_a_file_without_an_identity_query_is_an_error(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file = tmp_path_factory.mktemp("sql") / "ours.sql"
    file.write_text("-- name: something_else\nselect 1;\n")

    with pytest.raises(ValueError, match="has no query named user_by_token"):
        Identity.named(str(file))
    with pytest.raises(OSError, match="No such file"):
        Identity.named(str(file) + ".missing")


async def test_adding_one_user_concurrently_creates_one_row(database: Database) -> None:
    token_admin = TokenAdmin(database, SystemClock())

    found = await asyncio.gather(*(token_admin.user("mara@example.com") for _ in range(10)))

    assert len(set(found)) == 1


def test_the_system_clock_returns_utc_with_its_offset_and_never_goes_back() -> None:
    first, second = SystemClock().now(), SystemClock().now()

    assert first.utcoffset() == timedelta(0)
    assert first <= second
