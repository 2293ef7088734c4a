"""The wire format, call by call, as the contract's first table has it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from tests.http.conftest import API, Api, Caller

TICKET = {
    "id",
    "user_id",
    "category",
    "other_category",
    "subject",
    "status",
    "priority",
    "user_unread",
    "admin_unread",
    "message_count",
    "created_at",
    "updated_at",
}
MESSAGE = {"id", "ticket_id", "sender_type", "sender_id", "message", "created_at"}
ROW = {
    "id",
    "category",
    "other_category",
    "subject",
    "status",
    "priority",
    "message_count",
    "last_message",
    "created_at",
    "updated_at",
}


async def test_opening_a_ticket(user: Caller) -> None:
    response = await user.post(
        json={
            "category": "other",
            "other_category": " Press ",
            "subject": "  An interview?  ",
            "message": "\nMay we talk to your founder?\n",
        }
    )

    assert response.status_code == 201
    body = response.json()
    assert set(body) == {"success", "ticket"}
    assert body["success"] is True
    ticket = body["ticket"]
    assert set(ticket) == TICKET
    assert response.headers["Location"] == f"{API}/{ticket['id']}"
    assert ticket["user_id"] == user.user_id
    assert (ticket["category"], ticket["other_category"]) == ("other", "Press")
    assert ticket["subject"] == "An interview?"
    assert (ticket["status"], ticket["priority"]) == ("open", "normal")
    assert (ticket["user_unread"], ticket["admin_unread"]) == (False, True)
    assert ticket["message_count"] == 1
    assert ticket["created_at"] == ticket["updated_at"]
    assert (await user.get(f"/{ticket['id']}")).status_code == 200


async def test_timestamps_are_iso_8601_with_an_offset(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", ticket["created_at"]
    )
    assert datetime.fromisoformat(ticket["created_at"]).utcoffset() == timedelta(0)


async def test_a_users_list(api: Api, user: Caller) -> None:
    first = await api.ticket(user, subject="First one")
    second = await api.ticket(user, subject="Second one")

    response = await user.get()

    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"tickets", "next_cursor"}
    assert body["next_cursor"] is None
    assert [row["id"] for row in body["tickets"]] == [second["id"], first["id"]]
    assert set(body["tickets"][0]) == ROW | {"user_unread"}
    assert body["tickets"][0]["last_message"] == "It stops after a hundred rows."


async def test_a_users_list_by_status(api: Api, user: Caller) -> None:
    closed, still_open = await api.ticket(user), await api.ticket(user)
    await api.admin.put(f"/admin/{closed['id']}/status", json={"status": "closed"})

    async def ids(query: str) -> list[int]:
        return [row["id"] for row in (await user.get(query)).json()["tickets"]]

    assert await ids("?status=closed") == [closed["id"]]
    assert await ids("?status=open") == [still_open["id"]]
    assert await ids("?status=resolved") == []
    assert await ids("?status=") == [closed["id"], still_open["id"]]


async def test_lists_are_paged_with_cursors(api: Api, user: Caller) -> None:
    ids = [(await api.ticket(user))["id"] for _ in range(5)]
    for caller, path in (
        (user, ""),
        (api.admin, "/admin/all"),
        (api.admin, "/admin/all?status=open"),
    ):
        pages: list[list[int]] = []
        cursor: str | None = ""
        while cursor is not None:
            mark = "&" if "?" in path else "?"
            body = (await caller.get(f"{path}{mark}limit=2&cursor={cursor}")).json()
            pages.append([row["id"] for row in body["tickets"]])
            cursor = body["next_cursor"]

        assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]


async def test_a_page_has_50_rows_where_nothing_else_is_asked_for_and_200_at_most(
    api: Api, user: Caller
) -> None:
    for _ in range(51):
        await api.ticket(user)

    for caller, path in ((user, ""), (api.admin, "/admin/all")):
        assert len((await caller.get(path)).json()["tickets"]) == 50
        assert len((await caller.get(f"{path}?limit=200")).json()["tickets"]) == 51


async def test_a_users_badge(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    assert (await user.get("/unread")).json() == {"unread": 0}

    await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "We are on it."})

    assert (await user.get("/unread")).json() == {"unread": 1}


async def test_opening_the_detail_shows_the_thread_and_marks_it_read(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user)
    reply = await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "We are on it."})

    response = await user.get(f"/{ticket['id']}")

    assert response.status_code == 200
    assert set(response.json()) == {"ticket"}
    detail = response.json()["ticket"]
    assert set(detail) == TICKET | {"messages"}
    assert [set(message) for message in detail["messages"]] == [MESSAGE, MESSAGE]
    assert [
        (message["sender_type"], message["sender_id"], message["message"])
        for message in detail["messages"]
    ] == [
        ("user", user.user_id, "It stops after a hundred rows."),
        ("admin", None, "We are on it."),
    ]
    assert detail["messages"][1] == reply.json()["message"]
    assert (await user.get("/unread")).json() == {"unread": 0}
    (row,) = (await user.get()).json()["tickets"]
    assert row["user_unread"] is False


async def test_a_users_reply(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    await api.admin.get(f"/admin/{ticket['id']}")

    response = await user.post(f"/{ticket['id']}/reply", json={"message": "  Any news?  "})

    assert response.status_code == 201
    body = response.json()
    assert set(body) == {"success", "message"}
    assert body["success"] is True
    assert set(body["message"]) == MESSAGE
    assert body["message"]["message"] == "Any news?"
    assert body["message"]["ticket_id"] == ticket["id"]
    assert (body["message"]["sender_type"], body["message"]["sender_id"]) == ("user", user.user_id)
    assert (await api.admin.get("/admin/unread")).json() == {"unread": 1}


async def test_the_admins_list(api: Api, user: Caller) -> None:
    read, unread = await api.ticket(user), await api.ticket(user, category="billing")
    await api.admin.get(f"/admin/{read['id']}")
    await api.admin.put(f"/admin/{read['id']}/status", json={"status": "in_progress"})

    response = await api.admin.get("/admin/all")

    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"tickets", "next_cursor"}
    assert [row["id"] for row in body["tickets"]] == [unread["id"], read["id"]]
    assert set(body["tickets"][0]) == ROW | {"admin_unread", "user_email"}
    assert body["tickets"][0]["user_email"] == "mara@example.com"

    async def ids(query: str) -> list[int]:
        rows = (await api.admin.get(f"/admin/all?{query}")).json()["tickets"]
        return [row["id"] for row in rows]

    assert await ids("status=in_progress") == [read["id"]]
    assert await ids("category=billing") == [unread["id"]]
    assert await ids("status=in_progress&category=billing") == []
    assert await ids("status=open&category=billing") == [unread["id"]]
    assert await ids("status=&category=") == [unread["id"], read["id"]]


async def test_the_admins_stats_are_section_10_exactly(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user, category="billing")
    await api.ticket(user)
    await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": "resolved"})
    await api.admin.get(f"/admin/{ticket['id']}")

    response = await api.admin.get("/admin/stats")

    assert response.status_code == 200
    assert response.json() == {
        "total_count": 2,
        "open_count": 1,
        "in_progress_count": 0,
        "resolved_count": 1,
        "closed_count": 0,
        "unread_count": 1,
        "categories": {"support": 1, "billing": 1, "feature_suggestion": 0, "other": 0},
    }


async def test_the_admins_detail_names_the_user_and_marks_it_read(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    assert (await api.admin.get("/admin/unread")).json() == {"unread": 1}

    response = await api.admin.get(f"/admin/{ticket['id']}")

    assert response.status_code == 200
    detail = response.json()["ticket"]
    assert set(detail) == TICKET | {"messages", "user_email"}
    assert detail["user_email"] == "mara@example.com"
    assert (await api.admin.get("/admin/unread")).json() == {"unread": 0}


async def test_an_admins_reply(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)

    response = await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "Hello."})

    assert response.status_code == 201
    message = response.json()["message"]
    assert set(message) == MESSAGE
    assert (message["sender_type"], message["sender_id"]) == ("admin", None)


@pytest.mark.parametrize("status", ["open", "in_progress", "resolved", "closed"])
async def test_moving_a_ticket(api: Api, user: Caller, status: str) -> None:
    ticket = await api.ticket(user)

    response = await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": status})

    assert response.status_code == 200
    assert response.json() == {"success": True, "status": status}
    stored = (await user.get(f"/{ticket['id']}")).json()["ticket"]
    assert stored["status"] == status
    assert (stored["updated_at"] == ticket["updated_at"]) == (status == "open")


async def test_the_same_status_again_does_not_move_updated_at(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": "resolved"})
    before = (await user.get(f"/{ticket['id']}")).json()

    response = await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": "resolved"})

    assert response.json() == {"success": True, "status": "resolved"}
    assert (await user.get(f"/{ticket['id']}")).json() == before


async def test_a_closed_ticket_can_be_opened_again_and_answered(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": "closed"})
    await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": "open"})

    response = await user.post(f"/{ticket['id']}/reply", json={"message": "Thank you."})

    assert response.status_code == 201


async def test_a_whole_conversation_as_section_7_has_it(api: Api, user: Caller) -> None:
    async def unread_counts() -> tuple[int, int]:
        mine = (await user.get("/unread")).json()["unread"]
        theirs = (await api.admin.get("/admin/unread")).json()["unread"]
        return mine, theirs

    ticket = await api.ticket(user)
    assert await unread_counts() == (0, 1)
    await api.admin.get(f"/admin/{ticket['id']}")
    assert await unread_counts() == (0, 0)
    await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "Hello."})
    assert await unread_counts() == (1, 0)
    await user.get(f"/{ticket['id']}")
    assert await unread_counts() == (0, 0)
    await user.post(f"/{ticket['id']}/reply", json={"message": "Hello yourself."})
    assert await unread_counts() == (0, 1)


async def test_trailing_slashes_make_no_difference(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)

    assert (await user.get("/")).json() == (await user.get("")).json()
    assert (await user.get(f"/{ticket['id']}/")).status_code == 200
