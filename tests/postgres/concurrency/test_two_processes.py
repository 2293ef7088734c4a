"""Two installed processes on one database: cached unread counts and tokens are right on both.

The process that made a change shows it at once, the other one within a second.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import httpx
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from tests.databases import new_database
from tests.http.conftest import ADMIN_TOKENS, API
from tests.http.serving import Service, as_a_command
from tests.postgres.processes import LISTENERS
from tests.postgres.waiting import until_returns
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.database import Database

ADMIN = {"X-Admin-Token": ADMIN_TOKENS[0]}


class Process:
    """One process of the service, with the requests of its clients."""

    def __init__(self, service: Service, client: httpx.AsyncClient) -> None:
        self.service = service
        self._client = client

    async def call(
        self, method: str, path: str, headers: dict[str, str], status: int, **kwargs: Any
    ) -> Any:
        response = await self._client.request(method, API + path, headers=headers, **kwargs)
        assert response.status_code == status, response.text
        return response.json()

    async def unread_count(self, user: User) -> int:
        count: int = (await self.call("GET", "/unread", user.headers, 200))["unread"]
        return count

    async def accepts_token(self, user: User) -> bool:
        """Return whether the user's token is valid for this process."""
        response = await self._client.get(f"{API}/unread", headers=user.headers)
        assert response.status_code in (200, 401), response.text
        return response.status_code == 200

    async def reply_as_admin(self, ticket_id: int) -> None:
        await self.call("POST", f"/admin/{ticket_id}/reply", ADMIN, 201, json={"message": "Yes."})

    async def read(self, user: User, ticket_id: int) -> None:
        await self.call("GET", f"/{ticket_id}", user.headers, 200)

    async def mark_unread(self, user: User, ticket_id: int) -> None:
        await self.call("POST", f"/{ticket_id}/unread", user.headers, 200)

    async def metric(self, name: str) -> float:
        exposition = (await self._client.get("/metrics")).text
        return next(
            sample.value
            for family in text_string_to_metric_families(exposition)
            for sample in family.samples
            if sample.name == name
        )

    async def is_listening(self) -> bool:
        return await self.metric("tickets_listening") == 1


class User:
    """A user with a token and a ticket that is read."""

    def __init__(self, user_id: int, token: str, ticket_id: int) -> None:
        self.id = user_id
        self.token = token
        self.ticket_id = ticket_id
        self.headers = {"Authorization": f"Bearer {token}"}


class Platform(PostgresWorld):
    """The host platform, which uses the database directly."""

    async def new_user(self) -> User:
        user_id = await self.user()
        return User(user_id, await self.token(user_id), (await self.ticket(user_id)).id)

    async def stored_unread_count(self, user: User) -> int:
        count: int = await self.database.fetchval(
            "select count(*) from tickets where user_id = $1 and user_unread", user.id
        )
        return count

    async def listeners(self) -> int:
        count: int = await self.database.fetchval(f"select count(*) {LISTENERS}")
        return count

    async def kill_listeners(self) -> int:
        count: int = await self.database.fetchval(
            f"select count(pg_terminate_backend(pid)) {LISTENERS}"
        )
        return count


async def keeps_returning(query: Callable[[], Awaitable[object]], expected: object) -> None:
    """Check for longer than a notification takes that `query` returns what is expected."""
    for _ in range(15):
        assert await query() == expected
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
            await until_returns(process.is_listening, expected=True)
        yield here, there


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_cached_unread_count_is_right_at_once_in_its_process_and_soon_in_the_other(
    two: Two, platform: Platform
) -> None:
    user = await platform.new_user()
    for number in range(6):
        here, there = two if number % 2 else two[::-1]
        assert await there.unread_count(user) == 0

        await here.reply_as_admin(user.ticket_id)
        assert await here.unread_count(user) == 1
        await until_returns(partial(there.unread_count, user), 1)

        await there.read(user, user.ticket_id)
        assert await there.unread_count(user) == 0
        await until_returns(partial(here.unread_count, user), 0)

        await here.mark_unread(user, user.ticket_id)
        assert await here.unread_count(user) == 1
        await until_returns(partial(there.unread_count, user), 1)

        await here.read(user, user.ticket_id)
        assert await here.unread_count(user) == 0
        await until_returns(partial(there.unread_count, user), 0)


