"""Rate limits of users: 429, `Retry-After`, the RateLimit headers, and who is not affected."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.http.conftest import NEW_TICKET, Api, Caller, application_on, client_of
from tests.http.problems import problem, too_many_requests
from tests.world import MemoryWorld, World
from tickets.application.user_rate_limits import UserRateLimits
from tickets.domain.rate_limits import RateLimit

HOUR = timedelta(hours=1)


def set_rate_limits(world: World, *, creates: int = 50, replies: int = 50) -> None:
    world.limits = UserRateLimits(
        world.rate_limiter, creates=RateLimit(creates, HOUR), replies=RateLimit(replies, HOUR)
    )


async def api_on(world: World, **options: Any) -> Api:
    return Api(world, client_of(application_on(world, **options)))


async def test_rate_limit_headers_say_what_is_left_and_a_429_when_to_retry(world: World) -> None:
    set_rate_limits(world, creates=2)
    api = await api_on(world)
    user = await api.user()

    first, second, third = [await user.post(json=NEW_TICKET) for _ in range(3)]

    assert [first.status_code, second.status_code] == [201, 201]
    assert first.headers["RateLimit-Policy"] == '"creates";q=2;w=3600'
    assert first.headers["RateLimit"] == '"creates";r=1;t=1800'
    assert second.headers["RateLimit"].startswith('"creates";r=0;t=')
    wait = too_many_requests(third)
    assert third.headers["RateLimit"] == f'"creates";r=0;t={wait}'
    assert third.headers["RateLimit-Policy"] == '"creates";q=2;w=3600'
    assert (await api.admin.get("/admin/stats")).json()["total_count"] == 2


async def test_a_rate_limit_ends_after_retry_after_and_limits_nobody_else(world: World) -> None:
    set_rate_limits(world, creates=10, replies=1)
    api = await api_on(world)
    user, other = await api.user(), await api.user()
    ticket, others = await api.ticket(user), await api.ticket(other)
    path, text = f"/{ticket['id']}/reply", {"message": "Any news?"}

    allowed = await user.post(path, json=text)
    assert allowed.headers["RateLimit"] == '"replies";r=0;t=3600'
    wait = too_many_requests(await user.post(path, json=text))
    assert too_many_requests(await user.post(path, json=text)) <= wait

    assert (await other.post(f"/{others['id']}/reply", json=text)).status_code == 201
    team = await api.admin.post(f"/admin{path}", json=text)
    assert team.status_code == 201
    assert "RateLimit" not in team.headers
    assert (await user.get(f"/{ticket['id']}")).status_code == 200
    assert (await user.post(json=NEW_TICKET)).status_code == 201
    await world.later(timedelta(seconds=wait))
    assert (await user.post(path, json=text)).status_code == 201


async def test_an_invalid_request_does_not_count_against_a_rate_limit(world: World) -> None:
    set_rate_limits(world, creates=1)
    api = await api_on(world)
    user = await api.user()
    for _ in range(5):
        problem(await user.post(json=NEW_TICKET | {"subject": ""}), 400)

    assert (await user.post(json=NEW_TICKET)).status_code == 201
    too_many_requests(await user.post(json=NEW_TICKET))


async def test_without_rate_limits_there_are_no_rate_limit_headers(api: Api, user: Caller) -> None:
    for _ in range(5):
        response = await user.post(json=NEW_TICKET)
        assert "RateLimit" not in response.headers
    assert "RateLimit" not in (await api.anonymous.get()).headers


async def test_pages_of_other_origins_may_read_the_rate_limit_headers(
    memory_world: MemoryWorld,
) -> None:
    set_rate_limits(memory_world, creates=1)
    origin = "https://www.example.com"
    api = await api_on(memory_world, cors_origins=[origin])
    user = await api.user()

    for _ in range(2):
        response = await user.post(json=NEW_TICKET, headers={"Origin": origin})
        exposed = response.headers["Access-Control-Expose-Headers"].replace(" ", "").split(",")
        assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed)
    too_many_requests(response)


async def test_changes_with_an_idempotency_key_are_limited_as_each_stores_a_response(
    world: World,
) -> None:
    hour = RateLimit(3, HOUR)
    world.limits = UserRateLimits(world.rate_limiter, creates=None, replies=None, changes=hour)
    api = await api_on(world)
    user = await api.user()
    ticket = await api.ticket(user)
    path = f"/{ticket['id']}/unread"

    # the first changes the ticket, and the second changes nothing
    responses = [
        await user.post(path, json={}, headers={"Idempotency-Key": f"key-{n}"}) for n in range(2)
    ]
    assert [response.status_code for response in responses] == [200, 200]
    assert [response.headers["RateLimit"][:13] for response in responses] == [
        '"changes";r=2',
        '"changes";r=1',
    ]
    # a replay is not counted
    replay = await user.post(path, json={}, headers={"Idempotency-Key": "key-1"})
    assert replay.status_code == 200
    close = f"/{ticket['id']}/close"
    last = await user.post(close, json={}, headers={"Idempotency-Key": "key-2"})
    assert last.status_code == 200
    for n, refused in enumerate((path, close)):
        headers = {"Idempotency-Key": f"another-{n}"}
        too_many_requests(await user.post(refused, json={}, headers=headers))
    # without a key nothing is stored; the admin team is not limited
    assert (await user.post(path, json={})).status_code == 200
    team = {"Idempotency-Key": "key-9"}
    for side in ("unread", "unread"):
        response = await api.admin.post(f"/admin/{ticket['id']}/{side}", json={}, headers=team)
        assert response.status_code == 200
        assert "RateLimit" not in response.headers
