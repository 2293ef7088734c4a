"""`seen` on replies: a reply to a thread that has grown is a 409 with the unseen messages."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.http.conftest import Api, Caller
from tests.http.problems import invalid_fields, problem


async def test_a_reply_that_has_seen_everything_is_stored(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    shown = (await api.admin.get(f"/admin/{ticket['id']}")).json()["ticket"]["message_count"]

    response = await api.admin.post(
        f"/admin/{ticket['id']}/reply", json={"message": "We are on it.", "seen": shown}
    )

    assert response.status_code == 201


@pytest.mark.parametrize("side", ["user", "admin"])
async def test_a_reply_that_has_not_seen_everything_is_a_409_with_the_unseen_messages(
    api: Api, user: Caller, side: str
) -> None:
    ticket = await api.ticket(user)
    mine, theirs = f"/{ticket['id']}", f"/admin/{ticket['id']}"
    writer, path = (user, mine) if side == "user" else (api.admin, theirs)
    await api.admin.post(f"{theirs}/reply", json={"message": "Which invoice?"})
    await user.post(f"{mine}/reply", json={"message": "Number 4711."})
    before = (await api.admin.get(f"{theirs}?peek=true")).json()["ticket"]

    response = await writer.post(f"{path}/reply", json={"message": "As I said.", "seen": 1})

    body = problem(response, 409)
    assert body["type"] == "urn:tickets:problem:thread-grown"
    assert body["message_count"] == 3
    assert body["messages"] == before["messages"][1:]
    assert [m["message"] for m in body["messages"]] == ["Which invoice?", "Number 4711."]
    # nothing is stored, and nothing marked read
    assert (await api.admin.get(f"{theirs}?peek=true")).json()["ticket"] == before
    # with the new count it is stored
    again = await writer.post(
        f"{path}/reply", json={"message": "As I said.", "seen": body["message_count"]}
    )
    assert again.status_code == 201


async def test_a_reply_without_seen_is_stored_whatever_was_unseen(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "Which invoice?"})

    for body in ({"message": "Never mind."}, {"message": "Never mind.", "seen": None}):
        assert (await user.post(f"/{ticket['id']}/reply", json=body)).status_code == 201


@pytest.mark.parametrize("seen", [-1, 2, 2**31, 2**63, 10**30, "1", 1.5, True, [], {}])
async def test_an_impossible_seen_is_a_400(api: Api, user: Caller, seen: object) -> None:
    ticket = await api.ticket(user)

    for path in ("reply", "read"):
        form: dict[str, Any] = {"seen": seen} | ({"message": "Hello"} if path == "reply" else {})
        response = await user.post(f"/{ticket['id']}/{path}", json=form)
        assert invalid_fields(response) == ["seen"]
    assert (await user.get(f"/{ticket['id']}")).json()["ticket"]["message_count"] == 1


@pytest.mark.parametrize(
    "seen",
    [
        "1.0",
        "1e0",
        "1E+0",
        "10e-1",
        "true",
        '"1"',
        '" 1"',
        '"\u0661"',
        "-1",
        "2",
        "1" * 30,
        "9" * 5000,
        "-" + "9" * 5000,
        "1" + "0" * 60_000,
        "1e400",
        "-1e400",
        "1e-400",
        "1.5",
        "[1]",
        '{"1": 1}',
    ],
    ids=lambda text: text[:12],
)
async def test_a_seen_that_is_not_an_integer_in_its_plain_form_is_a_400_that_names_it(
    api: Api, user: Caller, seen: str
) -> None:
    ticket = await api.ticket(user)

    for action, other in (("read", ""), ("reply", '"message": "Hello", ')):
        body = "{" + other + f'"seen": {seen}' + "}"
        response = await user.call("POST", f"/{ticket['id']}/{action}", content=body)
        assert invalid_fields(response) == ["seen"]


@pytest.mark.parametrize("seen", ["01", "+1", "0x1", "1_0", "1.", ".5", "\u0661", "--1", "1n"])
async def test_a_number_that_is_not_json_is_a_400(api: Api, user: Caller, seen: str) -> None:
    ticket = await api.ticket(user)

    response = await user.call("POST", f"/{ticket['id']}/read", content=f'{{"seen": {seen}}}')

    assert invalid_fields(response) == ["body"]


async def test_a_repeated_reply_with_an_idempotency_key_has_seen_itself(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user)
    form, key = {"message": "Any news?", "seen": 1}, {"Idempotency-Key": "a-key"}
    first = await user.post(f"/{ticket['id']}/reply", json=form, headers=key)

    second = await user.post(f"/{ticket['id']}/reply", json=form, headers=key)

    assert (second.status_code, second.content) == (201, first.content)


async def test_one_of_ten_concurrent_replies_with_the_same_seen_is_stored(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user)

    responses = await asyncio.gather(
        *(
            api.admin.post(
                f"/admin/{ticket['id']}/reply", json={"message": f"I take it, says {n}.", "seen": 1}
            )
            for n in range(10)
        )
    )

    assert sorted(r.status_code for r in responses) == [201] + [409] * 9
    thread = (await user.get(f"/{ticket['id']}")).json()["ticket"]["messages"]
    assert len(thread) == 2
    for response in responses:
        if response.status_code == 409:
            assert response.json()["messages"] == thread[1:]


async def test_the_409_shows_nothing_to_a_stranger(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "For Mara alone."})
    stranger = await api.user()

    response = await stranger.post(
        f"/{ticket['id']}/reply", json={"message": "What did I miss?", "seen": 1}
    )

    problem(response, 404)
    assert "Mara" not in response.text
