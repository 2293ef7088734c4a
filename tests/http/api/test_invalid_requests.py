"""Every row of the contract's error table, in one shape, and no input that gives a 500."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.http.conftest import Api, Caller, application_on, client_of
from tests.world import MemoryWorld
from tickets.adapters.http.edge.error_handlers import RETRY_AFTER_SECONDS, STATUS_BY_ERROR
from tickets.domain.errors import (
    FieldError,
    InvalidInput,
    StaleTicket,
    StoreUnavailable,
    ThreadGrown,
    TicketsError,
    TooManyRequests,
)
from tickets.domain.rate_limits import Allowance, Hit, RateLimit
from tickets.domain.ticket import Ticket
from tickets.domain.write_context import WriteContext

GOOD = {
    "category": "support",
    "subject": "The export stops",
    "message": "It stops after a hundred rows.",
}


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """Check that the response is a problem with this status, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (
        {"type", "title", "status", "detail"}
        <= set(body)
        <= {"type", "title", "status", "detail", "errors", "message_count", "messages"}
        | ({"request_id"} if status == 500 else set())
    )
    assert body["status"] == status
    assert body["detail"].endswith((".", "?"))
    return body


def fields(body: dict[str, Any]) -> list[str]:
    assert all(set(error) == {"field", "message"} for error in body["errors"])
    return [error["field"] for error in body["errors"]]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"subject": "ab"}, ["subject"]),
        ({"subject": "x" * 201}, ["subject"]),
        ({"message": "too short"}, ["message"]),
        ({"message": "x" * 5001}, ["message"]),
        ({"message": "NUL \0 inside it"}, ["message"]),
        ({"category": "complaint"}, ["category"]),
        ({"category": ""}, ["category"]),
        ({"category": "other", "other_category": "x" * 101}, ["other_category"]),
        ({"other_category": "Mine"}, ["other_category"]),
        ({"subject": 7}, ["subject"]),
        ({"subject": None}, ["subject"]),
        ({"subject": ["a", "b", "c"]}, ["subject"]),
        ({"message": {"text": "It stops."}}, ["message"]),
        ({"priority": "high"}, ["priority"]),
        ({"user_id": 1}, ["user_id"]),
        (
            {"category": 1, "subject": None, "message": False, "x": 1},
            ["category", "subject", "message", "x"],
        ),
        ({"category": "x", "subject": "", "message": ""}, ["category", "subject", "message"]),
    ],
)
async def test_a_form_that_is_wrong_is_a_400_that_names_each_field(
    api: Api, user: Caller, changes: dict[str, Any], wrong: list[str]
) -> None:
    body = problem(await user.post(json=GOOD | changes), 400)

    assert fields(body) == wrong
    assert (await api.admin.get("/admin/stats")).json()["total_count"] == 0


async def test_fields_that_are_missing_are_all_named(user: Caller) -> None:
    assert fields(problem(await user.post(json={}), 400)) == ["category", "subject", "message"]


@pytest.mark.parametrize(
    "raw",
    [
        rb'{"category": "support", "subject": "half \ud83d", "message": "It stops after a while."}',
        rb'{"category": "support", "subject": "\udc00 half", "message": "It stops after a while."}',
    ],
)
async def test_half_of_a_surrogate_pair_is_a_400_that_names_the_field(
    user: Caller, raw: bytes
) -> None:
    headers = {"Content-Type": "application/json"}

    body = problem(await user.post(content=raw, headers=headers), 400)

    assert fields(body) == ["subject"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"7",
        b"\xff\xfe",
        b'{"subject": "\xff"}',
        b"[" * 50_000,
        b'{"a":' * 10_000,
        b"\xef\xbb\xbf{}",
        '{"subject": "é"}'.encode("utf-16"),
        b'{"subject": 1e999}',
        b'{"n": ' + b"9" * 10_000 + b"}",
        rb'{"\ud800": 1}',
        b"category=support",
    ],
)
async def test_a_body_that_is_no_object_of_ours_is_a_400(user: Caller, raw: bytes) -> None:
    headers = {"Content-Type": "application/json"}

    body = problem(await user.post(content=raw, headers=headers), 400)

    assert body["errors"]


