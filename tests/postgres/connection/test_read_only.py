"""A database that can only be read: whatever needs no write is answered, the rest is a 503."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from tests.databases import with_setting
from tests.http.conftest import NEW_TICKET, client_of
from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.bootstrap import application
from tickets.domain.errors import StoreReadOnly
from tickets.domain.people import Actor
from tickets.settings.settings import Settings

API = "/api/v1/tickets"
ADMIN_HEADER = {"X-Admin-Token": "for-the-admins"}


async def set_read_only(url: str, *, on: bool) -> None:
    """Change the default of the database, which holds for new sessions."""
    connection = await asyncpg.connect(with_setting(url, "default_transaction_read_only=off"))
    name = await connection.fetchval("select current_database()")
    await connection.execute(
        f"alter database {name} set default_transaction_read_only = {'on' if on else 'off'}"
    )
    await connection.close()


@asynccontextmanager
async def client_of_service(url: str) -> AsyncIterator[httpx.AsyncClient]:
    app = application(Settings(database_url=url, admin_token=("for-the-admins",)))
    async with app.lifespan(), client_of(app) as client:
        yield client


@pytest.fixture
def world(postgres_world: PostgresWorld) -> PostgresWorld:
    return postgres_world


async def test_everything_that_needs_no_write_is_answered(
    world: PostgresWorld, database_url: str
) -> None:
    user_id = await world.user()
    user = {"Authorization": f"Bearer {await world.token(user_id)}"}
    ticket = await world.ticket(user_id)
    await world.reply(ticket.id, ADMIN, "An answer that nobody has read.")
    await set_read_only(database_url, on=True)

    async with client_of_service(database_url) as client:
        for headers, path in (
            (user, ""),
            (user, "/unread"),
            (user, f"/{ticket.id}"),
            (user, f"/{ticket.id}?peek=true"),
            (ADMIN_HEADER, "/admin/all"),
            (ADMIN_HEADER, "/admin/stats"),
            (ADMIN_HEADER, "/admin/unread"),
            (ADMIN_HEADER, f"/admin/{ticket.id}"),
        ):
            response = await client.get(API + path, headers=headers)
            assert response.status_code == 200, (path, response.text)
        assert (await client.get(f"{API}/unread", headers=user)).json() == {"unread": 1}
        shown = (await client.get(f"{API}/{ticket.id}", headers=user)).json()["ticket"]
        assert shown["user_unread"] is True
        assert shown["messages"][-1]["message"] == "An answer that nobody has read."

    assert await world.flags(ticket.id) == (True, True)


async def test_writes_are_503_with_retry_after_and_say_why(
    world: PostgresWorld, database_url: str
) -> None:
    user_id = await world.user()
    user = {"Authorization": f"Bearer {await world.token(user_id)}"}
    ticket = await world.ticket(user_id)
    await world.reply(ticket.id, ADMIN)
    await set_read_only(database_url, on=True)

    async with client_of_service(database_url) as client:
        for response in (
            await client.post(API, headers=user, json=NEW_TICKET),
            await client.post(f"{API}/{ticket.id}/reply", headers=user, json={"message": "x"}),
            await client.post(f"{API}/{ticket.id}/read", headers=user, json={"seen": 2}),
            await client.put(
                f"{API}/admin/{ticket.id}/status", headers=ADMIN_HEADER, json={"status": "closed"}
            ),
        ):
            assert response.status_code == 503, response.text
            assert int(response.headers["Retry-After"]) > 0
            assert response.json()["type"] == "urn:tickets:problem:store-read-only"
            assert "not save anything" in response.json()["detail"]


async def test_wrong_credentials_are_a_401(database_url: str) -> None:
    """A failed sign-in is counted by a write, which must not turn the 401 into a 503."""
    await set_read_only(database_url, on=True)

    async with client_of_service(database_url) as client:
        for _ in range(2):
            for path, headers in (
                ("", {"Authorization": "Bearer wrong"}),
                ("/admin/all", {"X-Admin-Token": "wrong"}),
                ("", {}),
            ):
                response = await client.get(API + path, headers=headers)
                assert response.status_code == 401, response.text


async def test_connections_are_dropped_so_that_the_next_one_finds_the_primary(
    world: PostgresWorld, database_url: str
) -> None:
    """After a fail-over the same name leads to another server, or the same server can write."""
    ticket = await world.ticket()
    await set_read_only(database_url, on=True)
    async with Database(database_url, pool_size=5).open() as database:
        service = PostgresWorld(database).service
        before = await database.fetchval("select pg_backend_pid()")
        with pytest.raises(StoreReadOnly):
            await service.reply(ticket.id, "x", by=ADMIN)
        assert await database.fetchval("select pg_backend_pid()") != before

        await set_read_only(database_url, on=False)
        with pytest.raises(StoreReadOnly):
            await service.reply(ticket.id, "x", by=ADMIN)
        await service.reply(ticket.id, "x", by=ADMIN)


async def test_a_ticket_without_anything_unread_is_opened_without_a_write(
    world: PostgresWorld, database_url: str
) -> None:
    ticket = await world.ticket()
    await set_read_only(database_url, on=True)
    async with Database(database_url).open() as database:
        detail = await PostgresWorld(database).service.read(
            ticket.id, by=Actor.user(ticket.user_id)
        )

    assert detail.ticket.user_unread is False
