"""The application over each adapter, and callers who sign in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import cache
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.world import MemoryWorld, PostgresWorld, World
from tickets.adapters.http.access.authentication import (
    admin_authentication,
    user_authentication,
)
from tickets.adapters.http.access.failed_sign_ins import FailedSignIns
from tickets.adapters.http.app import create_app
from tickets.observability.metrics import Metrics

API = "/api/v1/tickets"

ADMIN_TOKENS = ("first-admin-token", "second-admin-token")

NEW_TICKET = {
    "category": "support",
    "subject": "The export stops",
    "message": "It stops after a hundred rows.",
}
"""A valid request body."""


def application_on(world: World, **options: Any) -> Litestar:
    """Return the application over the ports of this world; `options` are those of `create_app`."""
    defaults: dict[str, Any] = {
        "ticket_service": world.service,
        "note_service": world.note_service,
        "saved_reply_service": world.saved_reply_service,
        "ticket_views": world.views,
        "queues": world.queues,
        "ticket_search": world.search,
        "reporting": world.reporting,
        **hooks_on(
            world,
            options.pop("failed_sign_ins", None),
            options.pop("admin_tokens", ADMIN_TOKENS),
        ),
        "admins": world.admins,
        "store_health": world.store_health,
        "mailbook": world.mailbook,
        "clock": world.clock,
        "metrics": Metrics(),
    }
    return create_app(**defaults | options)


def hooks_on(
    world: Any,
    failed_sign_ins: FailedSignIns | None = None,
    admin_tokens: Sequence[str] = ADMIN_TOKENS,
) -> dict[str, Any]:
    """Return the hooks that admit holders of this world's tokens."""
    failed_sign_ins = failed_sign_ins or FailedSignIns(world.rate_limiter, None)
    return {
        "user_authentication": user_authentication(world.token_lookup, failed_sign_ins),
        "admin_authentication": admin_authentication(
            admin_tokens, world.admin_lookup, failed_sign_ins
        ),
    }


class CurrentPort:
    """Delegates to one port of the world of the running test."""

    world: World

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(CurrentPort.world, self._name), name)


class CurrentPorts:
    """The ports of the world of the running test, by name."""

    def __getattr__(self, name: str) -> CurrentPort:
        return CurrentPort(name)


@cache
def shared_application() -> Litestar:
    """Return an application over the world of the running test.

    It is created once, since that takes longer than most tests.
    """
    port: Any = CurrentPort
    return create_app(
        ticket_service=port("service"),
        note_service=port("note_service"),
        saved_reply_service=port("saved_reply_service"),
        ticket_views=port("views"),
        queues=port("queues"),
        ticket_search=port("search"),
        reporting=port("reporting"),
        **hooks_on(CurrentPorts()),
        admins=port("admins"),
        store_health=port("store_health"),
        mailbook=port("mailbook"),
        clock=port("clock"),
        metrics=Metrics(),
    )


def shared_application_on(world: World) -> Litestar:
    """Return the shared application, from now on over the ports of this world."""
    CurrentPort.world = world
    return shared_application()


def client_of(app: Any, address: str = "127.0.0.1") -> httpx.AsyncClient:
    """Return a client that calls the application in this process.

    An unhandled exception is a 500, as it would be over a socket.
    """
    transport = httpx.ASGITransport(
        app,
        raise_app_exceptions=False,
        client=(address, 50_000),
    )
    return httpx.AsyncClient(transport=transport, base_url="http://tickets.test")


class Caller:
    """Calls the API with the headers that authenticate one caller."""

    def __init__(
        self, client: httpx.AsyncClient, headers: dict[str, str], user_id: int = 0
    ) -> None:
        self._client = client
        self.headers = headers
        self.user_id = user_id

    async def call(self, method: str, path: str = "", **options: Any) -> httpx.Response:
        headers = self.headers | options.pop("headers", {})
        return await self._client.request(method, API + path, headers=headers, **options)

    async def get(self, path: str = "", **options: Any) -> httpx.Response:
        return await self.call("GET", path, **options)

    async def post(self, path: str = "", json: Any = None, **options: Any) -> httpx.Response:
        return await self.call("POST", path, json=json, **options)

    async def put(self, path: str = "", json: Any = None, **options: Any) -> httpx.Response:
        return await self.call("PUT", path, json=json, **options)


class Api:
    """The API of one application."""

    def __init__(self, world: World, client: httpx.AsyncClient) -> None:
        self.world = world
        self.client = client
        self.admin = Caller(client, {"X-Admin-Token": ADMIN_TOKENS[0]})
        self.anonymous = Caller(client, {})

    async def user(self, email: str | None = None) -> Caller:
        """Return a new user who is signed in."""
        user_id = await self.world.user(email)
        token = await self.world.token(user_id)
        return Caller(self.client, {"Authorization": f"Bearer {token}"}, user_id)

    async def named_admin(self, name: str = "Nadia Berg", email: str | None = None) -> Caller:
        """Return a new named admin who is signed in; `user_id` is the admin's id."""
        admin, token = await self.world.admin_with_token(name, email)
        return Caller(self.client, {"X-Admin-Token": token}, admin.id)

    async def ticket(self, user: Caller, **fields: Any) -> dict[str, Any]:
        """Open a ticket of this user; return it as the API does."""
        response = await user.post(json=NEW_TICKET | fields)
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