@pytest.mark.parametrize("subject", ["🎫" * 200, "x" * 200, "  " + "é" * 3 + "  "])
async def test_what_is_long_but_not_too_long_is_taken(user: Caller, subject: str) -> None:
    response = await user.post(json=GOOD | {"subject": subject})

    assert response.status_code == 201
    assert response.json()["ticket"]["subject"] == subject.strip()


async def test_the_longest_message_in_the_widest_characters_fits(user: Caller) -> None:
    # 60,000 bytes of escapes: under the limit of a body, whose unit is bytes, not characters
    raw = json.dumps(GOOD | {"message": "🎫" * 5000})

    assert len(raw) < 65_536 * 2
    response = await user.post(
        content=json.dumps(GOOD | {"message": "🎫" * 5000}, ensure_ascii=False).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert response.status_code == 201


@pytest.mark.parametrize(
    ("path", "body"), [("reply", {"message": ""}), ("reply", {"text": "x"}), ("reply", {})]
)
async def test_a_reply_that_is_wrong_is_a_400_on_both_sides(
    api: Api, user: Caller, path: str, body: dict[str, Any]
) -> None:
    ticket = await api.ticket(user)

    for caller, side in ((user, ""), (api.admin, "/admin")):
        response = await caller.post(f"{side}/{ticket['id']}/{path}", json=body)
        assert "message" in fields(problem(response, 400)) or "text" in fields(response.json())


@pytest.mark.parametrize("status", ["", "done", "OPEN", None, 1, ["open"], "open\0"])
async def test_a_status_that_does_not_exist_is_a_400(
    api: Api, user: Caller, status: object
) -> None:
    ticket = await api.ticket(user)

    response = await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": status})

    assert fields(problem(response, 400)) == ["status"]


async def test_nobody_replies_to_a_closed_ticket(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": "closed"})

    for caller, side in ((user, ""), (api.admin, "/admin")):
        response = await caller.post(f"{side}/{ticket['id']}/reply", json={"message": "One more"})
        assert "closed" in problem(response, 400)["detail"]

    detail = (await user.get(f"/{ticket['id']}")).json()["ticket"]
    assert detail["message_count"] == len(detail["messages"]) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("status=%00", "status"),
        ("status=OPEN", "status"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("limit=ten", "limit"),
        ("limit=1e2", "limit"),
        ("limit=5.0", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=%ED%A0%80", "cursor"),
        ("cursor=W10", "cursor"),
        ("cursor=eyJ1cGRhdGVkX2F0IjoiMjAyNi0wMS0wMVQwMDowMDowMCIsImlkIjo1fQ", "cursor"),
    ],
)
async def test_a_query_that_is_wrong_is_a_400_that_names_it(
    api: Api, user: Caller, query: str, field: str
) -> None:
    for caller, path in ((user, ""), (api.admin, "/admin/all")):
        assert fields(problem(await caller.get(f"{path}?{query}"), 400)) == [field]


async def test_a_category_that_does_not_exist_is_a_400(api: Api) -> None:
    assert fields(problem(await api.admin.get("/admin/all?category=spam"), 400)) == ["category"]


async def test_one_lists_cursor_is_no_cursor_of_the_other(api: Api, user: Caller) -> None:
    await api.ticket(user)
    await api.ticket(user)
    mine = (await user.get("?limit=1")).json()["next_cursor"]
    theirs = (await api.admin.get("/admin/all?limit=1")).json()["next_cursor"]

    problem(await user.get(f"?cursor={theirs}"), 400)
    problem(await api.admin.get(f"/admin/all?cursor={mine}"), 400)


@pytest.mark.parametrize("ticket_id", ["abc", "1.0", "1e3", "+1", "%31%00", "0x1", "٣", "1,2"])
async def test_an_id_that_is_no_number_is_a_400(api: Api, user: Caller, ticket_id: str) -> None:
    for caller, side in ((user, ""), (api.admin, "/admin")):
        assert fields(problem(await caller.get(f"{side}/{ticket_id}"), 400)) == ["ticket_id"]


@pytest.mark.parametrize(
    "ticket_id",
    ["0", "-1", "999999", "2147483647", "2147483648", "9223372036854775808", "9" * 50, "9" * 5000],
)
async def test_an_id_that_nobody_has_is_a_404_on_every_route(
    api: Api, user: Caller, ticket_id: str
) -> None:
    message, status = {"message": "Hello?"}, {"status": "closed"}
    bodies = {
        problem(response, 404)["detail"]
        for response in (
            await user.get(f"/{ticket_id}"),
            await user.post(f"/{ticket_id}/reply", json=message),
            await api.admin.get(f"/admin/{ticket_id}"),
            await api.admin.post(f"/admin/{ticket_id}/reply", json=message),
            await api.admin.put(f"/admin/{ticket_id}/status", json=status),
        )
    }

    assert bodies == {"There is no such ticket."}


async def test_a_body_over_64_kib_is_a_413(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    large = b'{"message": "' + b"x" * 65_536 + b'"}'

    async def chunks() -> Any:
        for start in range(0, len(large), 1000):
            yield large[start : start + 1000]

    for content in (large, chunks()):
        response = await user.post(
            f"/{ticket['id']}/reply", content=content, headers={"Content-Type": "application/json"}
        )
        assert "64 KiB" in problem(response, 413)["detail"]


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)
async def test_a_body_that_is_declared_as_something_else_is_a_415(
    user: Caller, media_type: str
) -> None:
    content = json.dumps(GOOD).encode()

    problem(await user.post(content=content, headers={"Content-Type": media_type}), 415)


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", ""]
)
async def test_json_is_taken_however_it_is_declared(user: Caller, media_type: str) -> None:
    content = json.dumps(GOOD).encode()
    headers = {"Content-Type": media_type} if media_type else {}

    assert (await user.post(content=content, headers=headers)).status_code == 201


async def test_an_address_without_anything_is_a_404(api: Api) -> None:
    response = await api.client.get("/nothing/here")

    assert problem(response, 404)["detail"] == "There is nothing at this address."


async def test_a_method_that_an_address_does_not_take_is_a_405(user: Caller) -> None:
    response = await user.call("DELETE")

    problem(response, 405)
    assert {"GET", "POST"} <= set(response.headers["Allow"].replace(" ", "").split(","))


class Failing:
    """The port `Tickets` with a store that always fails in one way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def add(self, ticket: Ticket, context: WriteContext) -> Ticket:
        del ticket, context
        raise self._error


async def answer_to(error: Exception) -> httpx.Response:
    """Return what a client is told when opening a ticket fails with this error."""
    world = MemoryWorld()
    token = await world.token(await world.user())
    world.tickets = Failing(error)  # type: ignore[assignment] # as much of the port as this needs
    async with client_of(application_on(world)) as client:
        headers = {"Authorization": f"Bearer {token}"}
        return await client.post("/api/v1/tickets", headers=headers, json=GOOD)


def every_error(kind: type[TicketsError] = TicketsError) -> list[type[TicketsError]]:
    children = kind.__subclasses__()
    return children + [leaf for child in children for leaf in every_error(child)]


MADE: dict[type[TicketsError], TicketsError] = {
    InvalidInput: InvalidInput([FieldError("x", "X is wrong.")]),
    ThreadGrown: ThreadGrown(2),
    TooManyRequests: TooManyRequests(
        Hit("creates", "7", RateLimit(6, timedelta(minutes=1))), Allowance(0, 9_500_000)
    ),
}


@pytest.mark.parametrize("kind", every_error())
async def test_every_error_of_the_tree_has_its_status_and_its_sentence(
    kind: type[TicketsError],
) -> None:
    error = MADE[kind] if kind in MADE else kind()

    response = await answer_to(error)

    body = problem(response, STATUS_BY_ERROR[kind])
    assert body["detail"] == str(error)
    assert body["type"] == f"urn:tickets:problem:{kind.code}"
    assert ("www-authenticate" in response.headers) == (response.status_code == 401)


@pytest.mark.parametrize("kind", [StoreUnavailable, StaleTicket])
async def test_what_will_pass_says_when_to_come_back(kind: type[TicketsError]) -> None:
    response = await answer_to(kind())

    problem(response, 503)
    assert response.headers["Retry-After"] == str(RETRY_AFTER_SECONDS)


async def test_a_defect_of_ours_is_told_as_ours_and_shows_nothing_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = await answer_to(ZeroDivisionError("the secret detail"))

    assert "our side" in problem(response, 500)["detail"]
    assert "secret" not in response.text
    assert response.json()["request_id"] == response.headers["X-Request-ID"]
    assert "the secret detail" in caplog.text
