"""Triage over HTTP: assignee, priority, handled, `was`, reply with status, on behalf (DESK)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.http.conftest import NEW_TICKET, Api, Caller
from tests.http.problems import invalid_fields, problem


async def put(api: Api, ticket: dict[str, Any], what: str, **body: Any) -> httpx.Response:
    return await api.admin.put(f"/admin/{ticket['id']}/{what}", json=body)


async def detail(api: Api, ticket: dict[str, Any]) -> dict[str, Any]:
    response = await api.admin.get(f"/admin/{ticket['id']}?peek=true")
    shown: dict[str, Any] = response.json()["ticket"]
    return shown


async def test_a_ticket_is_assigned_and_freed(api: Api, user: Caller) -> None:
    ticket, anna = await api.ticket(user), await api.world.admin("Anna")
    shown = {"id": anna.id, "name": "Anna"}

    assigned = await put(api, ticket, "assignee", assignee=anna.id)
    assert assigned.json() == {"success": True, "assignee": shown}
    assert (await detail(api, ticket))["assignee"] == shown
    freed = await put(api, ticket, "assignee", assignee=None, was=anna.id)

    assert freed.json() == {"success": True, "assignee": None}
    assert [(event["from"], event["to"]) for event in (await detail(api, ticket))["events"]] == [
        (None, "Anna"),
        ("Anna", None),
    ]


async def test_an_unknown_or_disabled_admin_is_a_400(api: Api, user: Caller) -> None:
    ticket, anna = await api.ticket(user), await api.world.admin("Anna")
    await api.world.disable(anna)

    for admin_id in (anna.id, 0, -1, 2**31, 10**19):
        assert invalid_fields(await put(api, ticket, "assignee", assignee=admin_id)) == ["assignee"]


async def test_an_absent_was_is_not_named_among_the_invalid_fields(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)

    assert invalid_fields(await put(api, ticket, "assignee", assignee="me")) == ["assignee"]
    assert invalid_fields(await put(api, ticket, "assignee", admin=2)) == ["assignee", "admin"]
    wrong = await put(api, ticket, "assignee", assignee="me", was="nobody")
    assert invalid_fields(wrong) == ["assignee", "was"]


async def test_a_value_that_is_not_the_shown_one_is_a_409_with_the_present_one(
    api: Api, user: Caller
) -> None:
    ticket, anna = await api.ticket(user), await api.world.admin("Anna")
    await put(api, ticket, "assignee", assignee=anna.id)

    refused = [
        await put(api, ticket, "assignee", assignee=None, was=None),
        await put(api, ticket, "priority", priority="low", was="high"),
        await put(api, ticket, "status", status="closed", was="resolved"),
    ]
    await put(api, ticket, "assignee", assignee=None)
    refused.append(await put(api, ticket, "assignee", assignee=anna.id, was=anna.id))

    assert [problem(response, 409)["present"] for response in refused] == [
        {"id": anna.id, "name": "Anna"},
        "normal",
        "open",
        None,
    ]


async def test_the_shown_value_is_replaced_also_after_a_message(api: Api, user: Caller) -> None:
    """DESK: a message does not make the shown value of these fields stale."""
    ticket, anna = await api.ticket(user), await api.world.admin("Anna")
    await put(api, ticket, "assignee", assignee=anna.id, was=None)
    await put(api, ticket, "priority", priority="urgent", was="normal")
    await user.post(f"/{ticket['id']}/reply", json={"message": "Any news?"})

    undone = [
        await put(api, ticket, "assignee", assignee=None, was=anna.id),
        await put(api, ticket, "priority", priority="normal", was="urgent"),
    ]

    assert [response.status_code for response in undone] == [200, 200]


async def test_undoing_a_status_does_not_undo_a_reopening(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    await put(api, ticket, "status", status="resolved", was="open")
    await user.post(f"/{ticket['id']}/reply", json={"message": "Still broken."})

    undo = await put(api, ticket, "status", status="in_progress", was="resolved")

    assert problem(undo, 409)["present"] == "open"


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("priority", {"priority": "P1"}),
        ("priority", {}),
        ("priority", {"priority": None}),
        ("assignee", {"assignee": "me"}),
        ("assignee", {"assignee": None, "was": "nobody"}),
        ("status", {"status": "open", "was": "new"}),
    ],
)
async def test_an_invalid_value_is_a_400(
    api: Api, user: Caller, what: str, body: dict[str, Any]
) -> None:
    assert invalid_fields(await put(api, await api.ticket(user), what, **body))


async def test_handled_ends_the_wait_and_leaves_the_ticket_unread(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    url = f"/admin/{ticket['id']}/handled"

    for _ in range(2):
        response = await api.admin.post(url, json={"seen": 1})
        assert response.json() == {"success": True, "waiting_since": None}

    shown = await detail(api, ticket)
    assert (shown["waiting_since"], shown["admin_unread"]) == (None, True)


async def test_handled_is_a_409_with_the_unseen_where_the_thread_has_grown(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user)
    await user.post(f"/{ticket['id']}/reply", json={"message": "One more thing."})

    response = await api.admin.post(f"/admin/{ticket['id']}/handled", json={"seen": 1})

    body = problem(response, 409)
    assert [message["message"] for message in body["messages"]] == ["One more thing."]
    assert (await detail(api, ticket))["waiting_since"] is not None


async def test_a_reply_resolves_in_one_call_and_the_ticket_says_when_it_closes(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user)
    body = {"message": "Done.", "seen": 1, "status": "resolved"}

    response = await api.admin.post(f"/admin/{ticket['id']}/reply", json=body)

    assert response.status_code == 201
    assert response.json()["message"]["message"] == "Done."
    for caller, path in ((api.admin, "/admin"), (user, "")):
        shown = (await caller.get(f"{path}/{ticket['id']}?peek=true")).json()["ticket"]
        assert shown["status"] == "resolved"
        assert shown["closes_at"] > shown["updated_at"]


async def test_a_users_reply_takes_no_status(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    body = {"message": "Close it, please.", "status": "closed"}

    assert invalid_fields(await user.post(f"/{ticket['id']}/reply", json=body)) == ["status"]


@pytest.mark.parametrize("by", ["user_id", "email"])
async def test_an_admin_opens_a_ticket_for_a_customer(api: Api, by: str) -> None:
    user = await api.user("Mara@example.com")
    named = {"user_id": user.user_id} if by == "user_id" else {"email": "mara@EXAMPLE.com"}

    response = await api.admin.post("/admin/tickets", json=NEW_TICKET | named)

    assert response.status_code == 201, response.text
    ticket = response.json()["ticket"]
    assert (ticket["user_id"], ticket["user_unread"]) == (user.user_id, True)
    assert (ticket["waiting_since"], ticket["admin_unread"]) == (None, False)
    location = response.request.url.join(response.headers["Location"])
    assert (await api.client.get(location, headers=api.admin.headers)).status_code == 200
    assert (await user.get("/unread")).json() == {"unread": 1}


@pytest.mark.parametrize(
    ("named", "field"),
    [
        ({}, "user_id"),
        ({"user_id": 10**19}, "user_id"),
        ({"user_id": -1}, "user_id"),
        ({"email": "nobody@example.com"}, "email"),
        ({"email": "nul\0@example.com"}, "email"),
        ({"user_id": 1, "email": "nobody@example.com"}, "user_id"),
    ],
)
async def test_a_customer_who_is_not_known_is_a_400(
    api: Api, named: dict[str, Any], field: str
) -> None:
    response = await api.admin.post("/admin/tickets", json=NEW_TICKET | named)

    assert invalid_fields(response) == [field]


EVERY_ANSWER = [
    "",
    "?status=open",
    "/unread",
    "/{id}?peek=true",
    "/{id}?peek=true&limit=1",
    "/search?q=export",
]


async def answers(user: Caller, ticket: dict[str, Any]) -> list[tuple[int, str | None, bytes]]:
    """Return what every route of a customer answers: status, tag and bytes."""
    responses = [await user.get(path.format(id=ticket["id"])) for path in EVERY_ANSWER]
    return [(each.status_code, each.headers.get("ETag"), each.content) for each in responses]


async def test_what_admins_do_among_themselves_changes_no_byte_of_a_customers_answers(
    api: Api, user: Caller
) -> None:
    """DESK, first section: assigning, handled, notes; by every route, tags included."""
    ticket, anna = await api.ticket(user), await api.world.admin("Anna")
    ben = await api.named_admin("Ben")
    path = f"/admin/{ticket['id']}"
    await user.get(f"/{ticket['id']}")
    before = await answers(user, ticket)

    done = [
        await api.admin.put(f"{path}/assignee", json={"assignee": anna.id}),
        await ben.put(f"{path}/assignee", json={"assignee": None, "was": anna.id}),
        await ben.post(f"{path}/notes", json={"note": "About the export: a known fault."}),
        await ben.post(f"{path}/handled", json={"seen": 1}),
    ]

    assert [response.status_code for response in done] == [200, 200, 201, 200]
    assert await answers(user, ticket) == before
