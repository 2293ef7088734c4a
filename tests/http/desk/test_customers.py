"""A customer beside a ticket: address, numbers by status, and a link to the platform."""

from __future__ import annotations

import pytest

from tests.http.conftest import Api, Caller, application_on, client_of
from tests.http.problems import problem
from tests.world import PostgresWorld, World


async def test_a_customer_has_an_address_and_the_number_of_tickets_by_status(
    api: Api, user: Caller
) -> None:
    for status in ("closed", "closed", "resolved"):
        ticket = await api.ticket(user)
        await api.admin.put(f"/admin/{ticket['id']}/status", {"status": status})
    await api.ticket(user)
    await api.ticket(await api.user())

    response = await api.admin.get(f"/admin/users/{user.user_id}")

    (row,) = [
        row
        for row in (await api.admin.get("/admin/all?status=open")).json()["tickets"]
        if row["user_id"] == user.user_id
    ]
    assert response.status_code == 200
    body = response.json()
    # in PostgreSQL the service's own table of users has it
    body["user"].pop("created_at")
    assert body == {
        "user": {"id": user.user_id, "email": row["user_email"]},
        "counts": {"open": 1, "in_progress": 0, "resolved": 1, "closed": 2},
        "profile_url": None,
    }


async def test_a_customer_has_a_link_where_the_setting_is_there(world: World) -> None:
    url = "https://app.example.com/users/{id}?from=tickets"
    async with client_of(application_on(world, customer_url=url)) as client:
        api = Api(world, client)
        user = await api.user()
        body = (await api.admin.get(f"/admin/users/{user.user_id}")).json()

    assert body["profile_url"] == f"https://app.example.com/users/{user.user_id}?from=tickets"
    assert body["counts"] == {"open": 0, "in_progress": 0, "resolved": 0, "closed": 0}


@pytest.mark.parametrize("user_id", ["0", "-1", "2000000000", "99999999999"])
async def test_an_unknown_customer_is_a_404(api: Api, user_id: str) -> None:
    body = problem(await api.admin.get(f"/admin/users/{user_id}"), 404)

    assert body["detail"] == "There is no such user."


async def test_a_customers_number_has_one_spelling(api: Api) -> None:
    problem(await api.admin.get("/admin/users/007"), 400)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (None, None),
        ("timestamptz default '2026-01-02 03:04:05+02'", "2026-01-02T01:04:05Z"),
        ("timestamp default '2026-01-02 03:04:05'", "2026-01-02T03:04:05Z"),
        ("date default '2026-01-02'", "2026-01-02T00:00:00Z"),
        ("timestamptz default 'infinity'", None),
        ("timestamptz", None),
        ("bigint default 1767323045", None),
    ],
)
async def test_the_platforms_own_time_is_shown_where_there_is_one(
    postgres_world: PostgresWorld, column: str | None, expected: str | None
) -> None:
    await postgres_world.database.fetch("alter table users drop column created_at")
    if column is not None:
        await postgres_world.database.fetch(f"alter table users add column created_at {column}")
    async with client_of(application_on(postgres_world)) as client:
        api = Api(postgres_world, client)
        user = await api.user()
        body = (await api.admin.get(f"/admin/users/{user.user_id}")).json()

    assert body["user"]["created_at"] == expected
