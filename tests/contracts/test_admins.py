"""The ports `AdminLookup` and `Admins` on every adapter, the first one also with a cache."""

from __future__ import annotations

import pytest

from tests.world import PostgresWorld, World
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.admins import PostgresAdminLookup
from tickets.adapters.postgres.identity.cached_token_lookup import CachedTokenLookup
from tickets.domain.people import MAX_ADMINS, Actor, AdminEntry, NamedAdmin
from tickets.domain.ticket import Status


@pytest.fixture(
    params=[
        "memory",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("cached", marks=pytest.mark.postgres),
    ]
)
def signing_in(request: pytest.FixtureRequest) -> World:
    """Return the ports on each adapter in turn, and on PostgreSQL with a token cache."""
    if request.param != "cached":
        adapter: World = request.getfixturevalue(f"{request.param}_world")
        return adapter
    world: World = request.getfixturevalue("postgres_world")
    assert isinstance(world.admin_lookup, PostgresAdminLookup)
    world.admin_lookup = CachedTokenLookup(
        world.admin_lookup, seconds=60, listener=None, kind="admin"
    )
    return world


async def test_a_token_is_looked_up_to_its_admin(signing_in: World) -> None:
    nadia, token_of_nadia = await signing_in.admin_with_token("Nadia Berg")
    omar, token_of_omar = await signing_in.admin_with_token("Omar 🎫")

    for _ in range(2):
        assert await signing_in.admin_lookup.by_token(token_of_nadia) == nadia
        assert await signing_in.admin_lookup.by_token(token_of_omar) == omar
    assert nadia.id != omar.id


@pytest.mark.parametrize(
    "token", ["", "unknown", " ", "a\0b", "\ud800", "é", "x" * 10_000, "' or true --"]
)
async def test_an_unknown_or_malformed_token_belongs_to_no_admin(
    signing_in: World, token: str
) -> None:
    await signing_in.admin()

    for _ in range(2):
        assert await signing_in.admin_lookup.by_token(token) is None
        assert signing_in.admin_lookup.cached(token) is None


async def test_the_token_of_a_user_belongs_to_no_admin_and_the_other_way_round(
    signing_in: World,
) -> None:
    _, token = await signing_in.admin_with_token("Nadia Berg")
    users = await signing_in.token(await signing_in.user())

    assert await signing_in.admin_lookup.by_token(users) is None
    assert await signing_in.token_lookup.by_token(token) is None


async def test_a_cached_token_is_returned_without_a_query(signing_in: World) -> None:
    admin, token = await signing_in.admin_with_token("Nadia Berg")
    await signing_in.admin_lookup.by_token(token)

    without_cache = isinstance(signing_in.admin_lookup, PostgresAdminLookup)
    assert signing_in.admin_lookup.cached(token) == (None if without_cache else admin)


async def test_the_token_of_a_disabled_admin_belongs_to_nobody(world: World) -> None:
    admin, token = await world.admin_with_token("Nadia Berg")
    await world.disable(admin)

    assert await world.admin_lookup.by_token(token) is None


async def test_only_the_hash_of_an_admins_token_is_stored(
    postgres_world: PostgresWorld, database: Database
) -> None:
    _, token = await postgres_world.admin_with_token("Nadia Berg")

    (row,) = await database.fetch("select to_jsonb(a)::text as stored from ticket_admins a")

    assert token not in row["stored"]
    assert token.encode().hex() not in row["stored"]


async def test_an_admin_is_found_by_id_until_disabled(world: World) -> None:
    admin = await world.admin("Nadia Berg", "nadia@example.com")
    admin_id = admin.id
    assert await world.admins.get(admin_id) == admin
    assert await world.admins.email_of(admin_id) == "nadia@example.com"

    await world.disable(admin)

    assert await world.admins.get(admin_id) is None
    assert await world.admins.email_of(admin_id) == "nadia@example.com"


@pytest.mark.parametrize("admin_id", [0, -1, 999_999, 2**31 - 1, 2**31, 2**63, 10**30])
async def test_an_unknown_id_is_no_admin_however_large_it_is(world: World, admin_id: int) -> None:
    assert await world.admins.get(admin_id) is None


async def test_admins_are_listed_by_name_with_disabled_ones_last(world: World) -> None:
    omar = await world.admin("omar", "omar@example.com")
    zoe = await world.admin("Zoe", "zoe@example.com")
    anna = await world.admin("Anna", "anna@example.com")
    await world.disable(anna)

    assert await world.admins.entries() == [
        AdminEntry(omar.id, "omar", "omar@example.com", active=True, open=0),
        AdminEntry(zoe.id, "Zoe", "zoe@example.com", active=True, open=0),
        AdminEntry(anna.id, "Anna", "anna@example.com", active=False, open=0),
    ]


