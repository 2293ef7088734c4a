"""Replies that saw what you saw: with `seen`, nothing is stored over something that the writer was not shown."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.http.conftest import Api, Caller
from tests.http.test_errors import problem
from tests.http.test_idempotency import keyed


async def test_a_reply_to_everything_that_is_there_goes_through(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    shown = (await api.admin.get(f"/admin/{ticket['id']}")).json()["ticket"]["message_count"]

    response = await api.admin.post(
        f"/admin/{ticket['id']}/reply", json={"message": "We are on it.", "seen": shown}
    )

    assert response.status_code == 201


@pytest.mark.parametrize("side", ["user", "admin"])
async def test_a_reply_that_has_missed_something_stores_nothing_and_is_shown_it(
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
    # nothing is stored, nothing is read
    assert (await api.admin.get(f"{theirs}?peek=true")).json()["ticket"] == before
    # one more click, having seen them, sends
    again = await writer.post(
        f"{path}/reply", json={"message": "As I said.", "seen": body["message_count"]}
    )
    assert again.status_code == 201


async def test_without_seen_nothing_changes(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "Which invoice?"})

    for body in ({"message": "Never mind."}, {"message": "Never mind.", "seen": None}):
        assert (await user.post(f"/{ticket['id']}/reply", json=body)).status_code == 201


@pytest.mark.parametrize("seen", [-1, 2, 2**31, 2**63, 10**30, "1", 1.5, True, [], {}])
async def test_what_cannot_have_been_seen_is_refused(api: Api, user: Caller, seen: object) -> None:
    ticket = await api.ticket(user)

    for path in ("reply", "read"):
        form: dict[str, Any] = {"seen": seen} | ({"message": "Hello"} if path == "reply" else {})
        body = problem(await user.post(f"/{ticket['id']}/{path}", json=form), 400)
        assert [error["field"] for error in body["errors"]] == ["seen"]
    assert (await user.get(f"/{ticket['id']}")).json()["ticket"]["message_count"] == 1


async def test_a_retry_of_a_reply_that_went_through_has_not_missed_itself(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user)
    form = {"message": "Any news?", "seen": 1}
    first = await user.post(f"/{ticket['id']}/reply", json=form, headers=keyed())

    second = await user.post(f"/{ticket['id']}/reply", json=form, headers=keyed())

    assert (second.status_code, second.content) == (201, first.content)


async def test_of_ten_that_saw_the_same_and_write_at_once_one_goes_through(
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


async def test_a_strangers_reply_is_not_told_what_it_missed(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "For Mara alone."})
    stranger = await api.user()

    response = await stranger.post(
        f"/{ticket['id']}/reply", json={"message": "What did I miss?", "seen": 1}
    )

    problem(response, 404)
    assert "Mara" not in response.text
