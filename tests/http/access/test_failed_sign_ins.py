"""The rate limit on failed sign-ins, by the client's address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from litestar import Litestar

from tests.http.conftest import ADMIN_TOKENS, API, application_on, client_of
from tests.http.problems import problem, too_many_requests
from tests.postgres.waiting import until
from tests.world import MemoryWorld, World
from tickets.adapters.http.access import failed_sign_ins as module
from tickets.adapters.http.access.client_address import client_network
from tickets.adapters.http.access.failed_sign_ins import (
    MAX_LOOKUPS,
    MAX_REPEATS,
    FailedSignIns,
)
from tickets.domain.errors import StoreUnavailable, TooManyRequests
from tickets.domain.rate_limits import Allowance, Hit, RateLimit


def application_with_limit(world: World, limit: int) -> Litestar:
    """Return the application with so many failed sign-ins per hour."""
    rate_limit = RateLimit(limit, timedelta(hours=1))

    failed_sign_ins = FailedSignIns(world.rate_limiter, rate_limit, monotonic=lambda: world.moment)
    return application_on(world, failed_sign_ins=failed_sign_ins)


def guess(number: int) -> dict[str, str]:
    return {"Authorization": f"Bearer guess-{number}"}


async def test_over_the_rate_limit_a_wrong_token_is_a_429_and_a_good_one_is_let_in(
    world: World,
) -> None:
    app = application_with_limit(world, 3)
    token = await world.token(await world.user())
    good = {"Authorization": f"Bearer {token}"}

    async with client_of(app, "198.51.100.7") as client:
        for number, left in enumerate((2, 1, 0)):
            response = await client.get(API, headers=guess(number))
            problem(response, 401)
            assert response.headers["RateLimit"].startswith(f'"sign-ins";r={left};t=')
            assert response.headers["RateLimit-Policy"] == '"sign-ins";q=3;w=3600'
        wait = too_many_requests(await client.get(API, headers=guess(4)))
        for _ in range(3):
            assert (await client.get(API, headers=good)).status_code == 200
            too_many_requests(await client.get(API, headers=guess(5)))
        async with client_of(app, "198.51.100.8") as neighbour:
            problem(await neighbour.get(API, headers=guess(5)), 401)
        await world.later(timedelta(seconds=wait))
        problem(await client.get(API, headers=guess(6)), 401)
        too_many_requests(await client.get(API, headers=guess(7)))


async def test_users_and_admins_of_one_address_are_counted_apart(world: World) -> None:
    admin = {"X-Admin-Token": ADMIN_TOKENS[1]}

    async with client_of(application_with_limit(world, 1)) as client:
        problem(await client.get(API, headers=guess(1)), 401)
        too_many_requests(await client.get(API, headers=guess(2)))
        # the same words as a user's token are another guess
        headers = {"X-Admin-Token": guess(1)["Authorization"].removeprefix("Bearer ")}
        problem(await client.get(f"{API}/admin/all", headers=headers), 401)
        too_many_requests(await client.get(f"{API}/admin/all", headers={"X-Admin-Token": "guess"}))
        assert (await client.get(f"{API}/admin/all", headers=admin)).status_code == 200


async def test_after_937_wrong_tokens_of_both_sides_everybody_from_the_address_is_let_in(
    world: World,
) -> None:
    app = application_with_limit(world, 100)
    tokens = [await world.token(await world.user()) for _ in range(20)]

    async with client_of(app) as client:
        for number in range(937):
            await client.get(API, headers=guess(number))
            await client.get(f"{API}/admin/unread", headers={"X-Admin-Token": f"guess-{number}"})
        too_many_requests(await client.get(API, headers=guess(937)))
        for token in tokens:
            user = {"Authorization": f"Bearer {token}"}
            assert (await client.get(f"{API}/unread", headers=user)).status_code == 200
        for token in ADMIN_TOKENS * 10:
            admin = {"X-Admin-Token": token}
            assert (await client.get(f"{API}/admin/unread", headers=admin)).status_code == 200


class SlowLookup:
    """A token lookup that takes some turns of the event loop, and notes how many run at once."""

    def __init__(self, good: str, user_id: int) -> None:
        self.good, self.user_id = good, user_id
        self.running = self.most = 0
        self.done = asyncio.Event()
        self.done.set()

    def cached(self, token: str) -> int | None:  # noqa: ARG002 - the port's signature
        return None

    async def by_token(self, token: str) -> int | None:
        self.running += 1
        self.most = max(self.most, self.running)
        for _ in range(3):
            await asyncio.sleep(0)
        await self.done.wait()
        self.running -= 1
        return self.user_id if token == self.good else None


@dataclass
class Flooded:
    """A client whose address is beyond its limit, and the lookup of its tokens."""

    client: httpx.AsyncClient
    lookup: SlowLookup
    sign_ins: FailedSignIns
    good: dict[str, str]

    async def guess(self, number: int) -> httpx.Response:
        return await self.client.get(API, headers=guess(number))

    async def queued(self) -> None:
        """Wait until all lookups that may run at the same time do so."""
        await until(lambda: self.lookup.running == MAX_LOOKUPS)


@pytest.fixture
async def flooded(
    memory_world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Flooded]:
    lookup = SlowLookup("good", await memory_world.user())
    monkeypatch.setattr(memory_world, "token_lookup", lookup)

    def check(hit: Hit) -> None:
        # as the rate limiter on PostgreSQL does from memory
        if "198.51.100.7" in hit.subject:
            raise TooManyRequests(hit, Allowance(0, 1))

    monkeypatch.setattr(memory_world.rate_limiter, "check", check)
    sign_ins = FailedSignIns(memory_world.rate_limiter, RateLimit(1, timedelta(hours=1)))
    app = application_on(memory_world, failed_sign_ins=sign_ins)
    async with client_of(app, "198.51.100.7") as client:
        yield Flooded(client, lookup, sign_ins, {"Authorization": "Bearer good"})


async def test_a_good_token_gets_its_turn_however_many_wrong_ones_come_at_the_same_time(
    flooded: Flooded,
) -> None:
    before = [asyncio.create_task(flooded.guess(number)) for number in range(2, 500)]
    good = asyncio.create_task(flooded.client.get(API, headers=flooded.good))
    after = [asyncio.create_task(flooded.guess(number)) for number in range(500, 900)]

    assert (await good).status_code == 200
    for response in await asyncio.gather(*before, *after):
        too_many_requests(response)
    assert flooded.lookup.most == MAX_LOOKUPS


async def test_lookups_of_another_address_do_not_wait_for_those_of_a_flood(
    flooded: Flooded, memory_world: MemoryWorld
) -> None:
    flooded.lookup.done.clear()
    flood = [asyncio.create_task(flooded.guess(number)) for number in range(2, 10)]
    await flooded.queued()
    app = application_on(memory_world, failed_sign_ins=flooded.sign_ins)
    async with client_of(app, "198.51.100.8") as neighbour:
        other = asyncio.create_task(neighbour.get(API, headers=flooded.good))
        await until(lambda: flooded.lookup.running == MAX_LOOKUPS + 1)
        flooded.lookup.done.set()
        assert (await other).status_code == 200
    await asyncio.gather(*flood)


async def test_a_lookup_whose_turn_does_not_come_is_a_503_and_no_refusal(
    flooded: Flooded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database hangs; whether the token is wrong is not known."""
    flooded.lookup.done.clear()
    flood = [asyncio.create_task(flooded.guess(number)) for number in range(2, 2 + MAX_LOOKUPS)]
    await flooded.queued()
    monkeypatch.setattr(module, "MAX_WAIT_SECONDS", 0.01)

    response = await flooded.client.get(API, headers=flooded.good)

    assert problem(response, 503)["type"] == "urn:tickets:problem:overloaded"
    flooded.lookup.done.set()
    await asyncio.gather(*flood)
    assert (await flooded.client.get(API, headers=flooded.good)).status_code == 200


