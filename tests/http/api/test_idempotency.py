"""The `Idempotency-Key`: the same request again gets the first answer, byte for byte, and changes nothing."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import asyncpg
import httpx
import pytest

from tests.http.conftest import API, Api, Caller, application_on, client_of
from tests.http.routes import API_ROUTES, with_id
from tests.http.test_errors import problem
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.database import Database

FORM = {
    "category": "billing",
    "subject": "Charged twice",
    "message": "Twice in January, please look.",
}


def keyed(key: str = '"8e03978e-40d5-43e8-bc93-6894a57f9324"') -> dict[str, str]:
    return {"Idempotency-Key": key}


async def same(first: httpx.Response, second: httpx.Response) -> None:
    """Assert that two answers are one."""
    assert first.is_success, first.text
    assert second.status_code == first.status_code
    assert second.content == first.content
    for header in ("Location", "Content-Type"):
        assert second.headers.get(header) == first.headers.get(header)


async def test_a_ticket_is_opened_once(api: Api, user: Caller) -> None:
    first = await user.post(json=FORM, headers=keyed())
    await api.admin.post(f"/admin/{first.json()['ticket']['id']}/reply", json={"message": "On it."})
    await api.admin.put(f"/admin/{first.json()['ticket']['id']}/status", json={"status": "closed"})

    await same(first, await user.post(json=FORM, headers=keyed()))

    (row,) = (await user.get()).json()["tickets"]
    assert row["id"] == first.json()["ticket"]["id"]


class Mutation(NamedTuple):
    """A route that changes something, with a body for it, and another one."""

    side: str
    method: str
    path: str
    body: dict[str, Any] | None
    other: dict[str, Any]


MUTATIONS = [
    Mutation("user", "POST", "/{id}/reply", {"message": "Any news?"}, {"message": "Any news!"}),
    Mutation("user", "POST", "/{id}/read", {"seen": 1}, {"seen": 0}),
    Mutation("user", "POST", "/{id}/unread", None, {}),
    Mutation("admin", "POST", "/admin/{id}/reply", {"message": "On it."}, {"message": "Soon."}),
    Mutation("admin", "PUT", "/admin/{id}/status", {"status": "resolved"}, {"status": "closed"}),
    Mutation("admin", "POST", "/admin/{id}/read", {"seen": 1}, {"seen": 0}),
    Mutation("admin", "POST", "/admin/{id}/unread", None, {}),
]


def test_every_mutating_route_is_among_these() -> None:
    mutating = {(method, with_id(path, 1)) for method, path in API_ROUTES if method != "GET"}
    covered = {(mutation.method, API + mutation.path.format(id=1)) for mutation in MUTATIONS}
    assert mutating == covered | {("POST", API)}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.path)
async def test_a_request_takes_effect_once_and_its_key_is_for_nothing_else(
    api: Api, user: Caller, mutation: Mutation
) -> None:
    side, method, path, body, other = mutation
    caller = api.admin if side == "admin" else user
    ticket, another = await api.ticket(user), await api.ticket(user)
    url = path.format(id=ticket["id"])

    first = await caller.call(method, url, json=body, headers=keyed())
    # whatever is done to the ticket in between
    await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": "in_progress"})
    await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "Something new."})
    await user.get(f"/{ticket['id']}")
    await api.admin.get(f"/admin/{ticket['id']}")
    before = (await api.admin.get(f"/admin/{ticket['id']}?peek=true")).content

    await same(first, await caller.call(method, url, json=body, headers=keyed()))
    problem(await caller.call(method, url, json=other, headers=keyed()), 422)
    elsewhere = path.format(id=another["id"])
    problem(await caller.call(method, elsewhere, json=body, headers=keyed()), 422)

    assert (await api.admin.get(f"/admin/{ticket['id']}?peek=true")).content == before


async def test_what_was_refused_may_be_sent_again_with_its_key(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    url = f"/{ticket['id']}/reply"
    problem(await user.post(url, json={"message": ""}, headers=keyed()), 400)
    problem(await user.post(f"/999999{url}", json={"message": "Hello"}, headers=keyed()), 404)

    response = await user.post(url, json={"message": "Hello"}, headers=keyed())

    assert response.status_code == 201


async def test_a_key_belongs_to_its_caller(api: Api, user: Caller) -> None:
    other = await api.user()
    mine = await user.post(json=FORM, headers=keyed())
    theirs = await other.post(json=FORM, headers=keyed())

    assert mine.json()["ticket"]["user_id"] == user.user_id
    assert theirs.json()["ticket"]["user_id"] == other.user_id
    assert mine.json()["ticket"]["id"] != theirs.json()["ticket"]["id"]


@pytest.mark.parametrize(
    "key",
    ["", " ", '"', '""', 'a"b', '"a', "two keys", "ümlaut".encode().decode("latin-1"), "x" * 256],
)
async def test_a_malformed_key_is_told_and_nothing_is_stored(
    api: Api, user: Caller, key: str
) -> None:
    response = await user.post(json=FORM, headers={"Idempotency-Key": key.encode("latin-1")})

    body = problem(response, 400)
    assert [error["field"] for error in body["errors"]] == ["Idempotency-Key"]
    assert (await user.get()).json()["tickets"] == []
    del api


async def test_two_keys_are_none(api: Api, user: Caller) -> None:
    headers = [*user.headers.items(), *keyed("one").items(), *keyed("one").items()]

    problem(await api.client.post(API, json=FORM, headers=headers), 400)


@pytest.mark.parametrize(
    ("one", "other"), [("abc", '"abc"'), ('"a\\"b\\\\c"', '"a\\"b\\\\c"'), ("x" * 255, "x" * 255)]
)
async def test_a_key_may_be_written_with_quotes_or_without(
    user: Caller, one: str, other: str
) -> None:
    await same(
        await user.post(json=FORM, headers=keyed(one)),
        await user.post(json=FORM, headers=keyed(other)),
    )


async def test_fifty_identical_requests_at_once_are_one_ticket_and_fifty_equal_answers(
    api: Api, user: Caller
) -> None:
    answers = await asyncio.gather(*(user.post(json=FORM, headers=keyed()) for _ in range(50)))

    for answer in answers:
        await same(answers[0], answer)
    assert len((await user.get()).json()["tickets"]) == 1
    assert (await api.admin.get("/admin/stats")).json()["total_count"] == 1


async def test_while_the_first_is_still_running_the_second_is_told_to_wait(
    database_url: str,
) -> None:
    """Another process has sent its statement, and its commit does not come."""
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

        response = await user.post(json=FORM, headers=keyed("a-key"))

        body = problem(response, 409)
        assert body["type"] == "urn:tickets:problem:still-running"
        assert int(response.headers["Retry-After"]) >= 1
        assert (await user.get()).json()["tickets"] == []
        # the other one fails, and leaves nothing: now it is our turn
        await transaction.rollback()
        await other.close()
        assert (await user.post(json=FORM, headers=keyed("a-key"))).status_code == 201
