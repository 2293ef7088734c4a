"""The rate limit on failed sign-ins, by the client's address."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from litestar import Litestar

from tests.http.conftest import ADMIN_TOKENS, API, application_on, client_of
from tests.http.problems import problem, too_many_requests
from tests.world import MemoryWorld, PostgresWorld, World
from tickets.adapters.http.access.client_address import client_network
from tickets.adapters.http.access.failed_sign_ins import (
    MAX_REPEATS,
    MAX_WAIT_SECONDS,
    SECONDS_PER_LOOKUP,
    USER_SIGN_INS,
    FailedSignIns,
)
from tickets.adapters.postgres.identity.cached_token_lookup import CachedTokenLookup
from tickets.adapters.postgres.identity.token_lookup import PostgresTokenLookup
from tickets.domain.errors import StoreUnavailable, TooManyRequests
from tickets.domain.rate_limits import Allowance, Hit, RateLimit


def application_with_limit(world: World, limit: int) -> Litestar:
    """Return the application with so many failed sign-ins per hour."""
    rate_limit = RateLimit(limit, timedelta(hours=1))

    async def sleep(seconds: float) -> None:
        world.moment += seconds

    failed_sign_ins = FailedSignIns(
        world.rate_limiter, rate_limit, monotonic=lambda: world.moment, sleep=sleep
    )
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


class Flooded:
    """Failed sign-ins of an address far above its limit, on a clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []
        self.over_limit = True
        self.sign_ins = FailedSignIns(
            self,
            RateLimit(1, timedelta(hours=1)),
            monotonic=lambda: self.now,
            sleep=self._sleep,
        )
        self.connection: Any = SimpleNamespace(scope={"client": ("198.51.100.7", 50_000)})

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def check(self, hit: Hit) -> None:
        if self.over_limit:
            raise TooManyRequests(hit, Allowance(0, 1))

    async def record(self, hit: Hit) -> Allowance:
        raise AssertionError(hit)

    def allowance(self, hit: Hit) -> Allowance | None:
        raise AssertionError(hit)

    async def delete_expired(self) -> int:
        raise AssertionError

    async def lookups(self, number: int) -> int:
        """Ask for so many lookups at one moment; return how many were refused."""
        refused = 0
        for _ in range(number):
            try:
                await self.sign_ins.wait_for_lookup(USER_SIGN_INS, self.connection)
            except TooManyRequests:
                refused += 1
        return refused


async def test_lookups_of_an_address_above_the_limit_are_paced_in_the_order_of_their_requests() -> (
    None
):
    flooded = Flooded()

    assert await flooded.lookups(5) == 0
    assert flooded.waits == pytest.approx([SECONDS_PER_LOOKUP * n for n in range(1, 5)])

    flooded.now += 1
    flooded.waits.clear()
    assert await flooded.lookups(1) == 0
    assert flooded.waits == []


async def test_a_flood_of_wrong_tokens_costs_a_bounded_number_of_lookups() -> None:
    flooded = Flooded()
    per_wait = round(MAX_WAIT_SECONDS / SECONDS_PER_LOOKUP)

    assert 10_000 - await flooded.lookups(10_000) == pytest.approx(per_wait, abs=1)
    assert max(flooded.waits) <= MAX_WAIT_SECONDS
    flooded.now += 1
    assert 10_000 - await flooded.lookups(10_000) == pytest.approx(1 / SECONDS_PER_LOOKUP, abs=1)


async def test_a_wrong_token_above_the_limit_is_refused_without_a_statement_of_its_own() -> None:
    flooded = Flooded()

    # `record` of the rate limiter would fail
    with pytest.raises(TooManyRequests):
        await flooded.sign_ins.record(USER_SIGN_INS, flooded.connection, "guess")


async def test_below_the_limit_no_lookup_waits() -> None:
    flooded = Flooded()
    flooded.over_limit = False

    assert await flooded.lookups(1000) == 0
    assert flooded.waits == []


async def test_a_cached_token_is_let_in_while_all_lookups_of_its_address_are_taken(
    postgres_world: PostgresWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(postgres_world.token_lookup, PostgresTokenLookup)
    cached = CachedTokenLookup(postgres_world.token_lookup, seconds=60, listener=None)
    monkeypatch.setattr(postgres_world, "token_lookup", cached)
    known, unknown = [await postgres_world.token(await postgres_world.user()) for _ in range(2)]
    limit = RateLimit(1, timedelta(hours=1))
    sign_ins = FailedSignIns(
        postgres_world.rate_limiter,
        limit,
        monotonic=lambda: postgres_world.moment,
        sleep=lambda _seconds: asyncio.sleep(0),
    )

    async with client_of(application_on(postgres_world, failed_sign_ins=sign_ins)) as client:
        known_user = {"Authorization": f"Bearer {known}"}
        assert (await client.get(API, headers=known_user)).status_code == 200
        for number in range(200):
            await client.get(API, headers=guess(number))
        too_many_requests(await client.get(API, headers={"Authorization": f"Bearer {unknown}"}))
        assert (await client.get(API, headers=known_user)).status_code == 200


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
