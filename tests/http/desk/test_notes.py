"""Internal notes over HTTP: admins write and read them, and no customer ever sees one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.http.conftest import API, Api, Caller
from tests.http.problems import invalid_fields, problem
from tests.http.routes import API_ROUTES, RULES, Route, Who, with_id
from tickets.domain.note import MAX_PAGE_NOTES

SECRET = "xylophone"
"""A word that is in notes and nowhere else."""


async def notes_of(caller: Caller, ticket_id: int, query: str = "?peek=true") -> Any:
    response = await caller.get(f"/admin/{ticket_id}{query}")
    assert response.status_code == 200, response.text
    return response.json()["ticket"]


async def test_a_note_is_in_the_detail_of_every_admin(api: Api, user: Caller) -> None:
    ticket, nadia = await api.ticket(user), await api.named_admin("Nadia Berg")

    first = await nadia.post(f"/admin/{ticket['id']}/notes", json={"note": "\n Called\r\nthem. "})
    second = await api.admin.post(f"/admin/{ticket['id']}/notes", json={"note": "<b>🎫"})

    assert (first.status_code, second.status_code) == (201, 201)
    body = first.json()
    assert set(body) == {"success", "note"}
    assert body["success"] is True
    note = body["note"]
    assert set(note) == {"id", "admin", "note", "created_at"}
    assert note["admin"] == {"id": nadia.user_id, "name": "Nadia Berg"}
    assert note["note"] == " Called\nthem."
    assert second.json()["note"]["admin"] is None
    for caller in (nadia, api.admin):
        detail = await notes_of(caller, ticket["id"])
        assert detail["notes"] == [note, second.json()["note"]]
        assert detail["notes_before"] is None


async def test_older_notes_are_returned_by_cursor_and_mark_nothing_read(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user)
    for number in range(MAX_PAGE_NOTES + 2):
        await api.admin.post(f"/admin/{ticket['id']}/notes", json={"note": f"{number}"})

    newest = await notes_of(api.admin, ticket["id"])
    older = await notes_of(api.admin, ticket["id"], f"?notes_before={newest['notes_before']}")

    assert [note["note"] for note in newest["notes"]] == [
        f"{number}" for number in range(2, MAX_PAGE_NOTES + 2)
    ]
    assert [note["note"] for note in older["notes"]] == ["0", "1"]
    assert older["notes_before"] is None
    assert older["messages"] == newest["messages"]
    assert (await api.admin.get("/admin/unread")).json() == {"unread": 1}
    await notes_of(api.admin, ticket["id"], "?notes_before=")
    assert (await api.admin.get("/admin/unread")).json() == {"unread": 0}


@pytest.mark.parametrize("cursor", ["x", "e30", "eyJub3RlIjowfQ", "eyJiZWZvcmUiOjV9", "é"])
async def test_a_wrong_cursor_of_notes_is_a_400(api: Api, user: Caller, cursor: str) -> None:
    ticket = await api.ticket(user)

    response = await api.admin.get(f"/admin/{ticket['id']}?notes_before={cursor}")

    assert invalid_fields(response) == ["notes_before"]
    twice = await api.admin.get(f"/admin/{ticket['id']}?notes_before=&notes_before=")
    assert invalid_fields(twice) == ["notes_before"]


@pytest.mark.parametrize("body", [{}, {"note": ""}, {"note": "x" * 5001}, {"note": 7}])
async def test_an_invalid_note_is_a_400_and_not_stored(
    api: Api, user: Caller, body: dict[str, Any]
) -> None:
    ticket = await api.ticket(user)

    response = await api.admin.post(f"/admin/{ticket['id']}/notes", json=body)

    assert invalid_fields(response) == ["note"]
    assert (await notes_of(api.admin, ticket["id"]))["notes"] == []


async def test_a_closed_ticket_takes_notes_and_a_missing_one_does_not(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user)
    await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": "closed"})

    response = await api.admin.post(f"/admin/{ticket['id']}/notes", json={"note": "For later."})
    missing = await api.admin.post("/admin/2000000000/notes", json={"note": "For later."})

    assert response.status_code == 201
    problem(missing, 404)


async def test_a_replayed_note_is_the_first_one(api: Api, user: Caller) -> None:
    ticket, nadia = await api.ticket(user), await api.named_admin("Nadia")
    url, key = f"/admin/{ticket['id']}/notes", {"Idempotency-Key": "a-key"}

    first = await nadia.post(url, json={"note": "Called."}, headers=key)
    second = await nadia.post(url, json={"note": "Called."}, headers=key)
    problem(await nadia.post(url, json={"note": "Wrote."}, headers=key), 422)

    assert (second.status_code, second.content) == (201, first.content)
    assert len((await notes_of(nadia, ticket["id"]))["notes"]) == 1


def seen_by_user(response: httpx.Response) -> tuple[int, bytes, Mapping[str, str]]:
    """Return all that a customer can see of a response."""
    names = {name: text for name, text in response.headers.items() if name != "x-request-id"}
    return response.status_code, response.content, names


READING = [route for route in API_ROUTES if RULES[route].who is Who.USER and route[0] == "GET"]
WRITING = [route for route in API_ROUTES if RULES[route].who is Who.USER and route[0] != "GET"]


async def test_a_note_changes_no_byte_of_what_its_customer_reads(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "On it."})
    paths = [with_id(path, ticket["id"]).removeprefix(API) for _, path in READING]
    paths += [f"/{ticket['id']}?peek=true", f"/{ticket['id']}?limit=1&peek=true", "?status=open"]
    paths += [f"/search?q={SECRET}", "/search?q=stops"]
    await user.get(f"/{ticket['id']}")
    before = [seen_by_user(await user.get(path)) for path in paths]
    tags = {path: (await user.get(path)).headers.get("ETag") for path in paths}
    assert any(tags.values())

    nadia = await api.named_admin("Nadia")
    for caller in (nadia, api.admin):
        note = {"note": f"{SECRET} about this customer"}
        assert (await caller.post(f"/admin/{ticket['id']}/notes", json=note)).status_code == 201

    assert [seen_by_user(await user.get(path)) for path in paths] == before
    for path, tag in tags.items():
        if tag is not None:
            unchanged = await user.get(path, headers={"If-None-Match": tag})
            assert unchanged.status_code == 304, path


@pytest.mark.parametrize("route", WRITING, ids=" ".join)
async def test_no_answer_to_a_customer_contains_a_note(
    api: Api, user: Caller, route: Route
) -> None:
    ticket, other = await api.ticket(user), await api.ticket(await api.user())
    for each in (ticket, other):
        await api.admin.post(f"/admin/{each['id']}/notes", json={"note": SECRET})
    method, path = route
    body = RULES[route].body

    for each, headers in (
        (ticket, {}),
        (ticket, {"Idempotency-Key": "a-key"}),
        (ticket, {"Idempotency-Key": "a-key"}),
        (other, {}),
    ):
        url = with_id(path, each["id"]).removeprefix(API)
        response = await user.call(method, url, json=body, headers=headers)
        assert SECRET not in response.text
    # a reply that is refused shows what it missed
    reply = {"message": "Hello?", "seen": 0}
    assert SECRET not in (await user.post(f"/{ticket['id']}/reply", json=reply)).text
    for path in ("", "/unread", f"/{ticket['id']}"):
        assert SECRET not in (await user.get(path)).text


async def test_a_note_is_in_no_list_count_preview_or_badge(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    await user.get(f"/{ticket['id']}")
    await api.admin.get(f"/admin/{ticket['id']}")
    lists = ("/admin/all", "/admin/stats", "/admin/unread")
    before = [(await api.admin.get(path)).content for path in lists]

    await api.admin.post(f"/admin/{ticket['id']}/notes", json={"note": SECRET})

    assert [(await api.admin.get(path)).content for path in lists] == before
    assert (await user.get("/unread")).json() == {"unread": 0}
