"""Readiness, and the figures of the metrics endpoint, with and without a database."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.http.conftest import client_of
from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.schema.migrations import load_migrations
from tickets.adapters.postgres.schema.store_health import Figures, PostgresHealth
from tickets.bootstrap import application
from tickets.domain.errors import NotReady
from tickets.domain.people import Actor
from tickets.settings.settings import Settings

ALL = len(load_migrations())
NEWEST = load_migrations()[-1].number
UNREACHABLE = "postgresql://someone@127.0.0.1:1/tickets"


async def test_a_database_that_lacks_a_migration_is_not_ready(
    database: Database,
) -> None:
    """As after an older backup was restored while the service runs."""
    health = PostgresHealth(database)
    await health.ready()

    await database.fetch("delete from ticket_migrations where number = $1", NEWEST)

    with pytest.raises(NotReady):
        await PostgresHealth(database).ready()
    figures = await health.figures()
    assert (figures.migrations_applied, figures.migrations_due) == (ALL - 1, 1)


async def test_a_database_with_newer_migrations_is_ready_during_a_roll_out(
    database: Database,
) -> None:
    await database.fetch("insert into ticket_migrations values (9000, 'from_the_future', 'x')")

    await PostgresHealth(database).ready()

    figures = await PostgresHealth(database).figures()
    assert (figures.migrations_applied, figures.migrations_due) == (ALL, 0)


async def test_a_database_without_a_schema_is_not_ready(empty_database_url: str) -> None:
    async with Database(empty_database_url).open() as database:
        with pytest.raises(NotReady):
            await PostgresHealth(database).ready()


async def test_the_unread_figures_are_the_sums_of_the_unread_counts(
    database: Database, postgres_world: PostgresWorld
) -> None:
    world = postgres_world
    tickets = [await world.ticket() for _ in range(4)]
    await world.service.read(tickets[0].id, by=ADMIN)
    await world.reply(tickets[0].id, ADMIN)
    await world.reply(tickets[1].id, ADMIN)
    await world.service.read(tickets[1].id, by=Actor.user(tickets[1].user_id))

    assert await PostgresHealth(database).figures() == Figures(
        unread_by_users=1,
        unread_by_admins=3,
        migrations_applied=ALL,
        migrations_due=0,
        verified_at=None,
        findings_remaining=0,
        deliveries=[],
    )


async def test_the_figures_of_an_older_backup_say_that_a_migration_is_due(
    database: Database,
) -> None:
    await database.fetch("drop table ticket_verification")
    await database.fetch("delete from ticket_migrations where number = $1", NEWEST)

    assert (await PostgresHealth(database).figures()).migrations_due == 1


async def test_the_unread_figures_are_read_without_the_tickets(
    database: Database, postgres_world: PostgresWorld
) -> None:
    await postgres_world.ticket()
    await database.fetch(
        """insert into tickets (user_id, category, subject, admin_unread, message_count)
           select 1, 'support', 'quiet', false, 0 from generate_series(1, 5000)"""
    )
    await database.fetch("vacuum analyze tickets")

    query = PostgresHealth(database)._sql["unread_totals"]  # noqa: SLF001 - the statement itself
    rows = await database.fetch(f"explain {query.sql}")

    plan = "\n".join(row[0] for row in rows)
    assert "Seq Scan on tickets" not in plan
    assert plan.count("Index Only Scan") == 1


async def test_the_pool_reports_its_usage(database_url: str) -> None:
    pool = Database(database_url, pool_size=2)
    assert (pool.usage().size, pool.usage().idle, pool.usage().waiting) == (0, 0, 0)
    async with pool.open() as database:
        await database.fetchval("select 1")
        assert (pool.usage().size, pool.usage().idle, pool.usage().waiting) == (1, 1, 0)


async def test_the_metrics_endpoint_responds_without_a_database() -> None:
    app = application(Settings(database_url=UNREACHABLE, admin_token=("a-token-for-the-admins",)))

    async with app.lifespan(), client_of(app) as client:
        response = await client.get("/metrics")
        readiness = await client.get("/health/ready")

    assert response.status_code == 200
    samples = {
        sample.name: sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }
    assert samples["tickets_database_up"] == 0
    assert "tickets_unread" not in samples
    assert "tickets_pool_waiting" in samples
    assert readiness.status_code == 503


async def test_the_metrics_endpoint_reports_the_figures_of_the_database(database_url: str) -> None:
    app = application(Settings(database_url=database_url, admin_token=("a-token-for-the-admins",)))

    async with app.lifespan(), client_of(app) as client:
        text = (await client.get("/metrics")).text

    assert "tickets_database_up 1.0" in text
    assert f'tickets_migrations{{state="applied"}} {ALL}.0' in text
    assert 'tickets_unread{side="admin"} 0.0' in text
    assert "tickets_pool_connections" in text


async def test_a_token_that_the_platforms_column_cannot_hold_is_a_401(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The driver's error must not become a 500, nor put the token into the log."""
    file = tmp_path_factory.mktemp("sql") / "identity.sql"
    app_settings = {
        "database_url": database_url,
        "admin_token": ("a-token-for-the-admins",),
        "identity": str(file),
    }
    for query in (
        "select id from users where $1::uuid is not null",
        "select id from users where ($1::text)::uuid is not null",
    ):
        file.write_text(f"-- name: user_by_token\n{query} limit 1;\n")
        app = application(Settings(**app_settings))  # type: ignore[arg-type] # each fits its field
        async with app.lifespan(), client_of(app) as client:
            response = await client.get(
                "/api/v1/tickets", headers={"Authorization": "Bearer no-uuid-at-all"}
            )
        assert response.status_code == 401