async def test_without_admins_the_list_is_empty(world: World) -> None:
    assert list(await world.admins.entries()) == []


async def test_an_address_is_added_once_in_any_capitalisation(
    postgres_world: PostgresWorld,
) -> None:
    accounts = postgres_world.admin_accounts
    token = await accounts.add("Nadia", "Nadia@Example.com")

    assert await accounts.add("Another", "nadia@example.COM") is None

    assert token is not None
    admin = await postgres_world.admin_lookup.by_token(token)
    assert admin is not None
    assert admin.name == "Nadia"


async def test_a_disabled_admin_who_is_added_again_keeps_the_id_and_gets_a_new_token(
    postgres_world: PostgresWorld,
) -> None:
    accounts = postgres_world.admin_accounts
    admin, old = await postgres_world.admin_with_token("Nadia", "nadia@example.com")
    await postgres_world.disable(admin)

    new = await accounts.add("Nadia Berg", "Nadia@example.com")

    assert new is not None
    assert await postgres_world.admin_lookup.by_token(old) is None
    again = NamedAdmin(admin.id, "Nadia Berg")
    assert await postgres_world.admin_lookup.by_token(new) == again
    (entry,) = await postgres_world.admins.entries()
    assert (entry.email, entry.active) == ("Nadia@example.com", True)


async def test_a_new_token_ends_the_old_one_and_a_disabled_admin_gets_none(
    postgres_world: PostgresWorld,
) -> None:
    accounts = postgres_world.admin_accounts
    admin, old = await postgres_world.admin_with_token("Nadia")

    new = await accounts.new_token(admin.id)

    assert new is not None
    assert await postgres_world.admin_lookup.by_token(old) is None
    assert await postgres_world.admin_lookup.by_token(new) == admin
    await postgres_world.disable(admin)
    assert await accounts.new_token(admin.id) is None
    assert await postgres_world.admin_lookup.by_token(new) is None


async def test_a_team_has_a_bounded_number_of_active_admins(
    postgres_world: PostgresWorld, database: Database
) -> None:
    await database.fetch(
        "insert into ticket_admins (name, email) select n, n from generate_series(2, $1::int) as n",
        MAX_ADMINS,
    )
    last = await postgres_world.admin()

    assert await postgres_world.admin_accounts.add("One too many", "one@example.com") is None
    await postgres_world.disable(last)
    assert await postgres_world.admin_accounts.add("Somebody else", "else@example.com")


async def test_assigned_tickets_that_are_not_closed_are_counted_and_found_page_by_page(
    postgres_world: PostgresWorld, database: Database
) -> None:
    nadia, omar = await postgres_world.admin("Nadia"), await postgres_world.admin("Omar")
    ids = [(await postgres_world.ticket(status=status)).id for status in Status]
    await database.fetch("update tickets set assignee_id = $1", nadia.id)
    closed = ids[list(Status).index(Status.CLOSED)]
    expected = [ticket_id for ticket_id in ids if ticket_id != closed]

    assert [entry.open for entry in await postgres_world.admins.entries()] == [3, 0]
    first = await postgres_world.admins.assigned_to(nadia.id, after=0, limit=2)
    rest = await postgres_world.admins.assigned_to(nadia.id, after=first[-1], limit=2)
    assert [*first, *rest] == expected
    assert list(await postgres_world.admins.assigned_to(omar.id, after=0, limit=9)) == []

    await postgres_world.disable(nadia)

    # assigned by the column, and counted as unassigned
    assert [entry.open for entry in await postgres_world.admins.entries()] == [0, 0]
    found = await postgres_world.admins.assigned_to(nadia.id, after=0, limit=9)
    assert list(found) == expected


async def test_messages_are_stored_with_the_id_of_the_admin_who_wrote_them(
    postgres_world: PostgresWorld, database: Database
) -> None:
    nadia, ticket = await postgres_world.admin("Nadia"), await postgres_world.ticket()
    for by in (Actor.named(nadia), Actor.team(), Actor.user(ticket.user_id)):
        await postgres_world.reply(ticket.id, by, "Hello.")

    rows = await database.fetch("select admin_id from ticket_messages order by id")

    assert [row["admin_id"] for row in rows] == [None, nadia.id, None, None]
