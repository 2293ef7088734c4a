"""The real service under test, with builders for who and what is in it."""

from __future__ import annotations

from typing import Any

import httpx

from tests.http.conftest import ADMIN_TOKENS, Api
from tests.web.visits import Person
from tests.world import PostgresWorld


class Site:
    """A service at an address; people and tickets are made through its own API where it has one."""

    def __init__(self, root: str, client: httpx.AsyncClient, world: PostgresWorld) -> None:
        self.root = root
        self.client = client
        self.world = world
        """The ports on the same database, for what happened long ago."""
        self._api = Api(world, client)
        self.admin = Person("admin", ADMIN_TOKENS[0], self._api.admin)

    async def user(self, email: str | None = None) -> Person:
        """Return a new user."""
        calls = await self._api.user(email)
        return Person("account", calls.headers["Authorization"].removeprefix("Bearer "), calls)

    async def ticket(self, user: Person, *replies: str, **changes: Any) -> int:
        """Return the id of a ticket that the user has opened, with replies of the admins."""
        status = changes.pop("status", None)
        opened = await self._api.ticket(user.calls, **changes)
        ticket: int = opened["id"]
        for reply in replies:
            await self.say(self.admin, ticket, reply)
        if status:
            await self.change_status(ticket, status)
        return ticket

    async def say(self, person: Person, ticket: int, message: str) -> None:
        """Let somebody reply."""
        side = "/admin" if person is self.admin else ""
        response = await person.calls.post(f"{side}/{ticket}/reply", json={"message": message})
        assert response.status_code == 201, response.text

    async def change_status(self, ticket: int, status: str) -> None:
        """Let the admins change the status."""
        response = await self.admin.calls.put(f"/admin/{ticket}/status", json={"status": status})
        assert response.status_code == 200, response.text

    async def tickets(self) -> list[dict[str, Any]]:
        """Return what the admins' list has, without reading any of it."""
        rows: list[dict[str, Any]] = (await self.admin.calls.get("/admin/all?limit=200")).json()[
            "tickets"
        ]
        return rows

    async def thread(self, ticket: int) -> list[str]:
        """Return the texts of a thread as they are kept, without reading any of it."""
        return await self.world.texts(ticket)

    async def expire(self, person: Person) -> None:
        """Let all the tokens of a user expire."""
        await self.world.database.fetch(
            "update ticket_tokens set expires_at = now() - interval '1 second' where user_id = $1",
            person.calls.user_id,
        )

    async def new_token(self, person: Person) -> str:
        """Return another token of a user."""
        return await self.world.token(person.calls.user_id)
