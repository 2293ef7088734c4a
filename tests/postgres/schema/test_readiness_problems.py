"""Readiness means that the service can do its job: what is missing is in the body of a 503."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.databases import with_setting
from tests.http.conftest import client_of
from tests.postgres.roles import a_role
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.schema.migrations import load_migrations
from tickets.adapters.postgres.schema.store_health import PostgresHealth
from tickets.bootstrap import application
from tickets.domain.errors import NotReady
from tickets.settings.settings import Settings

NEWEST = load_migrations()[-1].number


async def readiness(url: str) -> httpx.Response:
    app = application(Settings(database_url=url, admin_token=("for-the-admins",)))
    async with app.lifespan(), client_of(app) as client:
        return await client.get("/health/ready")


def problems(response: httpx.Response) -> list[tuple[str, str]]:
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert int(response.headers["Retry-After"]) > 0
    body: dict[str, Any] = response.json()
    assert body["type"] == "urn:tickets:problem:not-ready"
    assert body["detail"] == " ".join(problem["detail"] for problem in body["problems"])
    return [(problem["name"], problem["detail"]) for problem in body["problems"]]


async def test_a_database_that_can_do_everything_is_ready(database_url: str) -> None:
    async with a_role(database_url) as role:
        response = await readiness(role.url)

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_a_missing_migration_is_named(database_url: str, database: Database) -> None:
    await database.fetch("delete from ticket_migrations where number = $1", NEWEST)

    assert problems(await readiness(database_url)) == [
        ("migrations-due", "1 migration is due: run tickets migrate.")
    ]


async def test_a_database_without_our_tables_is_named(empty_database_url: str) -> None:
    (problem,) = problems(await readiness(empty_database_url))

    assert problem[0] == "migrations-due"


async def test_a_database_that_cannot_be_reached_is_named_without_its_address() -> None:
    response = await readiness("postgresql://someone:secret@127.0.0.1:1/tickets")

    ((name, _detail),) = problems(response)
    assert name == "unreachable"
    assert "127.0.0.1" not in response.text
    assert "secret" not in response.text


async def test_a_read_only_database_is_named(database_url: str) -> None:
    response = await readiness(with_setting(database_url, "default_transaction_read_only=on"))

    assert problems(response) == [("read-only", "The database is read-only.")]


@pytest.mark.parametrize(
    ("revoked", "lacks"),
    [
        ("select on ticket_counts", "select on ticket_counts"),
        ("insert, update on ticket_rates", "insert, update on ticket_rates"),
        ("all on users", "select on users"),
        ("usage, update on ticket_messages_id_seq", "usage on ticket_messages_id_seq"),
    ],
)
async def test_a_missing_privilege_is_named(database_url: str, revoked: str, lacks: str) -> None:
    async with a_role(database_url) as role:
        await role.owner.execute(f"revoke {revoked} from {role.name}")

        assert problems(await readiness(role.url)) == [
            ("missing-privilege", f"The role {role.name} lacks {lacks}.")
        ]


async def test_without_any_privilege_it_is_still_an_answer(database_url: str) -> None:
    async with a_role(database_url) as role:
        await role.owner.execute(f"revoke all on all tables in schema public from {role.name}")

        ((name, detail),) = problems(await readiness(role.url))

    assert name == "missing-privilege"
    assert "ticket_migrations" in detail


async def test_a_right_on_the_columns_is_enough(database_url: str) -> None:
    """As on a platform whose users table holds more than the service may see."""
    async with a_role(database_url) as role:
        await role.owner.execute(
            f"revoke all on users from {role.name};grant select (id, email) on users to {role.name}"
        )

        assert (await readiness(role.url)).status_code == 200


async def test_probes_at_the_same_moment_share_one_statement(database_url: str) -> None:
    statements: list[str] = []
    async with Database(
        database_url, query_logger=lambda record: statements.append(record.query)
    ).open() as database:
        health = PostgresHealth(database)
        await asyncio.gather(*(health.ready() for _ in range(20)))
        await health.ready()
        await database.fetch("select 1")

    assert len([statement for statement in statements if "readiness" in statement]) == 2


async def test_a_process_is_ready_again_when_its_database_can_be_written_again(
    database_url: str, database: Database
) -> None:
    """A connection that began read-only stays read-only: the check asks for a new one."""
    name = await database.fetchval("select current_database()")
    await database.fetch(f"alter database {name} set default_transaction_read_only = on")
    async with Database(database_url).open() as pool:
        health = PostgresHealth(pool)
        with pytest.raises(NotReady):
            await health.ready()
        async with a_writable_session(database_url) as role:
            await role.owner.execute(f"alter database {name} reset default_transaction_read_only")

        await health.ready()


def a_writable_session(url: str) -> Any:
    return a_role(with_setting(url, "default_transaction_read_only=off"))
