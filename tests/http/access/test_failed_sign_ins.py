"""The rate limit on failed sign-ins, by the client's address."""

from __future__ import annotations

from datetime import timedelta

import pytest
from litestar import Litestar

from tests.http.conftest import API, application_on, client_of
from tests.http.problems import problem, too_many_requests
from tests.world import MemoryWorld, World
from tickets.adapters.http.access.client_address import client_network
from tickets.adapters.http.access.failed_sign_ins import MAX_REPEATS, FailedSignIns
from tickets.domain.errors import StoreUnavailable
from tickets.domain.rate_limits import Allowance, Hit, RateLimit


def application_with_limit(world: World, limit: int) -> Litestar:
    """Return the application with so many failed sign-ins per hour."""
    rate_limit = RateLimit(limit, timedelta(hours=1))
    failed_sign_ins = FailedSignIns(world.rate_limiter, rate_limit, monotonic=lambda: world.moment)
    return application_on(world, failed_sign_ins=failed_sign_ins)


def guess(number: int) -> dict[str, str]:
    return {"Authorization": f"Bearer guess-{number}"}


async def test_a_client_over_the_rate_limit_is_refused_before_its_token_is_looked_up(
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
        assert (await client.get(API, headers=good)).status_code == 200
        wait = too_many_requests(await client.get(API, headers=guess(4)))
        # both sides share one rate limit
        too_many_requests(await client.get(f"{API}/admin/all", headers={"X-Admin-Token": "guess"}))
        if not isinstance(world, MemoryWorld):
            # the process has cached the refusal, and does not look the token up
            too_many_requests(await client.get(API, headers=good))
        async with client_of(app, "198.51.100.8") as neighbour:
            problem(await neighbour.get(API, headers=guess(5)), 401)
        await world.later(timedelta(seconds=wait))
        assert (await client.get(API, headers=good)).status_code == 200
        problem(await client.get(API, headers=guess(6)), 401)
        too_many_requests(await client.get(API, headers=guess(7)))


async def test_wrong_admin_tokens_count_against_the_rate_limit(world: World) -> None:
    async with client_of(application_with_limit(world, 2)) as client:
        for token in ("one", "two"):
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
        ("testclient", "testclient"),
        ("", "unknown"),
    ],
)
def test_the_client_network_is_an_ipv4_address_or_an_ipv6_64(address: str, network: str) -> None:
    assert client_network(address) == network
