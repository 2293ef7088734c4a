"""Invalid request bodies: a 400 that names every invalid field in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.conftest import NEW_TICKET, Api, Caller
from tests.http.problems import invalid_fields, problem


@pytest.mark.parametrize(
    ("changes", "invalid"),
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
async def test_an_invalid_ticket_is_a_400_that_names_each_invalid_field(
    api: Api, user: Caller, changes: dict[str, Any], invalid: list[str]
) -> None:
    assert invalid_fields(await user.post(json=NEW_TICKET | changes)) == invalid
    assert (await api.admin.get("/admin/stats")).json()["total_count"] == 0


async def test_all_missing_fields_are_named(user: Caller) -> None:
    assert invalid_fields(await user.post(json={})) == ["category", "subject", "message"]


@pytest.mark.parametrize(
    "raw",
    [
        rb'{"category": "support", "subject": "half \ud83d", "message": "It stops after a while."}',
        rb'{"category": "support", "subject": "\udc00 half", "message": "It stops after a while."}',
    ],
)
async def test_a_lone_surrogate_is_a_400_that_names_the_field(user: Caller, raw: bytes) -> None:
    headers = {"Content-Type": "application/json"}

    assert invalid_fields(await user.post(content=raw, headers=headers)) == ["subject"]


@pytest.mark.parametrize("subject", ["🎫" * 200, "x" * 200, "  " + "é" * 3 + "  "])
async def test_a_subject_of_the_minimum_or_maximum_length_is_accepted(
    user: Caller, subject: str
) -> None:
    response = await user.post(json=NEW_TICKET | {"subject": subject})

    assert response.status_code == 201
    assert response.json()["ticket"]["subject"] == subject.strip()


@pytest.mark.parametrize(
    ("body", "invalid"),
    [({"message": ""}, ["message"]), ({"text": "x"}, ["text"]), ({}, ["message"])],
)
async def test_an_invalid_reply_is_a_400_on_both_sides(
    api: Api, user: Caller, body: dict[str, Any], invalid: list[str]
) -> None:
    ticket = await api.ticket(user)

    for caller, side in ((user, ""), (api.admin, "/admin")):
        response = await caller.post(f"{side}/{ticket['id']}/reply", json=body)
        assert invalid_fields(response) == invalid


@pytest.mark.parametrize("status", ["", "done", "OPEN", None, 1, ["open"], "open\0"])
async def test_an_unknown_status_is_a_400(api: Api, user: Caller, status: object) -> None:
    ticket = await api.ticket(user)

    response = await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": status})

    assert invalid_fields(response) == ["status"]


async def test_a_reply_to_a_closed_ticket_is_a_400_on_both_sides(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": "closed"})

    for caller, side in ((user, ""), (api.admin, "/admin")):
        response = await caller.post(f"{side}/{ticket['id']}/reply", json={"message": "One more"})
        assert "closed" in problem(response, 400)["detail"]

    detail = (await user.get(f"/{ticket['id']}")).json()["ticket"]
    assert detail["message_count"] == len(detail["messages"]) == 1


async def test_each_sentence_says_what_is_wrong_with_its_field(user: Caller) -> None:
    changes = {"subject": 7, "other_category": [], "priority": "high"}

    body = problem(await user.post(json=NEW_TICKET | changes), 400)

    sentences = {error["field"]: error["message"] for error in body["errors"]}
    assert sentences == {
        "subject": "Subject must be a string.",
        "other_category": "Other category must be a string.",
        "priority": "Unknown field: priority.",
    }
    assert all(sentence in body["detail"] for sentence in sentences.values())


async def test_a_number_in_another_type_is_named_as_such(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)

    response = await user.post(f"/{ticket['id']}/reply", json={"message": "Hello", "seen": "1"})

    (error,) = problem(response, 400)["errors"]
    assert error == {"field": "seen", "message": "Seen must be a whole number."}


@pytest.mark.parametrize(
    "number", [2**31, 2**53 + 1, 2**63, 2**64, 10**30, -(2**63) - 1, 1.5, 1e308, -0.0, True, False]
)
async def test_a_number_is_not_accepted_as_a_string(api: Api, user: Caller, number: float) -> None:
    ticket = await api.ticket(user)
    before = await api.world.snapshot()

    for field in ("category", "subject", "message", "other_category"):
        response = await user.post(json=NEW_TICKET | {field: number})
        assert invalid_fields(response) == [field]
    reply = await user.post(f"/{ticket['id']}/reply", json={"message": number})
    assert invalid_fields(reply) == ["message"]
    status = await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": number})
    assert invalid_fields(status) == ["status"]

    assert await api.world.snapshot() == before


@pytest.mark.parametrize(
    "written",
    ["9223372036854775808", "1" + "0" * 400, "-1", "1e2", "1.0", "1e999", "NaN", "Infinity", "0x1"],
)
async def test_seen_must_be_a_whole_number_in_digits(api: Api, user: Caller, written: str) -> None:
    ticket = await api.ticket(user)
    before = await api.world.snapshot()

    for path, rest in (("reply", '"message": "Hello", '), ("read", "")):
        problem(
            await user.post(
                f"/{ticket['id']}/{path}",
                content=f'{{{rest}"seen": {written}}}',
                headers={"Content-Type": "application/json"},
            ),
            400,
        )

    assert await api.world.snapshot() == before
