"""One-click unsubscribe: only POST acts, without credentials, and only for the signed customer."""

from __future__ import annotations

import pytest

from tests.http.conftest import API, application_on, client_of
from tests.world import World
from tickets.domain.mails import signed_user


async def path_of(world: World, user_id: int) -> str:
    return f"{API}/unsubscribe/{signed_user(user_id, await world.mailbook.key())}"


@pytest.fixture
async def user_id(world: World) -> int:
    await world.channel("mail", "customer")
    return await world.user()


async def test_a_mail_provider_posts_without_credentials(world: World, user_id: int) -> None:
    async with client_of(application_on(world)) as client:
        path = await path_of(world, user_id)
        for _ in range(2):
            response = await client.post(path, data={"List-Unsubscribe": "One-Click"})

            assert response.status_code == 200
            assert "no more e-mail" in response.text
    assert not await world.mailbook.is_subscribed(user_id)


async def test_a_link_scanner_changes_nothing(world: World, user_id: int) -> None:
    async with client_of(application_on(world)) as client:
        path = await path_of(world, user_id)
        for method in ("GET", "HEAD", "GET"):
            response = await client.request(method, path)
            assert response.status_code == 200
    assert await world.mailbook.is_subscribed(user_id)
    assert '<form method="post">' in response.text
    assert "form-action 'self'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "no-store"


async def test_a_cookie_or_a_token_makes_no_difference(world: World, user_id: int) -> None:
    other = await world.user()
    headers = {"Cookie": "session=x", "Authorization": f"Bearer {await world.token(other)}"}
    async with client_of(application_on(world)) as client:
        response = await client.post(await path_of(world, user_id), headers=headers)

    assert response.status_code == 200
    assert await world.mailbook.is_subscribed(other)
    assert not await world.mailbook.is_subscribed(user_id)


async def test_a_wrong_signature_is_nobodys(world: World, user_id: int) -> None:
    right = await path_of(world, user_id)
    wrong = [right[:-1] + ("A" if right[-1] != "A" else "B"), right + "x", f"{API}/unsubscribe/7"]
    async with client_of(application_on(world)) as client:
        for path in wrong:
            for method in ("GET", "POST"):
                assert (await client.request(method, path)).status_code == 404
    assert await world.mailbook.is_subscribed(user_id)


async def test_without_mail_no_address_is_valid(postgres_world: World) -> None:
    user_id = await postgres_world.user()
    async with client_of(application_on(postgres_world)) as client:
        response = await client.post(f"{API}/unsubscribe/{signed_user(user_id, '')}")

    assert response.status_code == 404
    assert await postgres_world.mailbook.is_subscribed(user_id)
