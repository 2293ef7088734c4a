"""The port `CustomerLookup` on every adapter: whom an admin names by id or by address."""

from __future__ import annotations

import pytest

from tests.world import World


async def test_a_customer_is_found_by_id(world: World) -> None:
    first, second = await world.user(), await world.user()

    assert list(await world.customers.find(user_id=first, email=None)) == [first]
    assert list(await world.customers.find(user_id=second, email=None)) == [second]


@pytest.mark.parametrize(
    ("stored", "named"),
    [
        ("mara@example.com", "mara@example.com"),
        ("Mara.Lind@Example.com", "mara.lind@example.COM"),
        ("MARA+desk@example.com", "mara+DESK@example.com"),
        ("mära@example.com", "mära@example.com"),
        ("%@example.com", "%@example.com"),
    ],
)
async def test_a_customer_is_found_by_the_address_in_any_capitalisation(
    world: World, stored: str, named: str
) -> None:
    await world.user("somebody.else@example.com")
    user_id = await world.user(stored)

    assert list(await world.customers.find(user_id=None, email=named)) == [user_id]


@pytest.mark.parametrize(
    "email",
    [
        "",
        " ",
        "mara",
        "mara@",
        "mara@example.co",
        "mara@example.comm",
        " mara@example.com",
        "_ara@example.com",
        "%@example.com",
        "mara@example.com\0",
        "\ud800@example.com",
        "x" * 10_000,
        "' or true --",
    ],
)
async def test_nobody_is_found_by_a_part_of_an_address_or_a_pattern(
    world: World, email: str
) -> None:
    await world.user("mara@example.com")

    assert list(await world.customers.find(user_id=None, email=email)) == []


@pytest.mark.parametrize("user_id", [0, -1, 999_999, 2**31 - 1, 2**31, 2**63, 10**30])
async def test_nobody_is_found_by_an_unknown_id_however_large_it_is(
    world: World, user_id: int
) -> None:
    await world.user()

    assert list(await world.customers.find(user_id=user_id, email=None)) == []


async def test_an_address_of_several_users_finds_two_of_them_lowest_first(world: World) -> None:
    """A platform may allow addresses that differ in their capitals alone."""
    ids = [
        await world.platform_user(email)
        for email in ("mara@example.com", "Mara@example.com", "MARA@example.com")
    ]

    assert list(await world.customers.find(user_id=None, email="mara@Example.com")) == ids[:2]


async def test_nothing_is_found_where_the_customer_is_named_twice_or_not_at_all(
    world: World,
) -> None:
    user_id = await world.user("mara@example.com")

    assert list(await world.customers.find(user_id=None, email=None)) == []
    assert list(await world.customers.find(user_id=user_id, email="mara@example.com")) == []
