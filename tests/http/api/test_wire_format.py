"""Wire format of the users' side: every call of the contract's table, field by field."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import httpx
import pytest

from tests.http.conftest import API, NEW_TICKET, Api, Caller
from tests.http.fields import DETAIL, MESSAGE, TICKET


async def test_create_returns_the_ticket_with_trimmed_texts_and_its_location(user: Caller) -> None:
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
    assert response.url.join(response.headers["Location"]).path == f"{API}/{ticket['id']}"
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


async def test_the_unread_count_of_a_user_counts_tickets_with_unread_replies(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user)
    assert (await user.get("/unread")).json() == {"unread": 0}

    await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "We are on it."})

    assert (await user.get("/unread")).json() == {"unread": 1}


async def test_a_detail_returns_the_thread_and_marks_the_ticket_read(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user)
    reply = await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "We are on it."})

    response = await user.get(f"/{ticket['id']}")

    assert response.status_code == 200
    assert set(response.json()) == {"ticket"}
    detail = response.json()["ticket"]
    assert set(detail) == DETAIL
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


async def test_a_reply_of_a_user_is_trimmed_and_unread_for_the_admins(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user)
    await api.admin.get(f"/admin/{ticket['id']}")

    response = await user.post(f"/{ticket['id']}/reply", json={"message": "\r\nAny news?  "})

    assert response.status_code == 201
    body = response.json()
    assert set(body) == {"success", "message"}
    assert body["success"] is True
    assert set(body["message"]) == MESSAGE
    assert body["message"]["message"] == "Any news?"
    assert body["message"]["ticket_id"] == ticket["id"]
    assert (body["message"]["sender_type"], body["message"]["sender_id"]) == ("user", user.user_id)
    assert (await api.admin.get("/admin/unread")).json() == {"unread": 1}


async def test_unread_flags_follow_a_conversation_as_in_section_7(api: Api, user: Caller) -> None:
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


async def test_a_trailing_slash_makes_no_difference(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)

    assert (await user.get("/")).json() == (await user.get("")).json()
    assert (await user.get(f"/{ticket['id']}/")).status_code == 200


@pytest.mark.parametrize("prefix", ["", "/helpdesk", "/a/b%20c"])
@pytest.mark.parametrize("path", [API, f"{API}/", "/api/v1/%74ickets", f"{API}//"])
async def test_the_location_of_a_new_ticket_is_right_under_any_prefix(
    user: Caller, api: Api, prefix: str, path: str
) -> None:
    response = await api.client.post(path, headers=user.headers, json=NEW_TICKET)
    ticket = response.json()["ticket"]

    # the address as the client wrote it, before a proxy removed the prefix
    address = httpx.URL(f"https://www.example.com{prefix}{path}")
    location = address.join(response.headers["Location"])
    ours = location.raw_path.decode().removeprefix(prefix)
    assert location.host == "www.example.com"
    assert location.raw_path.decode().startswith(f"{prefix}/")
    opened = await api.client.get(ours, headers=user.headers)
    assert opened.json()["ticket"]["id"] == ticket["id"]
