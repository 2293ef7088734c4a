"""Isolation: every route, called by every kind of caller, with every kind of ticket id."""

from __future__ import annotations

import itertools
from typing import Any

import httpx
import pytest

from tests.http.access.scene import MARKER, Scene, person
from tests.http.conftest import ADMIN_TOKENS, API, Api
from tests.http.problems import problem
from tests.http.routes import API_ROUTES, RULES, Route, Who, route_table
from tests.world import ADMIN

PER_REQUEST = {"x-request-id"}
"""Headers that differ between any two responses."""


@pytest.fixture
async def scene(api: Api) -> Scene:
    _, named_token = await api.world.admin_with_token("Nadia Berg")
    scene = Scene(api, await person(api, "mara"), await person(api, "otto"), named_token)
    service = api.world.saved_reply_service
    added = [await service.add(f"{n}", "Hello.", by=ADMIN) for n in range(12)]
    scene.saved_replies = itertools.cycle([reply.id for reply in added])
    return scene


def observable(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """Return everything of a response apart from what differs between any two."""
    headers = {name: text for name, text in response.headers.items() if name not in PER_REQUEST}
    return response.status_code, response.content, headers


def has_id(route: Route) -> bool:
    return "{ticket_id}" in route[1] or "{saved_reply_id}" in route[1]


def routes(who: Who) -> list[Route]:
    return [route for route in API_ROUTES if route in RULES and RULES[route].who is who]


def described(route: Route) -> str:
    return " ".join(route)


every_route = pytest.mark.parametrize("route", API_ROUTES, ids=described)
every_route_of_users = pytest.mark.parametrize("route", routes(Who.USER), ids=described)
every_route_of_admins = pytest.mark.parametrize("route", routes(Who.ADMIN), ids=described)
every_ticket_route_of_users = pytest.mark.parametrize(
    "route", [route for route in routes(Who.USER) if has_id(route)], ids=described
)


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    assert sorted(RULES) == sorted(route_table())


def test_no_route_of_the_api_is_public() -> None:
    public = {route for route in RULES if route[1].startswith(API)} - set(API_ROUTES)
    # whoever has the signed address of a mail may end mails, and nothing else
    assert public == {
        (method, f"{API}/unsubscribe/{{signed}}") for method in ("GET", "HEAD", "POST")
    }
    assert [route for route in API_ROUTES if RULES[route].who is Who.ANYBODY] == []


@every_route
async def test_every_other_caller_gets_the_same_401_and_changes_nothing(
    scene: Scene, route: Route
) -> None:
    strangers = await scene.strangers(RULES[route].who)
    before = await scene.world.snapshot()

    responses = {
        (who, which): await scene.call(route, headers, ticket_id)
        for who, headers in strangers.items()
        for which, ticket_id in scene.tickets.items()
    }

    for case, response in responses.items():
        assert response.status_code == 401, case
        problem(response, 401)
        assert response.headers["WWW-Authenticate"]
        assert MARKER not in response.text
    # all are equal: no response shows that a credential is nearly valid, or which tickets exist
    assert len({repr(observable(response)) for response in responses.values()}) == 1
    assert await scene.world.snapshot() == before


BODIES: dict[str, dict[str, Any]] = {
    "good": {},
    "empty object": {"json": {}},
    "blank": {"json": {"message": " "}},
    "too long": {"json": {"message": "x" * 5001}},
    "unknown field": {"json": {"message": "Hello?", "sender_type": "admin"}},
    "with a key": {"headers": {"Idempotency-Key": "a-key"}},
    "not JSON": {"content": b"nonsense", "headers": {"Content-Type": "application/json"}},
    "not declared as JSON": {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
    "too large": {
        "content": b" " * 70_000,
        "headers": {"Content-Type": "application/json"},
    },
}


@every_ticket_route_of_users
async def test_another_users_ticket_and_a_missing_one_give_the_same_bytes(
    scene: Scene, route: Route
) -> None:
    before = await scene.world.snapshot()

    for case, body in BODIES.items() if RULES[route].body is not None else [("good", {})]:
        options = dict(body)
        headers = scene.owner.caller.headers | options.pop("headers", {})
        foreign = await scene.call(route, headers, scene.other.ticket_id, **options)
        missing = await scene.call(route, headers, scene.MISSING, **options)
        assert observable(foreign) == observable(missing), case
        problem(foreign, foreign.status_code)
        if case in ("good", "with a key"):
            assert foreign.status_code == 404
        assert scene.other.words not in foreign.text

    assert await scene.world.snapshot() == before


@every_route_of_users
async def test_a_user_gets_their_own_ticket_and_nothing_of_another_user(
    scene: Scene, route: Route
) -> None:
    people = [(scene.owner, scene.other), (scene.other, scene.owner)]
    for one, another in people:
        theirs = await scene.world.detail(another.ticket_id)

        response = await scene.call(route, one.caller.headers, one.ticket_id)

        assert response.status_code == RULES[route].status, response.text
        assert another.words not in response.text
        assert await scene.world.detail(another.ticket_id) == theirs


@pytest.mark.parametrize(
    "route", [route for route in API_ROUTES if RULES[route].body is not None], ids=described
)
async def test_an_idempotency_key_returns_nothing_to_another_caller(
    scene: Scene, route: Route
) -> None:
    who = RULES[route].who
    caller = scene.owner.caller if who is Who.USER else scene.api.admin
    key = {"Idempotency-Key": "the-owners-own"}
    done = await scene.call(route, caller.headers | key, scene.owner.ticket_id)
    assert done.status_code == RULES[route].status
    before = await scene.world.snapshot()

    other = await scene.call(route, scene.other.caller.headers | key, scene.owner.ticket_id)

    assert scene.owner.words not in other.text
    if who is Who.ADMIN:
        problem(other, 401)
    elif has_id(route):
        problem(other, 404)
    else:
        # keys belong to a caller: the same key and body open another ticket
        assert other.status_code == RULES[route].status
        assert other.json()["ticket"]["user_id"] == scene.other.caller.user_id
        return
    assert await scene.world.snapshot() == before


async def test_lists_and_counts_include_only_the_callers_tickets(scene: Scene) -> None:
    for one in (scene.owner, scene.other):
        listed = (await one.caller.get()).json()["tickets"]
        assert [row["id"] for row in listed] == [one.ticket_id]
        assert one.words in listed[0]["subject"]
        assert (await one.caller.get("/unread")).json() == {"unread": 1}


async def test_a_cursor_from_another_users_list_returns_only_the_callers_tickets(
    scene: Scene,
) -> None:
    await scene.api.ticket(scene.other.caller, subject=scene.other.words)
    cursor = (await scene.other.caller.get("?limit=1")).json()["next_cursor"]

    response = await scene.owner.caller.get(f"?cursor={cursor}")

    assert response.status_code == 200
    assert scene.other.words not in response.text


@every_route_of_admins
async def test_admins_get_the_tickets_of_all_users_and_a_404_for_a_missing_one(
    scene: Scene, route: Route
) -> None:
    for token in ADMIN_TOKENS:
        for ticket_id in (scene.owner.ticket_id, scene.other.ticket_id):
            response = await scene.call(route, {"X-Admin-Token": token}, ticket_id)
            assert response.status_code == RULES[route].status, response.text

    if has_id(route):
        before = await scene.world.snapshot()
        problem(await scene.call(route, scene.api.admin.headers, scene.MISSING), 404)
        assert await scene.world.snapshot() == before


async def test_options_gives_the_same_response_for_every_ticket_and_caller(
    scene: Scene,
) -> None:
    before = await scene.world.snapshot()
    callers: list[dict[str, str]] = [{}, scene.owner.caller.headers]
    for headers in callers:
        for path in {path for _, path in API_ROUTES}:
            responses = {
                repr(
                    observable(await scene.call(("OPTIONS", path), headers, ticket_id, content=b""))
                )
                for ticket_id in scene.tickets.values()
            }
            assert len(responses) == 1, path
            assert MARKER not in responses.pop()
    assert await scene.world.snapshot() == before
