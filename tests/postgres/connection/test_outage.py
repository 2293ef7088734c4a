"""Outages of the database: each request is a 503 with Retry-After, and recovery is automatic."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar

from tests.http.conftest import client_of
from tests.postgres.network import proxy_to
from tests.postgres.waiting import MAX_WAIT
from tests.throwaway_postgres import OPTIONS
from tickets.adapters.postgres.connection import database as database_module
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.pooled_connection import PooledConnection
from tickets.adapters.postgres.schema.migrations import Migrator
from tickets.bootstrap import application
from tickets.domain.errors import StoreUnavailable
from tickets.embedded_postgres.cluster import EmbeddedPostgres
from tickets.periodic_jobs import Job, periodic_jobs
from tickets.settings.settings import Settings

ADMIN = {"X-Admin-Token": "a-token-for-the-admins"}
USER = {"Authorization": "Bearer anybody"}
API = "/api/v1/tickets"
SHUTTING_DOWN = b"E\0\0\0\x18SFATAL\0C57P01\0Mbye\0\0"
"""An ErrorResponse of PostgreSQL's protocol."""

NOBODY = "postgresql://someone@127.0.0.1:1/tickets"


def service_on(url: str) -> Litestar:
    return application(Settings(database_url=url, admin_token=("a-token-for-the-admins",)))


def is_unavailable(response: httpx.Response) -> bool:
    """Return whether the response is the 503 of the contract for an unavailable database."""
    assert response.status_code in (200, 401, 404, 503), response.text
    if response.status_code != 503:
        return False
    assert response.headers["content-type"] == "application/problem+json"
    assert int(response.headers["Retry-After"]) > 0
    assert "cannot reach its database" in response.json()["detail"]
    return True


async def test_without_a_database_every_route_is_a_503_with_retry_after() -> None:
    app = service_on(NOBODY)
    form = {"category": "support", "subject": "Hello", "message": "Is anybody there?"}

    async with app.lifespan(), client_of(app) as client:
        for call in (
            client.get(API, headers=USER),
            client.post(API, headers=USER, json=form),
            client.get(f"{API}/1", headers=USER),
            client.get(f"{API}/admin/all", headers=ADMIN),
            client.get(f"{API}/admin/stats", headers=ADMIN),
            client.get(f"{API}/admin/1", headers=ADMIN),
            client.put(f"{API}/admin/1/status", headers=ADMIN, json={"status": "open"}),
            client.get("/health/ready"),
        ):
            assert is_unavailable(await call)
        assert (await client.get("/health/live")).status_code == 200
        # the error response does not depend on the Host header
        for host in ("x:99999999", "a:b:c"):
            headers = USER | {"Host": host}
            assert is_unavailable(await client.get(API, headers=headers))
        # missing credentials are a 401, which needs no database
        assert (await client.get(API)).status_code == 401


@pytest.fixture
def cluster() -> Iterator[EmbeddedPostgres]:
    """Return a stopped cluster of this test's own."""
    folder = Path(tempfile.mkdtemp(prefix="tickets-outage-"))
    folder.chmod(0o711)
    yield EmbeddedPostgres(folder / "cluster", options=OPTIONS)
    shutil.rmtree(folder, ignore_errors=True)


async def test_the_service_recovers_when_the_database_is_back(
    cluster: EmbeddedPostgres,
) -> None:
    with cluster:
        async with connected(cluster.url) as connection:
            await Migrator(connection).apply()
    app = service_on(cluster.url)

    async with app.lifespan(), client_of(app) as client:

        async def concurrent_requests() -> list[bool]:
            """Send several requests at once, so that the pool has connections that can break."""
            responses = await asyncio.gather(
                *(client.get(f"{API}/admin/stats", headers=ADMIN) for _ in range(8))
            )
            return [is_unavailable(response) for response in responses]

        async def is_ready() -> bool:
            return (await client.get("/health/ready")).is_success

        with cluster:
            assert not any(await concurrent_requests())
            await until_returns(is_ready, expected=True)
        assert all(await concurrent_requests())
        await until_returns(is_ready, expected=False)
        with cluster:
            assert not any(await concurrent_requests())
            await until_returns(is_ready, expected=True)


