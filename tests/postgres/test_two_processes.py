"""Two processes of the installed service on one database: a badge is right on both, and at once where it was changed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import new_database
from tests.http.conftest import ADMIN_TOKENS, API
from tests.http.serving import Service, as_a_command
from tests.postgres.waiting import becomes
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.database import Database

ADMIN = {"X-Admin-Token": ADMIN_TOKENS[0]}

LISTENING = "from pg_stat_activity where datname = current_database() and application_name = 'tickets-listener'"


class Process:
    """One process of the service, and what its clients ask of it."""

    def __init__(self, service: Service, client: httpx.AsyncClient) -> None:
        self.service = service
        self._client = client

    async def call(
        self, method: str, path: str, headers: dict[str, str], status: int, **more: Any
    ) -> Any:
        response = await self._client.request(method, API + path, headers=headers, **more)
        assert response.status_code == status, response.text
        return response.json()

    async def badge(self, user: User) -> int:
        count: int = (await self.call("GET", "/unread", user.headers, 200))["unread"]
        return count

    async def admits(self, user: User) -> bool:
        """Return whether the user's token is good here."""
        response = await self._client.get(f"{API}/unread", headers=user.headers)
        assert response.status_code in (200, 401), response.text
        return response.status_code == 200

    async def answer(self, ticket_id: int) -> None:
        """Reply as an admin."""
        await self.call("POST", f"/admin/{ticket_id}/reply", ADMIN, 201, json={"message": "Yes."})

    async def read(self, user: User, ticket_id: int) -> None:
        await self.call("GET", f"/{ticket_id}", user.headers, 200)

    async def put_off(self, user: User, ticket_id: int) -> None:
        """Mark a ticket unread."""
        await self.call("POST", f"/{ticket_id}/unread", user.headers, 200)

    async def metric(self, name: str) -> float:
        exposition = (await self._client.get("/metrics")).text
        return next(
            sample.value
            for family in text_string_to_metric_families(exposition)
            for sample in family.samples
            if sample.name == name
        )

    async def listens(self) -> bool:
        return await self.metric("tickets_listening") == 1


class User:
    """A user who is signed in, and has a ticket with nothing unread."""

    def __init__(self, user_id: int, token: str, ticket_id: int) -> None:
        self.id = user_id
        self.token = token
        self.ticket_id = ticket_id
        self.headers = {"Authorization": f"Bearer {token}"}


class Platform(PostgresWorld):
    """The database itself, as others use it."""

    async def mara(self) -> User:
        user_id = await self.user()
        return User(user_id, await self.token(user_id), (await self.ticket(user_id)).id)

    async def truth(self, user: User) -> int:
        count: int = await self.database.fetchval(
            "select count(*) from tickets where user_id = $1 and user_unread", user.id
        )
        return count

    async def listeners(self) -> int:
        count: int = await self.database.fetchval(f"select count(*) {LISTENING}")
        return count

    async def kill_listeners(self) -> int:
        count: int = await self.database.fetchval(
            f"select count(pg_terminate_backend(pid)) {LISTENING}"
        )
        return count


