"""A real standby: it answers what needs no write, is not ready, and is ready once promoted."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from tests.http.conftest import NEW_TICKET, client_of
from tests.postgres.waiting import until_returns
from tests.throwaway_postgres import OPTIONS
from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.schema.migrations import Migrator
from tickets.adapters.postgres.verification.verifier import Verifier
from tickets.bootstrap import application
from tickets.embedded_postgres.cluster import EmbeddedPostgres
from tickets.settings.settings import Settings

API = "/api/v1/tickets"
ADMIN_HEADER = {"X-Admin-Token": "for-the-admins-only"}


@pytest.fixture
def cluster() -> Iterator[EmbeddedPostgres]:
    """Return a stopped cluster of this test's own."""
    folder = Path(tempfile.mkdtemp(prefix="tickets-standby-"))
    folder.chmod(0o711)
    yield EmbeddedPostgres(folder / "cluster", options=OPTIONS)
    shutil.rmtree(folder, ignore_errors=True)


def make_standby(cluster: EmbeddedPostgres) -> None:
    """Let the stopped server start in recovery, as a standby whose primary is gone."""
    folder = cluster._path  # noqa: SLF001 - the folder of this test
    (configuration,) = folder.rglob("postgresql.conf")
    (configuration.parent / "standby.signal").touch()


async def test_a_standby_is_read_only_until_it_is_promoted(cluster: EmbeddedPostgres) -> None:
    with cluster:
        async with connected(cluster.url) as connection:
            await Migrator(connection).apply()
        async with Database(cluster.url).open() as database:
            world = PostgresWorld(database)
            user_id = await world.user()
            user = {"Authorization": f"Bearer {await world.token(user_id)}"}
            ticket = await world.ticket(user_id)
            await world.reply(ticket.id, ADMIN, "An answer that nobody has read.")
    make_standby(cluster)

    with cluster:
        async with connected(cluster.url) as connection:
            findings = await Verifier(connection, repair=True).at_start()
        assert [str(finding) for finding in findings] == [
            "read-only: the database is a standby: nothing can be saved"
        ]
        settings = Settings(database_url=cluster.url, admin_token=("for-the-admins-only",))
        app = application(settings)
        async with app.lifespan(), client_of(app) as client:
            ready = await client.get("/health/ready")
            assert ready.status_code == 503
            assert [problem["name"] for problem in ready.json()["problems"]] == ["read-only"]
            for path, headers in (
                ("", user),
                ("/unread", user),
                (f"/{ticket.id}", user),
                ("/admin/all", ADMIN_HEADER),
                ("/admin/stats", ADMIN_HEADER),
                (f"/admin/{ticket.id}", ADMIN_HEADER),
            ):
                response = await client.get(API + path, headers=headers)
                assert response.status_code == 200, (path, response.text)
            shown = (await client.get(f"{API}/{ticket.id}", headers=user)).json()["ticket"]
            assert shown["user_unread"] is True
            wrong = await client.get(API, headers={"Authorization": "Bearer wrong"})
            assert wrong.status_code == 401
            refused = await client.post(API, headers=user, json=NEW_TICKET)
            assert refused.status_code == 503
            assert "not save anything" in refused.json()["detail"]

            owner = await asyncpg.connect(cluster.url)
            assert await owner.fetchval("select pg_promote()")
            await owner.close()

            async def status() -> int:
                return (await client.get("/health/ready")).status_code

            await until_returns(status, 200)
            created = await client.post(API, headers=user, json=NEW_TICKET)
            assert created.status_code == 201


@pytest.fixture
def other_cluster() -> Iterator[EmbeddedPostgres]:
    """Return another stopped cluster."""
    folder = Path(tempfile.mkdtemp(prefix="tickets-standby-"))
    folder.chmod(0o711)
    yield EmbeddedPostgres(folder / "cluster", options=OPTIONS)
    shutil.rmtree(folder, ignore_errors=True)


async def test_a_url_of_several_hosts_leads_to_the_one_that_can_be_written(
    cluster: EmbeddedPostgres, other_cluster: EmbeddedPostgres
) -> None:
    with cluster:
        pass
    make_standby(cluster)
    with cluster as standby, other_cluster as primary:
        hosts = [parse_qs(urlsplit(each.url).query)["host"][0] for each in (standby, primary)]
        url = (
            f"postgresql://postgres@/tickets?host={','.join(hosts)}&port=5432,5432"
            "&target_session_attrs=read-write"
        )
        async with connected(url) as connection:
            assert not await connection.fetchval("select pg_is_in_recovery()")
        async with Database(url).open() as database:
            assert not await database.fetchval("select pg_is_in_recovery()")
