"""Two people with a ticket each, and every kind of caller, for the isolation tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from tests.http.conftest import ADMIN_TOKENS, Api, Caller
from tests.http.routes import RULES, Route, Who, with_id
from tests.world import PostgresWorld

MARKER = "the-words-of"
"""Followed by a name, this is in every text that a person wrote."""


@dataclass(frozen=True)
class Person:
    """A signed-in user with a ticket that has a reply of the admins, unread on both sides."""

    name: str
    caller: Caller
    ticket_id: int

    @property
    def words(self) -> str:
        return f"{MARKER}-{self.name}"


async def person(api: Api, name: str) -> Person:
    words = f"{MARKER}-{name}"
    caller = await api.user(f"{words}@example.com")
    ticket = await api.ticket(
        caller,
        category="other",
        other_category=words,
        subject=f"Subject: {words}",
        message=f"Message: {words}",
    )
    answer = {"message": f"Answer: {words}"}
    assert (await api.admin.post(f"/admin/{ticket['id']}/reply", answer)).status_code == 201
    return Person(name, caller, ticket["id"])


class Scene:
    """Two people with a ticket each, and every kind of caller."""

    MISSING = 2_000_000_000

    def __init__(self, api: Api, owner: Person, other: Person, named_token: str) -> None:
        self.api = api
        self.named_token = named_token
        self.world = api.world
        self.owner = owner
        self.other = other
        self.saved_replies: Iterator[int] = iter(())
        """Ids for routes of saved replies, one for each call, as a call may delete it."""
        self.tickets = {
            "the owner's ticket": owner.ticket_id,
            "the other user's ticket": other.ticket_id,
            "no ticket": self.MISSING,
        }

    async def strangers(self, who: Who) -> dict[str, dict[str, str]]:
        """Return the headers of every kind of caller that a route for `who` must refuse."""
        bearer = self.owner.caller.headers["Authorization"].removeprefix("Bearer ")
        headers: dict[str, dict[str, str]] = {
            "no credentials": {},
            "wrong scheme, user": {"Authorization": f"Basic {bearer}"},
            "wrong scheme, admin": {"Authorization": f"X-Admin-Token {ADMIN_TOKENS[0]}"},
            "no scheme": {"Authorization": bearer},
            "revoked": {"Authorization": f"Bearer {await self.revoked_token()}"},
            "the admins' token as a bearer": {"Authorization": f"Bearer {ADMIN_TOKENS[0]}"},
            "a user's token as the admins'": {"X-Admin-Token": bearer},
            "a disabled admin": {"X-Admin-Token": await self.token_of_disabled_admin()},
            "a named admin's token as a bearer": {"Authorization": f"Bearer {self.named_token}"},
        }
        if isinstance(self.world, PostgresWorld):  # tokens in memory do not expire
            headers["expired"] = {"Authorization": f"Bearer {await self.expired_token()}"}
        if who is Who.USER:
            headers["admin"] = self.api.admin.headers
            headers["named admin"] = {"X-Admin-Token": self.named_token}
        else:
            headers["owner"] = self.owner.caller.headers
            headers["other user"] = self.other.caller.headers
        return headers

    async def token_of_disabled_admin(self) -> str:
        """Return the token of an admin that was valid until the admin was disabled."""
        admin, token = await self.world.admin_with_token("Disabled")
        await self.world.disable(admin)
        return token

    async def expired_token(self) -> str:
        """Return a token of the owner that expired a second ago."""
        assert isinstance(self.world, PostgresWorld)
        user_id = self.owner.caller.user_id
        return await self.world.token_admin.new_token(user_id, lifetime=timedelta(seconds=-1))

    async def revoked_token(self) -> str:
        """Return a token of the owner that was valid until it was revoked."""
        token = await self.world.token(self.owner.caller.user_id)
        headers = {"Authorization": f"Bearer {token}"}
        assert (await self.api.anonymous.get("/unread", headers=headers)).status_code == 200
        await self.world.revoke(token)
        return token

    async def call(
        self, route: Route, headers: dict[str, str], ticket_id: int, **body: Any
    ) -> httpx.Response:
        method, path = route
        if "{saved_reply_id}" in path and ticket_id != self.MISSING:
            ticket_id = next(self.saved_replies)
        body = body or {"json": RULES[route].body}
        rule = RULES.get(route)
        body = body or {"json": rule and rule.body}
        query = rule.query if rule else ""
        return await self.api.client.request(
            method,
            with_id(path, ticket_id, self.owner.caller.user_id) + query,
            headers=headers,
            **body,
        )
