"""Limits as callers meet them: 429, when to come back, what is left, and who is not affected."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.http.conftest import API, Api, Caller, application_on, client_of
from tests.http.test_errors import problem
from tests.world import MemoryWorld, World
from tickets.adapters.http.access.failed_sign_ins import REPEATS, FailedSignIns, one_client
from tickets.application.rate_limits import UserRateLimits
from tickets.domain.rate_limits import RateLimit

HOUR = timedelta(hours=1)
FORM = {"category": "support", "subject": "Again", "message": "And once more, with feeling."}


def limited(world: World, *, creates: int = 50, replies: int = 50) -> None:
    world.limits = UserRateLimits(
        world.rate_limiter, creates=RateLimit(creates, HOUR), replies=RateLimit(replies, HOUR)
    )


def too_many(response: httpx.Response) -> int:
    """Check that the response is the problem of a limit, and return the seconds to wait."""
    body = problem(response, 429)
    assert body["type"] == "urn:tickets:problem:too-many-requests"
    wait = int(response.headers["Retry-After"])
    assert wait > 0
    return wait


async def api_with(world: World, **more: Any) -> Api:
    return Api(world, client_of(application_on(world, **more)))


async def test_answers_say_what_is_left_and_a_refusal_when_to_come_back(world: World) -> None:
    limited(world, creates=2)
    api = await api_with(world)
    user = await api.user()

    first, second, third = [await user.post(json=FORM) for _ in range(3)]

    assert [first.status_code, second.status_code] == [201, 201]
    assert first.headers["RateLimit-Policy"] == '"creates";q=2;w=3600'
    assert first.headers["RateLimit"] == '"creates";r=1;t=1800'
    assert second.headers["RateLimit"].startswith('"creates";r=0;t=')
    wait = too_many(third)
    assert third.headers["RateLimit"] == f'"creates";r=0;t={wait}'
    assert third.headers["RateLimit-Policy"] == '"creates";q=2;w=3600'
    assert (await api.admin.get("/admin/stats")).json()["total_count"] == 2


async def test_after_the_wait_it_passes_and_nobody_else_has_waited(world: World) -> None:
    limited(world, creates=10, replies=1)
    api = await api_with(world)
    user, other = await api.user(), await api.user()
    ticket, others = await api.ticket(user), await api.ticket(other)
    path, text = f"/{ticket['id']}/reply", {"message": "Any news?"}

    answered = await user.post(path, json=text)
    assert answered.headers["RateLimit"] == '"replies";r=0;t=3600'
    wait = too_many(await user.post(path, json=text))
    assert too_many(await user.post(path, json=text)) <= wait

    assert (await other.post(f"/{others['id']}/reply", json=text)).status_code == 201
    team = await api.admin.post(f"/admin{path}", json=text)
    assert team.status_code == 201
    assert "RateLimit" not in team.headers
    assert (await user.get(f"/{ticket['id']}")).status_code == 200
    assert (await user.post(json=FORM)).status_code == 201
    await world.later(timedelta(seconds=wait))
    assert (await user.post(path, json=text)).status_code == 201


async def test_what_is_not_valid_counts_nothing(world: World) -> None:
    limited(world, creates=1)
    api = await api_with(world)
    user = await api.user()
    for _ in range(5):
        problem(await user.post(json=FORM | {"subject": ""}), 400)

    assert (await user.post(json=FORM)).status_code == 201
    too_many(await user.post(json=FORM))


async def test_without_limits_there_are_no_headers_of_them(api: Api, user: Caller) -> None:
    for _ in range(5):
        response = await user.post(json=FORM)
        assert "RateLimit" not in response.headers
    assert "RateLimit" not in (await api.nobody.get()).headers


def guess(number: int) -> dict[str, str]:
    return {"Authorization": f"Bearer guess-{number}"}


async def test_an_address_that_fails_too_often_is_refused_before_its_token_is_looked_at(
    world: World,
) -> None:
    failed_sign_ins = FailedSignIns(
        world.rate_limiter, RateLimit(3, HOUR), moment=lambda: world.moment
    )
    app = application_on(world, failed_sign_ins=failed_sign_ins)
    token = await world.token(await world.user())
    good = {"Authorization": f"Bearer {token}"}

    async with client_of(app, "198.51.100.7") as client:
        for number, left in enumerate((2, 1, 0)):
            response = await client.get(API, headers=guess(number))
            problem(response, 401)
            assert response.headers["RateLimit"].startswith(f'"sign-ins";r={left};t=')
            assert response.headers["RateLimit-Policy"] == '"sign-ins";q=3;w=3600'
        assert (await client.get(API, headers=good)).status_code == 200
        wait = too_many(await client.get(API, headers=guess(4)))
        # the admins' side counts with it
        too_many(await client.get(f"{API}/admin/all", headers={"X-Admin-Token": "guess"}))
        if not isinstance(world, MemoryWorld):
            # a process that was refused knows, and does not look
            too_many(await client.get(API, headers=good))
        async with client_of(app, "198.51.100.8") as neighbour:
            problem(await neighbour.get(API, headers=guess(5)), 401)
        await world.later(timedelta(seconds=wait))
        assert (await client.get(API, headers=good)).status_code == 200
        problem(await client.get(API, headers=guess(6)), 401)
        too_many(await client.get(API, headers=guess(7)))


async def test_guesses_at_admin_tokens_count(world: World) -> None:
    failed_sign_ins = FailedSignIns(
        world.rate_limiter, RateLimit(2, HOUR), moment=lambda: world.moment
    )
    async with client_of(application_on(world, failed_sign_ins=failed_sign_ins)) as client:
        for token in ("one", "two"):
            response = await client.get(f"{API}/admin/all", headers={"X-Admin-Token": token})
            problem(response, 401)
        too_many(await client.get(f"{API}/admin/all", headers={"X-Admin-Token": "three"}))


async def test_who_gives_no_credentials_has_tried_nothing(world: World) -> None:
    failed_sign_ins = FailedSignIns(
        world.rate_limiter, RateLimit(1, HOUR), moment=lambda: world.moment
    )
    async with client_of(application_on(world, failed_sign_ins=failed_sign_ins)) as client:
        for headers in ({}, {"Authorization": "Basic x"}, {"Authorization": "Bearer "}) * 5:
            problem(await client.get(API, headers=headers), 401)
            problem(await client.get(f"{API}/admin/all", headers=headers), 401)


async def test_a_page_that_goes_on_asking_with_an_expired_token_counts_once(world: World) -> None:
    failed_sign_ins = FailedSignIns(
        world.rate_limiter, RateLimit(2, HOUR), moment=lambda: world.moment
    )
    async with client_of(application_on(world, failed_sign_ins=failed_sign_ins)) as client:
        # five tabs, all at once, every half a minute, for an hour
        for _ in range(120):
            for _ in range(5):
                problem(await client.get(f"{API}/unread", headers=guess(1)), 401)
            world.moment += 30
        problem(await client.get(API, headers=guess(2)), 401)


async def test_the_same_wrong_token_faster_than_pages_ask_counts_again(world: World) -> None:
    failed_sign_ins = FailedSignIns(
        world.rate_limiter, RateLimit(2, HOUR), moment=lambda: world.moment
    )
    async with client_of(application_on(world, failed_sign_ins=failed_sign_ins)) as client:
        for _ in range(1 + REPEATS + 1):
            problem(await client.get(API, headers=guess(1)), 401)
        too_many(await client.get(API, headers=guess(1)))


@pytest.mark.parametrize(
    ("address", "same"),
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
def test_addresses_that_are_one_clients_are_one_client(address: str, same: str) -> None:
    assert one_client(address) == same


async def test_pages_of_other_origins_may_read_all_of_it(memory_world: MemoryWorld) -> None:
    limited(memory_world, creates=1)
    origin = "https://www.example.com"
    api = await api_with(memory_world, cors_origins=[origin])
    user = await api.user()

    for _ in range(2):
        response = await user.post(json=FORM, headers={"Origin": origin})
        exposed = response.headers["Access-Control-Expose-Headers"].replace(" ", "").split(",")
        assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed)
    too_many(response)