async def stays(ask: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Check that the answer is what is wanted, again and again, for longer than anything is on its way."""
    for _ in range(15):
        assert await ask() == wanted
        await asyncio.sleep(0.1)


@asynccontextmanager
async def a_process(url: str, **settings: str) -> AsyncIterator[Process]:
    with as_a_command(url, **settings) as service:
        async with httpx.AsyncClient(base_url=service.root, trust_env=False) as client:
            yield Process(service, client)


Two = tuple[Process, Process]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(postgres_url: str, migrated_template: str) -> AsyncIterator[str]:
    async with new_database(postgres_url, migrated_template) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(url: str) -> AsyncIterator[Platform]:
    async with Database(url, pool_size=2).open() as database:
        yield Platform(database)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(url: str) -> AsyncIterator[Two]:
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(a_process(url))
        there = await stack.enter_async_context(a_process(url))
        for process in (here, there):
            await becomes(process.listens, wanted=True)
        yield here, there


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_badge_is_right_at_once_where_it_was_changed_and_soon_on_the_other(
    two: Two, platform: Platform
) -> None:
    mara = await platform.mara()
    for number in range(6):
        here, there = two if number % 2 else two[::-1]
        assert await there.badge(mara) == 0

        await here.answer(mara.ticket_id)
        assert await here.badge(mara) == 1
        await becomes(lambda: there.badge(mara), 1)  # noqa: B023 - ended within the round

        await there.read(mara, mara.ticket_id)
        assert await there.badge(mara) == 0
        await becomes(lambda: here.badge(mara), 0)  # noqa: B023

        await here.put_off(mara, mara.ticket_id)
        assert await here.badge(mara) == 1
        await becomes(lambda: there.badge(mara), 1)  # noqa: B023

        await here.read(mara, mara.ticket_id)
        assert await here.badge(mara) == 0
        await becomes(lambda: there.badge(mara), 0)  # noqa: B023


async def test_what_the_platform_writes_shows_on_both(two: Two, platform: Platform) -> None:
    mara, other = await platform.mara(), await platform.mara()
    for change, wanted in (
        ("update tickets set user_unread = true where user_id = $1", 1),
        (
            """insert into tickets (user_id, category, subject, user_unread)
               values ($1, 'other', 'The platform writes', true)""",
            2,
        ),
        (
            """with message as (
                   insert into ticket_messages (ticket_id, sender_type, message)
                   select id, 'admin', 'From a script' from tickets where user_id = $1
                   returning ticket_id)
               update tickets set user_unread = true, message_count = message_count + 1
                where id in (select ticket_id from message)""",
            2,
        ),
        ("delete from tickets where user_id = $1 and subject = 'The platform writes'", 1),
        ("update tickets set user_unread = false where user_id = $1", 0),
    ):
        await platform.database.fetch(change, mara.id)

        for process in two:
            await becomes(lambda: process.badge(mara), wanted)  # noqa: B023 - ended within the round
            assert await process.badge(other) == 0


async def test_a_token_that_is_revoked_is_refused_on_both(two: Two, platform: Platform) -> None:
    mara = await platform.mara()
    for process in two:
        assert await process.admits(mara)

    await platform.revoke(mara.token)

    for process in two:
        await becomes(lambda: process.admits(mara), wanted=False)  # noqa: B023 - ended within the round

    async def anywhere() -> bool:
        return any([await process.admits(mara) for process in two])

    await stays(anywhere, wanted=False)


async def test_no_badge_is_wrong_for_good_though_the_listening_connections_are_killed_again_and_again(
    two: Two, platform: Platform
) -> None:
    users = [await platform.mara() for _ in range(4)]
    at_random = random.Random(8)  # noqa: S311 - the same ones each time
    killed = 0

    async def go_on(user: User) -> None:
        for _ in range(40):
            process = at_random.choice(two)
            await process.answer(user.ticket_id)
            assert await process.badge(user) == 1
            process = at_random.choice(two)
            if at_random.random() < 0.7:
                await process.read(user, user.ticket_id)
                assert await process.badge(user) == 0
            await two[0].badge(user)
            await two[1].badge(user)

    async def kill(going_on: asyncio.Future[Any]) -> None:
        nonlocal killed
        while not going_on.done():
            killed += await platform.kill_listeners()
            await asyncio.sleep(at_random.uniform(0.1, 0.5))

    going_on = asyncio.gather(*map(go_on, users))
    await asyncio.gather(going_on, kill(going_on))

    assert killed
    for user in users:
        truth = await platform.truth(user)
        for process in two:
            await becomes(lambda: process.badge(user), truth)  # noqa: B023 - ended within the round
    for process in two:
        await becomes(process.listens, wanted=True)
    truths = [await platform.truth(user) for user in users]

    async def unread_counts() -> list[int]:
        return [await process.badge(user) for user in users for process in two]

    await stays(unread_counts, [truth for truth in truths for _ in two])


async def test_a_process_tells_once_that_it_does_not_listen_any_more_and_once_that_it_does(
    two: Two, platform: Platform
) -> None:
    mara = await platform.mara()
    for process in two:
        await becomes(process.listens, wanted=True)
        await becomes(platform.listeners, 2)
        await process.badge(mara)
    before = [process.service.running.said for process in two]
    assert await platform.kill_listeners() == 2

    async def told(process: Process, since: str) -> tuple[int, int]:
        await process.badge(mara)
        said = process.service.running.said.removeprefix(since)
        return said.count("not listening for changes"), said.count("listening for changes again")

    for process, since in zip(two, before, strict=True):
        await becomes(lambda: told(process, since), (1, 1))  # noqa: B023 - ended within the round
        await becomes(process.listens, wanted=True)


@pytest.mark.parametrize(
    "settings", [{"TICKETS_LISTEN": "off"}, {"TICKETS_DATABASE_STATEMENT_CACHE": "0"}]
)
async def test_a_process_that_does_not_listen_asks_each_time(
    two: Two, platform: Platform, url: str, settings: dict[str, str]
) -> None:
    mara = await platform.mara()
    for process in two:
        await becomes(process.listens, wanted=True)
    await becomes(platform.listeners, 2)
    async with a_process(url, **settings) as third:
        for _ in range(3):
            assert await third.badge(mara) == 0
            await two[0].answer(mara.ticket_id)
            assert await third.badge(mara) == 1
            await third.read(mara, mara.ticket_id)
            assert await third.badge(mara) == 0
            await becomes(lambda: two[0].badge(mara), 0)

        assert await third.metric("tickets_listening") == 0
        assert await platform.listeners() == 2
