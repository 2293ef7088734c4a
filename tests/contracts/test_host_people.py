"""The port `People` on every adapter: people and admins of a host, by the host's ids."""

from __future__ import annotations

import asyncio

import pytest

from tests.world import PostgresWorld, World
from tickets.adapters.postgres.identity.people import PostgresPeople
from tickets.domain.errors import NotAuthenticated
from tickets.domain.identities import Admin, InvalidIdentity, User
from tickets.domain.people import MAX_ADMINS, Actor

MARA = User("host-42", "mara@example.com", "Mara")


async def test_a_person_is_unknown_until_added_and_keeps_the_id(world: World) -> None:
    before = await world.snapshot()
    assert await world.people.user_id(MARA, add=False) is None
    assert await world.snapshot() == before

    added = await world.people.user_id(MARA, add=True)

    assert added is not None
    assert await world.people.user_id(MARA, add=False) == added
    assert await world.people.user_id(MARA, add=True) == added


async def test_many_first_requests_at_once_add_one_person(world: World) -> None:
    ids = await asyncio.gather(*(world.people.user_id(MARA, add=True) for _ in range(20)))
    assert len(set(ids)) == 1


async def test_an_address_selects_and_joins_nobody(world: World) -> None:
    own = await world.user("mara@example.com")
    people = [User(each, "mara@example.com") for each in ("1", "01", " 1".strip() + "x", "１")]

    ids = [await world.people.user_id(user, add=True) for user in people]

    assert len({own, *ids}) == 5


async def test_a_person_needs_no_address(world: World) -> None:
    user_id = await world.people.user_id(User("nobody"), add=True)
    assert user_id is not None
    ticket = await world.ticket(user_id)
    assert not (await world.detail(ticket.id)).user_email


async def test_a_changed_address_is_stored_at_the_next_write(world: World) -> None:
    user_id = await world.people.user_id(MARA, add=True)
    assert user_id is not None
    ticket = await world.ticket(user_id)

    await world.people.user_id(User(MARA.id, "new@example.com"), add=False)
    assert (await world.detail(ticket.id)).user_email == "mara@example.com"
    await world.people.user_id(User(MARA.id, "new@example.com"), add=True)
    assert (await world.detail(ticket.id)).user_email == "new@example.com"


async def test_an_admin_is_added_once_and_renamed_by_the_host(world: World) -> None:
    admin = await world.people.admin(Admin("a-1", "Nadia Berg", "nadia@example.com"))
    assert admin is not None
    renamed = await world.people.admin(Admin("a-1", "Nadia Stern", "nadia@example.com"))
    assert renamed is not None
    assert (renamed.id, renamed.name) == (admin.id, "Nadia Stern")
    assert [entry.name for entry in await world.admins.entries()] == ["Nadia Stern"]


async def test_an_admin_with_a_colleagues_address_is_somebody_else(world: World) -> None:
    own = await world.admin("Nadia Berg", "nadia@example.com")
    other = await world.people.admin(Admin("a-1", "Not Nadia", "NADIA@example.com"))
    assert other is not None
    assert other.id != own.id
    assert {entry.name: entry.email for entry in await world.admins.entries()} == {
        "Nadia Berg": "nadia@example.com",
        "Not Nadia": "",
    }


async def test_an_admin_who_was_disabled_here_is_refused(world: World) -> None:
    admin = await world.people.admin(Admin("a-1", "Nadia Berg"))
    assert admin is not None
    await world.disable(admin)
    with pytest.raises(NotAuthenticated):
        await world.people.admin(Admin("a-1", "Nadia Berg"))


async def test_a_full_team_adds_nobody(world: World) -> None:
    for n in range(MAX_ADMINS):
        assert await world.people.admin(Admin(f"a-{n}", f"Admin {n}")) is not None
    assert await world.people.admin(Admin("one-more", "One More")) is None
    assert await world.people.admin(Admin("a-1", "Admin 1")) is not None


async def test_a_hosts_admin_replies_under_the_own_name(world: World) -> None:
    admin = await world.people.admin(Admin("a-1", "Nadia Berg"))
    assert admin is not None
    ticket = await world.ticket()
    message = await world.reply(ticket.id, Actor.named(admin))
    assert message.sender_name == "Nadia Berg"


@pytest.mark.parametrize("value", ["", " 7", "x" * 256, "a\0b", "a\nb", 7, None, True, b"7"])
def test_an_id_that_cannot_be_one_is_refused(value: object) -> None:
    with pytest.raises(InvalidIdentity):
        User(value)  # type: ignore[arg-type] # what hosts may do
    with pytest.raises(InvalidIdentity):
        Admin(value, "Nadia")  # type: ignore[arg-type] # the same


def test_an_admin_has_a_name_and_a_long_address_is_none() -> None:
    for name in ("", " \n"):
        with pytest.raises(InvalidIdentity):
            Admin("7", name)
    assert User("7", "x" * 321).email is None
    assert User("7", "x" * 320, "y" * 300) == User("7", "x" * 320, "y" * 100)


@pytest.fixture
async def platform(postgres_world: World) -> PostgresWorld:
    """Return a world whose table of users looks like a platform's."""
    assert isinstance(postgres_world, PostgresWorld)
    await postgres_world.database.fetch("alter table users drop column is_external")
    postgres_world.people = PostgresPeople(postgres_world.database, seconds=0)
    return postgres_world


@pytest.mark.postgres
async def test_in_a_platforms_table_the_external_id_is_its_id(platform: PostgresWorld) -> None:
    user_id = await platform.user("mara@example.com")
    before = await platform.snapshot()

    assert await platform.people.user_id(User(str(user_id)), add=True) == user_id

    for other in (f"0{user_id}", f"+{user_id}", f"{user_id}.0", "１", "0", "-1", "9" * 10, "x"):
        for add in (True, False):
            with pytest.raises(NotAuthenticated):
                await platform.people.user_id(User(other), add=add)
    assert await platform.snapshot() == before


@pytest.mark.postgres
async def test_a_cached_person_needs_no_query(postgres_world: World) -> None:
    assert isinstance(postgres_world, PostgresWorld)
    now = [1000.0]
    people = PostgresPeople(postgres_world.database, seconds=10, monotonic=lambda: now[0])
    user_id = await people.user_id(MARA, add=True)
    admin = await people.admin(Admin("a-1", "Nadia Berg"))
    await postgres_world.database.fetch("truncate ticket_people")
    await postgres_world.database.fetch("update ticket_admins set name = 'Somebody'")

    assert await people.user_id(MARA, add=False) == user_id
    assert await people.admin(Admin("a-1", "Nadia Berg")) == admin
    now[0] += 10
    assert await people.user_id(MARA, add=False) is None
