"""The service under test, with builders for its users and tickets."""

from __future__ import annotations

from typing import Any

import httpx

from tests.http.conftest import ADMIN_TOKENS, Api
from tests.web.visits import Person
from tests.world import PostgresWorld


class Site:
    """A running service. Users and tickets are created through its API wherever that can."""

    def __init__(self, root: str, client: httpx.AsyncClient, world: PostgresWorld) -> None:
        self.root = root
        self.client = client
        self.world = world
        """The same database through the ports, for example to create old tickets."""
        self._api = Api(world, client)
        self.admin = Person("admin", ADMIN_TOKENS[0], self._api.admin)

    async def user(self, email: str | None = None) -> Person:
        """Return a new user."""
        calls = await self._api.user(email)
        return Person("account", calls.headers["Authorization"].removeprefix("Bearer "), calls)

    async def ticket(self, user: Person, *replies: str, **changes: Any) -> int:
        """Open a ticket as the user, let the admins reply, and return its id."""
        status = changes.pop("status", None)
        opened = await self._api.ticket(user.calls, **changes)
        ticket: int = opened["id"]
        for reply in replies:
            await self.reply(self.admin, ticket, reply)
        if status:
            await self.change_status(ticket, status)
        return ticket

    async def reply(self, person: Person, ticket: int, message: str) -> None:
        """Reply to a ticket as this person."""
        side = "/admin" if person is self.admin else ""
        response = await person.calls.post(f"{side}/{ticket}/reply", json={"message": message})
        assert response.status_code == 201, response.text

    async def change_status(self, ticket: int, status: str) -> None:
        """Change a ticket's status as an admin."""
        response = await self.admin.calls.put(f"/admin/{ticket}/status", json={"status": status})
        assert response.status_code == 200, response.text

    async def list_tickets(self) -> list[dict[str, Any]]:
        """Return the admins' list; it marks nothing as read."""
        rows: list[dict[str, Any]] = (await self.admin.calls.get("/admin/all?limit=200")).json()[
            "tickets"
        ]
        return rows

    async def message_texts(self, ticket: int) -> list[str]:
        """Return the stored texts of a ticket's messages; it marks nothing as read."""
        return await self.world.texts(ticket)

    async def expire_tokens(self, person: Person) -> None:
        """Expire all tokens of a user."""
        await self.world.database.fetch(
            "update ticket_tokens set expires_at = now() - interval '1 second' where user_id = $1",
            person.calls.user_id,
        )

    async def new_token(self, person: Person) -> str:
        """Create another token for a user."""
        return await self.world.token(person.calls.user_id)
