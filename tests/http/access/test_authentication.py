"""Authentication: valid credentials, and that they are checked before anything else."""

from __future__ import annotations

import pytest

from tests.http.conftest import (
    ADMIN_TOKENS,
    API,
    Api,
    Caller,
    application_on,
    client_of,
    shared_application_on,
)
from tests.http.problems import problem
from tests.http.routes import API_ROUTES, with_id
from tests.world import MemoryWorld

INVALID_CREDENTIALS: dict[str, list[tuple[bytes, bytes]]] = {
    "nothing": [],
    "empty": [(b"Authorization", b"")],
    "no token": [(b"Authorization", b"Bearer")],
    "blank token": [(b"Authorization", b"Bearer  ")],
    "wrong scheme": [(b"Authorization", b"Basic dXNlcjpwYXNz")],
    "unknown": [(b"Authorization", b"Bearer unknown")],
    "not ASCII": [(b"Authorization", "Bearer \u00e9\u00e9".encode("latin-1"))],
    "very long": [(b"Authorization", ("Bearer " + "x" * 5000).encode())],
    "unknown admin": [(b"X-Admin-Token", b"unknown")],
    "empty admin": [(b"X-Admin-Token", b"")],
    "part of an admin token": [(b"X-Admin-Token", ADMIN_TOKENS[0][:-1].encode())],
    "all admin tokens": [(b"X-Admin-Token", ",".join(ADMIN_TOKENS).encode())],
    "admin token as bearer": [(b"Authorization", f"Bearer {ADMIN_TOKENS[0]}".encode())],
    "admin token not ASCII": [(b"X-Admin-Token", "\u00e9".encode("latin-1"))],
}


@pytest.mark.parametrize(("method", "path"), API_ROUTES)
async def test_every_route_refuses_invalid_credentials_with_a_challenge(
    memory_world: MemoryWorld, method: str, path: str
) -> None:
    async with client_of(shared_application_on(memory_world)) as client:
        for headers in INVALID_CREDENTIALS.values():
            response = await client.request(method, with_id(path, 1), headers=headers)
            problem(response, 401)
            assert response.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ""),
        ("GET", "?limit=nonsense&status=nonsense"),
        ("GET", "/not-a-number"),
        ("GET", "/admin/not-a-number"),
        ("POST", "/99999999999/reply"),
        ("PUT", "/admin/not-a-number/status"),
    ],
)
@pytest.mark.parametrize("content", [b"", b"nonsense", b"x" * 100_000])
async def test_credentials_are_checked_before_path_query_and_body(
    api: Api, method: str, path: str, content: bytes
) -> None:
    problem(await api.anonymous.call(method, path, content=content), 401)


async def test_the_challenge_names_the_scheme_of_the_side(api: Api) -> None:
    assert (await api.anonymous.get()).headers["WWW-Authenticate"].startswith("Bearer ")
    assert (
        (await api.anonymous.get("/admin/all"))
        .headers["WWW-Authenticate"]
        .startswith("X-Admin-Token ")
    )


async def test_the_scheme_is_case_insensitive(api: Api, user: Caller) -> None:
    token = user.headers["Authorization"].removeprefix("Bearer ")

    response = await api.anonymous.get(headers={"Authorization": f"bEARER {token}"})

    assert response.status_code == 200


@pytest.mark.parametrize("token", ADMIN_TOKENS)
async def test_each_admin_token_is_valid_during_a_rotation(api: Api, token: str) -> None:
    response = await api.anonymous.get("/admin/unread", headers={"X-Admin-Token": token})

    assert response.status_code == 200


async def test_repeated_credentials_are_a_401(api: Api, user: Caller) -> None:
    bearer = user.headers["Authorization"]
    for name, value, path in (
        ("Authorization", bearer, "/unread"),
        ("X-Admin-Token", ADMIN_TOKENS[0], "/admin/unread"),
    ):
        response = await api.client.get(API + path, headers=[(name, value), (name, value)])
        problem(response, 401)


async def test_without_admin_tokens_nobody_is_admitted_as_admin(memory_world: MemoryWorld) -> None:
    async with client_of(application_on(memory_world, admin_tokens=())) as client:
        for token in ("", "x"):
            response = await client.get(f"{API}/admin/all", headers={"X-Admin-Token": token})
            problem(response, 401)


async def test_health_checks_need_no_credentials(api: Api) -> None:
    for path in ("/health/live", "/health/ready"):
        response = await api.client.get(path)
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