async def test_the_listener_reconnects_after_each_outage(
    cluster: EmbeddedPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    with cluster:
        async with connected(cluster.url) as migrating:
            await Migrator(migrating).apply()
        connection = await asyncpg.connect(cluster.url)
        await connection.execute(
            """with mara as (insert into users (email) values ('mara@example.com') returning id),
                    token as (insert into ticket_tokens
                              select sha256('of-mara'), id, now(), now() + interval '1 hour'
                                from mara)
               insert into tickets (user_id, category, subject)
               select id, 'other', 'Hello' from mara"""
        )
        await connection.close()
    app = service_on(cluster.url)

    def logged() -> list[str]:
        return [record.levelname for record in caplog.records if "listening" in record.message]

    with caplog.at_level("INFO", "tickets"):
        async with app.lifespan(), client_of(app) as client:

            async def unread_count() -> object:
                headers = {"Authorization": "Bearer of-mara"}
                return (await client.get(f"{API}/unread", headers=headers)).json().get("unread")

            async def is_listening() -> bool:
                return "tickets_listening 1.0" in (await client.get("/metrics")).text

            for times in (1, 2):
                await until_returns(lambda: len(logged()), 2 * times - 1)
                assert not await is_listening()
                assert await unread_count() is None
                with cluster:
                    await until_returns(is_listening, expected=True)
                    connection = await asyncpg.connect(cluster.url)
                    for unread in (1, 0):
                        await unread_count()
                        await connection.execute("update tickets set user_unread = $1", unread == 1)
                        await until_returns(unread_count, unread)
                    await connection.close()
            await until_returns(logged, ["WARNING", "INFO", "WARNING", "INFO", "WARNING"])


async def until_returns(query: Callable[[], object], expected: object) -> None:
    """Wait until `query`, which may be asynchronous, returns what is expected."""
    async with asyncio.timeout(MAX_WAIT):
        while True:
            result = query()
            if (await result if isinstance(result, Awaitable) else result) == expected:
                return
            await asyncio.sleep(0.01)


async def test_a_statement_that_times_out_is_store_unavailable(database_url: str) -> None:
    async with Database(database_url, timeout=0.2).open() as database:
        with pytest.raises(StoreUnavailable):
            await database.fetchval("select pg_sleep(30)")
        assert await database.fetchval("select 1") == 1


async def test_waiting_for_a_connection_times_out(database_url: str) -> None:
    async with Database(database_url, pool_size=1, timeout=0.5).open() as database:
        slow = asyncio.create_task(database.fetchval("select pg_sleep(30)"))
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable):
            await database.fetchval("select 1")
        with pytest.raises(StoreUnavailable):
            await slow
        # the slot is free again
        assert await database.fetchval("select 1") == 1


async def test_a_programming_error_is_not_store_unavailable(database: Database) -> None:
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await database.fetch("select from from")
    with pytest.raises(asyncpg.DataError):
        await database.fetch("select $1::int", "not a number")


async def test_using_a_database_before_open_is_a_runtime_error() -> None:
    with pytest.raises(RuntimeError, match="not open"):
        await Database(NOBODY).fetch("select 1")


async def test_a_periodic_job_goes_on_after_an_outage_and_after_an_exception(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outcomes: list[Exception | int] = [StoreUnavailable(), 2, ZeroDivisionError("a bug"), 0]
    done = asyncio.Event()
    others = 0

    async def close() -> int:
        if not outcomes:
            done.set()
            await asyncio.Event().wait()
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def other() -> int:
        nonlocal others
        others += 1
        return 0

    jobs = [Job("closing", close), Job("deleting", other)]
    with caplog.at_level("INFO", "tickets"):
        async with periodic_jobs(jobs, interval=0)(None):
            await asyncio.wait_for(done.wait(), 10)

    assert "periodic job 'closing' will be retried: The service cannot reach" in caplog.text
    assert "closing: 2" in caplog.text
    assert "a bug" in caplog.text
    assert others == 4


async def test_a_connection_on_which_the_driver_is_confused_is_not_used_again(
    database_url: str,
) -> None:
    """The server's last words on an idle connection look like the start of a response."""
    async with proxy_to(database_url) as proxy, Database(proxy.url, pool_size=1).open() as database:
        backend = "select pg_backend_pid()"
        before = await database.fetchval(backend)
        proxy.inject(SHUTTING_DOWN)
        # it is in the socket's buffer, and the event loop reads it
        for _ in range(5):
            await asyncio.sleep(0)

        with pytest.raises(StoreUnavailable) as raised:
            await database.fetchval(backend)

        assert isinstance(raised.value.__cause__, asyncpg.InternalClientError)
        assert await database.fetchval(backend) != before


class ConfusedConnection(PooledConnection):
    """A connection whose driver reports an error of its own, and stays open."""

    async def fetchval(self, query: str, *args: object, **options: Any) -> Any:
        if query == CONFUSING:
            raise asyncpg.InternalClientError("got result for unknown protocol state 3")
        return await super().fetchval(query, *args, **options)


CONFUSING = "select 'confusing'"


async def test_an_error_inside_the_driver_ends_the_connection(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent, and what is still to come, is unknown: a later statement may get it."""
    monkeypatch.setattr(database_module, "PooledConnection", ConfusedConnection)
    async with Database(database_url, pool_size=1).open() as database:
        backend = "select pg_backend_pid()"
        before = await database.fetchval(backend)

        with pytest.raises(StoreUnavailable):
            await database.fetchval(CONFUSING)

        assert database.usage().size == 0
        assert await database.fetchval(backend) != before
