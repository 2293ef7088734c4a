"""The application over each adapter, and callers who know how to sign in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.world import MemoryWorld, PostgresWorld, World
from tickets.adapters.http.app import create_app
from tickets.observability.metrics import Metrics

API = "/api/v1/tickets"

ADMIN_TOKENS = ("first-admin-token", "second-admin-token")


def application_on(world: World, **more: Any) -> Litestar:
    """Return the application over the ports of this world."""
    return create_app(
        service=world.service,
        views=world.views,
        token_lookup=world.token_lookup,
        admin_tokens=ADMIN_TOKENS,
        readiness=world.ready,
        metrics=Metrics(),
        **more,
    )


class CurrentWorld:
    """Stands for one attribute of the current test's world, in the application that all share."""

    world: World

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(CurrentWorld.world, self._name), name)


@cache
def shared_application() -> Litestar:
    """Return an application over the world of the current test: to build one takes longer than a test."""
    part: Any = CurrentWorld
    return create_app(
        service=part("service"),
        views=part("views"),
        token_lookup=part("token_lookup"),
        admin_tokens=ADMIN_TOKENS,
        readiness=lambda: CurrentWorld.world.ready(),
        metrics=Metrics(),
    )


def shared_application_on(world: World) -> Litestar:
    """Return the shared application, over the ports of this world from now on."""
    CurrentWorld.world = world
    return shared_application()


def client_of(app: Litestar, address: str = "127.0.0.1") -> httpx.AsyncClient:
    """Return a client that calls the application in this process; a defect answers, as it would."""
    transport = httpx.ASGITransport(
        app,  # type: ignore[arg-type] # two spellings of ASGI
        raise_app_exceptions=False,
        client=(address, 50_000),
    )
    return httpx.AsyncClient(transport=transport, base_url="http://tickets.test")


class Caller:
    """Somebody who calls the API, with the headers that say who."""

    def __init__(
        self, client: httpx.AsyncClient, headers: dict[str, str], user_id: int = 0
    ) -> None:
        self._client = client
        self.headers = headers
        self.user_id = user_id

    async def call(self, method: str, path: str = "", **more: Any) -> httpx.Response:
        headers = self.headers | more.pop("headers", {})
        return await self._client.request(method, API + path, headers=headers, **more)

    async def get(self, path: str = "", **more: Any) -> httpx.Response:
        return await self.call("GET", path, **more)

    async def post(self, path: str = "", json: Any = None, **more: Any) -> httpx.Response:
        return await self.call("POST", path, json=json, **more)

    async def put(self, path: str = "", json: Any = None, **more: Any) -> httpx.Response:
        return await self.call("PUT", path, json=json, **more)


class Api:
    """The API of one application."""

    def __init__(self, world: World, client: httpx.AsyncClient) -> None:
        self.world = world
        self.client = client
        self.admin = Caller(client, {"X-Admin-Token": ADMIN_TOKENS[0]})
        self.nobody = Caller(client, {})

    async def user(self, email: str | None = None) -> Caller:
        """Return a new user who is signed in."""
        user_id = await self.world.user(email)
        token = await self.world.token(user_id)
        return Caller(self.client, {"Authorization": f"Bearer {token}"}, user_id)

    async def ticket(self, user: Caller, **changes: Any) -> dict[str, Any]:
        """Let the user open a ticket."""
        form = {
            "category": "support",
            "subject": "The export stops",
            "message": "It stops after a hundred rows.",
        }
        response = await user.post(json=form | changes)
        assert response.status_code == 201, response.text
        ticket: dict[str, Any] = response.json()["ticket"]
        return ticket


@pytest.fixture
async def api(world: MemoryWorld | PostgresWorld) -> AsyncIterator[Api]:
    """Return the API over each adapter in turn."""
    async with client_of(shared_application_on(world)) as client:
        yield Api(world, client)


@pytest.fixture
async def user(api: Api) -> Caller:
    """Return a user who is signed in."""
    return await api.user("mara@example.com")
