"""Isolation over every way of identity of a host: every route by every kind of caller."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.http.access.hosts import (
    FOREIGN_HMAC,
    HMAC,
    SAME_ORIGIN,
    SIGNERS,
    UNKNOWN,
    HostApi,
    cookie_headers,
    headers_of,
    now,
)
from tests.http.access.scene import MARKER, Person, Scene, person
from tests.http.access.test_isolation import described, has_id, observable
from tests.http.conftest import ADMIN_TOKENS
from tests.http.problems import problem
from tests.http.routes import API_ROUTES, RULES, Route, Who
from tests.world import ADMIN, World
from tickets.adapters.signed_identity.verifier import ADMIN_AUDIENCE, USER_AUDIENCE

WAYS = ["cookie", "HS256"]
"""Those of which every route is tried; the other signatures differ in the key alone."""

every_route = pytest.mark.parametrize("route", API_ROUTES, ids=described)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def scene(memory_world: World, way: str) -> Scene:
    api = HostApi(memory_world, way)
    scene = Scene(api, await person(api, "mara"), await person(api, "otto"), "")
    service = memory_world.saved_reply_service
    added = [await service.add(f"{n}", "Hello.", by=ADMIN) for n in range(12)]
    scene.saved_replies = itertools.cycle([reply.id for reply in added])
    return scene


def strangers_with_tokens(owner: str, who: Who) -> dict[str, str]:
    """Return tokens that nobody may sign in with on a route for `who`."""
    audience = USER_AUDIENCE if who is Who.USER else ADMIN_AUDIENCE
    other = ADMIN_AUDIENCE if who is Who.USER else USER_AUDIENCE
    claims: dict[str, Any] = {"name": "Nadia"}
    good = HMAC.token(owner, audience, **claims)
    head, body, signature = good.split(".")
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    return {
        "the other side's": HMAC.token(owner, other, **claims),
        "for another service": HMAC.token(owner, "another", **claims),
        "without audience": HMAC.token(owner, ..., **claims),
        "expired": HMAC.token(owner, audience, **claims, exp=now() - 60),
        "without expiry": HMAC.token(owner, audience, **claims, exp=...),
        "valid for too long": HMAC.token(owner, audience, **claims, exp=now() + 90_000),
        "not yet": HMAC.token(owner, audience, **claims, nbf=now() + 120),
        "from the future": HMAC.token(owner, audience, **claims, iat=now() + 120),
        "without a subject": HMAC.token(..., audience, **claims),
        "algorithm none": f"{unsigned}.{body}.",
        "none with a signature": f"{unsigned}.{body}.{signature}",
        "signature cut": f"{head}.{body}.",
        "another secret": FOREIGN_HMAC.token(owner, audience, **claims),
        "another key with the id": UNKNOWN.token(owner, audience, **claims),
        "oversized": HMAC.token(owner, audience, **claims, more="x" * 9000),
        "own user token": "tk_" + "x" * 43,
    }


def strangers(way: str, who: Who) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {"no credentials": {}}
    bearer = HMAC.token("host-the-words-of-mara")
    if way == "cookie":
        side = "admin" if who is Who.USER else "user"
        found |= {
            "no session": {**SAME_ORIGIN},
            "an unknown session": {"Cookie": "session=x", **SAME_ORIGIN},
            "the other side's": cookie_headers(side, f"{MARKER}-mara"),
            "a signed token": {"Authorization": f"Bearer {bearer}", "X-Admin-Token": bearer},
            "a shared token": {"X-Admin-Token": ADMIN_TOKENS[0]},
        }
        return found
    for case, token in strangers_with_tokens("host-the-words-of-mara", who).items():
        found[case] = {"Authorization": f"Bearer {token}"}
        if who is Who.ADMIN:
            found[f"{case}, as an admin's"] = {"X-Admin-Token": token}
    found["a session"] = cookie_headers("user", f"{MARKER}-mara")
    return found


@every_route
async def test_every_other_caller_gets_the_same_401_and_changes_nothing(
    scene: Scene, way: str, route: Route
) -> None:
    before = await scene.world.snapshot()
    responses = {
        (case, which): await scene.call(route, headers, ticket_id)
        for case, headers in strangers(way, RULES[route].who).items()
        for which, ticket_id in list(scene.tickets.items())[:2]
    }
    for case, response in responses.items():
        assert response.status_code == 401, case
        problem(response, 401)
        assert MARKER not in response.text
    assert len({repr(observable(response)) for response in responses.values()}) == 1
    assert await scene.world.snapshot() == before


@every_route
async def test_each_side_reaches_its_own_and_nothing_of_anybody_else(
    scene: Scene, way: str, route: Route
) -> None:
    rule = RULES[route]
    if rule.who is Who.ADMIN:
        response = await scene.call(route, scene.api.admin.headers, scene.owner.ticket_id)
        assert response.status_code == rule.status, response.text
        if way != "cookie":
            token = scene.api.admin.headers["X-Admin-Token"]
            bearer = {"Authorization": f"Bearer {token}"}
            response = await scene.call(route, bearer, scene.owner.ticket_id)
            assert response.status_code in (rule.status, 409), response.text
        return
    pairs: list[tuple[Person, Person]] = [(scene.owner, scene.other), (scene.other, scene.owner)]
    for one, another in pairs:
        response = await scene.call(route, one.caller.headers, one.ticket_id)
        assert response.status_code == rule.status, response.text
        assert another.words not in response.text
    if has_id(route):
        before = await scene.world.snapshot()
        foreign = await scene.call(route, scene.owner.caller.headers, scene.other.ticket_id)
        missing = await scene.call(route, scene.owner.caller.headers, scene.MISSING)
        assert observable(foreign) == observable(missing)
        problem(foreign, 404)
        assert await scene.world.snapshot() == before


@pytest.mark.parametrize("way", ["cookie", *SIGNERS], indirect=True)
async def test_a_new_person_reads_without_a_row_and_gets_one_by_writing(
    scene: Scene, way: str
) -> None:
    headers = headers_of(way)("user", "new")
    before = await scene.world.snapshot()
    for path in ("", "/unread", f"/{scene.owner.ticket_id}"):
        response = await scene.api.anonymous.get(path, headers=headers)
        assert response.status_code == (404 if path[1:].isdigit() else 200)
    assert await scene.world.snapshot() == before

    body = {"category": "support", "subject": "A first one", "message": "It is the first."}
    opened = await scene.api.anonymous.post("", body, headers=headers)
    assert opened.status_code == 201, opened.text
    listed = (await scene.api.anonymous.get("", headers=headers)).json()["tickets"]
    assert [row["id"] for row in listed] == [opened.json()["ticket"]["id"]]