async def test_nothing_is_kept_of_a_queue_of_lookups_that_has_ended(flooded: Flooded) -> None:
    flooded.lookup.done.clear()
    flood = [asyncio.create_task(flooded.guess(number)) for number in range(2, 10)]
    await flooded.queued()
    for request in flood[:5]:
        request.cancel()
    flooded.lookup.done.set()
    await asyncio.gather(*flood, return_exceptions=True)

    assert flooded.sign_ins._queues == {}  # noqa: SLF001 - memory that nothing else shows


async def test_a_wrong_token_above_the_limit_is_refused_without_counting(
    flooded: Flooded, memory_world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(hit: Hit) -> Allowance:
        raise AssertionError(hit)

    monkeypatch.setattr(memory_world.rate_limiter, "record", fail)

    too_many_requests(await flooded.guess(2))


async def test_wrong_admin_tokens_count_against_the_rate_limit(world: World) -> None:
    async with client_of(application_with_limit(world, 2)) as client:
        for token in ("one", "two"):  # of the admins' own limit
            response = await client.get(f"{API}/admin/all", headers={"X-Admin-Token": token})
            problem(response, 401)
        too_many_requests(await client.get(f"{API}/admin/all", headers={"X-Admin-Token": "three"}))


async def test_a_guess_that_cannot_be_counted_is_a_503_each_time(
    memory_world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(_hit: Hit) -> Allowance:
        raise StoreUnavailable

    monkeypatch.setattr(memory_world.rate_limiter, "record", unavailable)
    async with client_of(application_with_limit(memory_world, 2)) as client:
        for _ in range(3):
            response = await client.get(f"{API}/admin/all", headers={"X-Admin-Token": "guess"})
            problem(response, 503)


async def test_missing_credentials_do_not_count_against_the_rate_limit(world: World) -> None:
    async with client_of(application_with_limit(world, 1)) as client:
        for headers in ({}, {"Authorization": "Basic x"}, {"Authorization": "Bearer "}) * 5:
            problem(await client.get(API, headers=headers), 401)
            problem(await client.get(f"{API}/admin/all", headers=headers), 401)


async def test_polling_with_an_expired_token_counts_once_against_the_rate_limit(
    world: World,
) -> None:
    async with client_of(application_with_limit(world, 2)) as client:
        # five tabs, all at the same moment, every 30 seconds, for an hour
        for _ in range(120):
            for _ in range(5):
                problem(await client.get(f"{API}/unread", headers=guess(1)), 401)
            world.moment += 30
        problem(await client.get(API, headers=guess(2)), 401)


async def test_the_same_wrong_token_faster_than_pages_poll_counts_again(world: World) -> None:
    async with client_of(application_with_limit(world, 2)) as client:
        for _ in range(1 + MAX_REPEATS + 1):
            problem(await client.get(API, headers=guess(1)), 401)
        too_many_requests(await client.get(API, headers=guess(1)))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "unknown"),
        ("198.51.100.7, 198.51.100.8", "unknown"),
        ("198.51.100.007", "unknown"),
        ("+198.51.100.7", "unknown"),
        ("198.51.100.7:50000", "unknown"),
        ("3325256711", "unknown"),
        ("\u0661.1.1.1", "unknown"),
        ("x" * 5000, "unknown"),
        ("", "unknown"),
    ],
)
def test_the_client_network_is_an_ipv4_address_or_an_ipv6_64(address: str, network: str) -> None:
    assert client_network(address) == network