async def test_writes_of_the_host_platform_invalidate_the_cached_unread_counts_of_both(
    two: Two, platform: Platform
) -> None:
    user, other = await platform.new_user(), await platform.new_user()
    for change, expected in (
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
        await platform.database.fetch(change, user.id)

        for process in two:
            await until_returns(partial(process.unread_count, user), expected)
            assert await process.unread_count(other) == 0


async def test_a_revoked_token_is_removed_from_the_caches_of_both_processes(
    two: Two, platform: Platform
) -> None:
    user = await platform.new_user()
    for process in two:
        assert await process.accepts_token(user)

    await platform.revoke(user.token)

    for process in two:
        await until_returns(partial(process.accepts_token, user), expected=False)

    async def accepted_anywhere() -> bool:
        return any([await process.accepts_token(user) for process in two])

    await keeps_returning(accepted_anywhere, expected=False)


async def test_cached_unread_counts_are_right_in_the_end_though_listeners_are_killed(
    two: Two, platform: Platform
) -> None:
    users = [await platform.new_user() for _ in range(4)]
    at_random = random.Random(8)  # noqa: S311 - repeatable
    killed = 0

    async def use_service(user: User) -> None:
        for _ in range(40):
            process = at_random.choice(two)
            await process.reply_as_admin(user.ticket_id)
            assert await process.unread_count(user) == 1
            process = at_random.choice(two)
            if at_random.random() < 0.7:
                await process.read(user, user.ticket_id)
                assert await process.unread_count(user) == 0
            await two[0].unread_count(user)
            await two[1].unread_count(user)

    async def kill(using: asyncio.Future[Any]) -> None:
        nonlocal killed
        while not using.done():
            killed += await platform.kill_listeners()
            await asyncio.sleep(at_random.uniform(0.1, 0.5))

    using = asyncio.gather(*map(use_service, users))
    await asyncio.gather(using, kill(using))

    assert killed
    for user in users:
        stored = await platform.stored_unread_count(user)
        for process in two:
            await until_returns(partial(process.unread_count, user), stored)
    for process in two:
        await until_returns(process.is_listening, expected=True)
    stored_counts = [await platform.stored_unread_count(user) for user in users]

    async def unread_counts() -> list[int]:
        return [await process.unread_count(user) for user in users for process in two]

    await keeps_returning(unread_counts, [count for count in stored_counts for _ in two])


async def test_a_lost_listener_and_its_recovery_are_each_logged_once(
    two: Two, platform: Platform
) -> None:
    user = await platform.new_user()
    for process in two:
        await until_returns(process.is_listening, expected=True)
        await until_returns(platform.listeners, 2)
        await process.unread_count(user)
    before = [process.service.running.output for process in two]
    assert await platform.kill_listeners() == 2

    async def log_lines(process: Process, since: str) -> tuple[int, int]:
        await process.unread_count(user)
        log = process.service.running.output.removeprefix(since)
        return log.count("not listening for changes"), log.count("listening for changes again")

    for process, since in zip(two, before, strict=True):
        await until_returns(partial(log_lines, process, since), (1, 1))
        await until_returns(process.is_listening, expected=True)


@pytest.mark.parametrize(
    "settings", [{"TICKETS_LISTEN": "off"}, {"TICKETS_DATABASE_STATEMENT_CACHE": "0"}]
)
async def test_a_process_without_a_listener_caches_no_unread_counts(
    two: Two, platform: Platform, url: str, settings: dict[str, str]
) -> None:
    user = await platform.new_user()
    for process in two:
        await until_returns(process.is_listening, expected=True)
    await until_returns(platform.listeners, 2)
    async with a_process(url, **settings) as third:
        for _ in range(3):
            assert await third.unread_count(user) == 0
            await two[0].reply_as_admin(user.ticket_id)
            assert await third.unread_count(user) == 1
            await third.read(user, user.ticket_id)
            assert await third.unread_count(user) == 0
            await until_returns(lambda: two[0].unread_count(user), 0)

        assert await third.metric("tickets_listening") == 0
        assert await platform.listeners() == 2
