"""Saved replies over HTTP: listed, added, changed, deleted, each once per idempotency key."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.conftest import Api
from tests.http.problems import invalid_fields, problem
from tests.http.routes import SAVED_REPLY

URL = "/admin/saved-replies"


async def listed(api: Api) -> Any:
    return (await api.admin.get(URL)).json()["saved_replies"]


async def test_saved_replies_are_added_changed_and_deleted(api: Api) -> None:
    added = await api.admin.post(URL, json=SAVED_REPLY)

    assert added.status_code == 201
    body = added.json()
    assert set(body) == {"success", "saved_reply"}
    assert set(body["saved_reply"]) == {"id", "title", "text", "updated_at"}
    assert body["saved_reply"]["text"] == SAVED_REPLY["text"]
    assert await listed(api) == [body["saved_reply"]]
    url = f"{URL}/{body['saved_reply']['id']}"
    changed = await api.admin.put(url, json={"title": "B", "text": "New."})
    assert changed.status_code == 200
    assert changed.json()["saved_reply"]["id"] == body["saved_reply"]["id"]
    assert changed.json()["saved_reply"]["updated_at"] > body["saved_reply"]["updated_at"]
    assert await listed(api) == [changed.json()["saved_reply"]]
    deleted = await api.admin.call("DELETE", url)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert await listed(api) == []
    problem(await api.admin.call("DELETE", url), 404)
    problem(await api.admin.put(url, json=SAVED_REPLY), 404)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["title", "text"]),
        ({"title": "x" * 101, "text": "x" * 5001}, ["title", "text"]),
        (SAVED_REPLY | {"id": 7}, ["id"]),
        ({"title": 7, "text": "x"}, ["title"]),
    ],
)
async def test_an_invalid_saved_reply_is_a_400(
    api: Api, body: dict[str, Any], fields: list[str]
) -> None:
    (added,) = [(await api.admin.post(URL, json=SAVED_REPLY)).json()["saved_reply"]]

    assert invalid_fields(await api.admin.post(URL, json=body)) == fields
    assert invalid_fields(await api.admin.put(f"{URL}/{added['id']}", json=body)) == fields

    assert await listed(api) == [added]


@pytest.mark.parametrize("saved_reply_id", ["x", "007", "1.0", "%20"])
async def test_a_malformed_id_is_a_400(api: Api, saved_reply_id: str) -> None:
    problem(await api.admin.call("DELETE", f"{URL}/{saved_reply_id}"), 400)


async def test_each_write_takes_effect_once(api: Api) -> None:
    def key(value: str) -> dict[str, str]:
        return {"Idempotency-Key": value}

    responses = [await api.admin.post(URL, json=SAVED_REPLY, headers=key("1")) for _ in range(2)]
    assert responses[0].content == responses[1].content
    (added,) = await listed(api)
    url, new = f"{URL}/{added['id']}", {"title": "New", "text": "New."}
    responses = [await api.admin.put(url, json=new, headers=key("2")) for _ in range(2)]
    assert [response.status_code for response in responses] == [200, 200]
    assert responses[0].content == responses[1].content
    problem(await api.admin.put(url, json=SAVED_REPLY, headers=key("2")), 422)
    for _ in range(2):
        deleted = await api.admin.call("DELETE", url, headers=key("3"))
        assert (deleted.status_code, deleted.content) == (204, b"")
    problem(await api.admin.call("DELETE", url, headers=key("4")), 404)
    assert await listed(api) == []


async def test_a_repeated_write_is_a_410_once_its_response_was_erased(api: Api) -> None:
    key = {"Idempotency-Key": "a-key"}
    await api.admin.post(URL, json=SAVED_REPLY, headers=key)
    await api.world.erase_responses()

    problem(await api.admin.post(URL, json=SAVED_REPLY, headers=key), 410)

    assert len(await listed(api)) == 1
