"""Idempotency keys: a repeated request gets the first response again and changes nothing."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import asyncpg
import httpx
import pytest

from tests.http.conftest import API, NEW_TICKET, Api, Caller, application_on, client_of
from tests.http.problems import invalid_fields, problem
from tests.http.routes import API_ROUTES, with_id
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.database import Database


def with_key(key: str = '"8e03978e-40d5-43e8-bc93-6894a57f9324"') -> dict[str, str]:
    """Return the header with this idempotency key."""
    return {"Idempotency-Key": key}


def assert_replayed(first: httpx.Response, second: httpx.Response) -> None:
    """Assert that the second response is a replay of the first."""
    assert first.is_success, first.text
    assert second.status_code == first.status_code
    assert second.content == first.content
    for header in ("Location", "Content-Type"):
        assert second.headers.get(header) == first.headers.get(header)


async def test_a_repeated_create_returns_the_first_response(api: Api, user: Caller) -> None:
    first = await user.post(json=NEW_TICKET, headers=with_key())
    await api.admin.post(f"/admin/{first.json()['ticket']['id']}/reply", json={"message": "On it."})
    await api.admin.put(f"/admin/{first.json()['ticket']['id']}/status", json={"status": "closed"})

    assert_replayed(first, await user.post(json=NEW_TICKET, headers=with_key()))

    (row,) = (await user.get()).json()["tickets"]
    assert row["id"] == first.json()["ticket"]["id"]


async def test_a_repeated_create_for_a_customer_returns_the_first_response(
    api: Api, user: Caller
) -> None:
    body = NEW_TICKET | {"user_id": user.user_id}
    first = await api.admin.post("/admin/tickets", json=body, headers=with_key())

    again = await api.admin.post("/admin/tickets", json=body, headers=with_key())

    assert_replayed(first, again)
    assert len((await user.get()).json()["tickets"]) == 1


class Mutation(NamedTuple):
    """A route that changes something, with a valid body and a different one."""

    side: str
    method: str
    path: str
    body: dict[str, Any] | None
    other: dict[str, Any]


MUTATIONS = [
    Mutation("user", "POST", "/{id}/reply", {"message": "Any news?"}, {"message": "Any news!"}),
    Mutation("user", "POST", "/{id}/read", {"seen": 1}, {"seen": 0}),
    Mutation("user", "POST", "/{id}/unread", None, {}),
    Mutation("user", "POST", "/{id}/close", None, {}),
    Mutation("admin", "POST", "/admin/{id}/reply", {"message": "On it."}, {"message": "Soon."}),
    Mutation("admin", "PUT", "/admin/{id}/status", {"status": "resolved"}, {"status": "closed"}),
    Mutation("admin", "PUT", "/admin/{id}/priority", {"priority": "high"}, {"priority": "low"}),
    Mutation("admin", "PUT", "/admin/{id}/assignee", {"assignee": None}, {"assignee": 1}),
    Mutation("admin", "POST", "/admin/{id}/handled", {"seen": 1}, {"seen": 0}),
    Mutation("admin", "POST", "/admin/{id}/notes", {"note": "Called."}, {"note": "Wrote."}),
    Mutation("admin", "POST", "/admin/{id}/read", {"seen": 1}, {"seen": 0}),
    Mutation("admin", "POST", "/admin/{id}/unread", None, {}),
]


def test_every_mutating_route_is_covered() -> None:
    mutating = {(method, with_id(path, 1)) for method, path in API_ROUTES if method != "GET"}
    covered = {(mutation.method, API + mutation.path.format(id=1)) for mutation in MUTATIONS}
    # tests/http/desk/test_saved_replies.py has these
    url = f"{API}/admin/saved-replies"
    saved_replies = {("POST", url), ("PUT", f"{url}/1"), ("DELETE", f"{url}/1")}
    created = {("POST", API), ("POST", f"{API}/admin/tickets")}
    assert mutating == covered | saved_replies | created


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.path)
async def test_a_request_takes_effect_once_and_its_key_is_refused_for_another_request(
    api: Api, user: Caller, mutation: Mutation
) -> None:
    side, method, path, body, other = mutation
    caller = api.admin if side == "admin" else user
    ticket, another = await api.ticket(user), await api.ticket(user)
    url = path.format(id=ticket["id"])

    first = await caller.call(method, url, json=body, headers=with_key())
    # changes to the ticket in between make no difference
    await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": "in_progress"})
    await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "Something new."})
    await user.get(f"/{ticket['id']}")
    await api.admin.get(f"/admin/{ticket['id']}")
    before = (await api.admin.get(f"/admin/{ticket['id']}?peek=true")).content

    assert_replayed(first, await caller.call(method, url, json=body, headers=with_key()))
    problem(await caller.call(method, url, json=other, headers=with_key()), 422)
    elsewhere = path.format(id=another["id"])
    problem(await caller.call(method, elsewhere, json=body, headers=with_key()), 422)

    assert (await api.admin.get(f"/admin/{ticket['id']}?peek=true")).content == before


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.path)
async def test_a_repeated_request_is_a_410_once_its_response_was_erased(
    api: Api, user: Caller, mutation: Mutation
) -> None:
    side, method, path, body, _ = mutation
    caller = api.admin if side == "admin" else user
    ticket = await api.ticket(user)
    url = path.format(id=ticket["id"])
    await caller.call(method, url, json=body, headers=with_key())
    before = await api.world.snapshot()
    await api.world.erase_responses()

    response = await caller.call(method, url, json=body, headers=with_key())

    assert problem(response, 410)["type"].endswith(":response-erased")
    after = await api.world.snapshot()
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"ticket_idempotency_keys", "stored_responses"}


async def test_a_refused_request_stores_no_key(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    url = f"/{ticket['id']}/reply"
    problem(await user.post(url, json={"message": ""}, headers=with_key()), 400)
    problem(await user.post(f"/999999{url}", json={"message": "Hello"}, headers=with_key()), 404)

    response = await user.post(url, json={"message": "Hello"}, headers=with_key())

    assert response.status_code == 201


async def test_two_callers_may_use_the_same_key(api: Api, user: Caller) -> None:
    other = await api.user()
    mine = await user.post(json=NEW_TICKET, headers=with_key())
    theirs = await other.post(json=NEW_TICKET, headers=with_key())

    assert mine.json()["ticket"]["user_id"] == user.user_id
    assert theirs.json()["ticket"]["user_id"] == other.user_id
    assert mine.json()["ticket"]["id"] != theirs.json()["ticket"]["id"]


@pytest.mark.parametrize(
    "key",
    ["", " ", '"', '""', 'a"b', '"a', "two keys", "ümlaut".encode().decode("latin-1"), "x" * 256],
)
async def test_a_malformed_key_is_a_400_and_nothing_is_stored(user: Caller, key: str) -> None:
    response = await user.post(json=NEW_TICKET, headers={"Idempotency-Key": key.encode("latin-1")})

    assert invalid_fields(response) == ["Idempotency-Key"]
    assert (await user.get()).json()["tickets"] == []


async def test_two_keys_in_one_request_are_a_400(api: Api, user: Caller) -> None:
    headers = [*user.headers.items(), *with_key("one").items(), *with_key("one").items()]

    problem(await api.client.post(API, json=NEW_TICKET, headers=headers), 400)


@pytest.mark.parametrize(
    ("one", "other"), [("abc", '"abc"'), ('"a\\"b\\\\c"', '"a\\"b\\\\c"'), ("x" * 255, "x" * 255)]
)
async def test_a_key_with_quotes_equals_the_same_key_without(
    user: Caller, one: str, other: str
) -> None:
    assert_replayed(
        await user.post(json=NEW_TICKET, headers=with_key(one)),
        await user.post(json=NEW_TICKET, headers=with_key(other)),
    )


async def test_fifty_concurrent_equal_requests_are_one_ticket_and_fifty_equal_responses(
    api: Api, user: Caller
) -> None:
    responses = await asyncio.gather(
        *(user.post(json=NEW_TICKET, headers=with_key()) for _ in range(50))
    )

    for response in responses:
        assert_replayed(responses[0], response)
    assert len((await user.get()).json()["tickets"]) == 1
    assert (await api.admin.get("/admin/stats")).json()["total_count"] == 1


async def test_a_repeated_request_is_a_409_while_the_first_has_not_committed(
    database_url: str,
) -> None:
    """Another process has sent its statement and does not commit."""
    other = await asyncpg.connect(database_url)
    name = await other.fetchval("select current_database()")
    await other.execute(f"alter database {name} set lock_timeout = '200ms'")
    async with (
        Database(database_url).open() as database,
        client_of(application_on(PostgresWorld(database))) as client,
    ):
        api = Api(PostgresWorld(database), client)
        user = await api.user()
        transaction = other.transaction()
        await transaction.start()
        await other.execute(
            """
            insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at)
            values ($1, 'a-key', sha256('x'), 'true', '2026-02-03 10:00+00')
            """,
            f"user:{user.user_id}",
        )

        response = await user.post(json=NEW_TICKET, headers=with_key("a-key"))

        body = problem(response, 409)
        assert body["type"] == "urn:tickets:problem:still-running"
        assert int(response.headers["Retry-After"]) >= 1
        assert (await user.get()).json()["tickets"] == []
        # the first request fails and stores nothing, so the second may run
        await transaction.rollback()
        await other.close()
        assert (await user.post(json=NEW_TICKET, headers=with_key("a-key"))).status_code == 201
