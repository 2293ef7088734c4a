"""Wire format of the admins' side: every call of the contract's table, field by field."""

from __future__ import annotations

import pytest

from tests.http.conftest import Api, Caller
from tests.http.fields import ADMIN_DETAIL, ADMIN_ROW, MESSAGE


async def test_the_admin_list_returns_unread_tickets_first_and_filters(
    api: Api, user: Caller
) -> None:
    read, unread = await api.ticket(user), await api.ticket(user, category="billing")
    await api.admin.get(f"/admin/{read['id']}")
    await api.admin.put(f"/admin/{read['id']}/status", json={"status": "in_progress"})

    response = await api.admin.get("/admin/all")

    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"tickets", "next_cursor"}
    assert [row["id"] for row in body["tickets"]] == [unread["id"], read["id"]]
    assert set(body["tickets"][0]) == ADMIN_ROW
    assert body["tickets"][0]["user_email"] == "mara@example.com"

    async def ids(query: str) -> list[int]:
        rows = (await api.admin.get(f"/admin/all?{query}")).json()["tickets"]
        return [row["id"] for row in rows]

    assert await ids("status=in_progress") == [read["id"]]
    assert await ids("category=billing") == [unread["id"]]
    assert await ids("status=in_progress&category=billing") == []
    assert await ids("status=open&category=billing") == [unread["id"]]
    assert await ids("status=&category=") == [unread["id"], read["id"]]


async def test_admin_stats_have_exactly_the_fields_of_section_10(api: Api, user: Caller) -> None:
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


async def test_an_admin_detail_has_the_user_email_and_marks_the_ticket_read(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user)
    assert (await api.admin.get("/admin/unread")).json() == {"unread": 1}

    response = await api.admin.get(f"/admin/{ticket['id']}")

    assert response.status_code == 200
    detail = response.json()["ticket"]
    assert set(detail) == ADMIN_DETAIL
    assert detail["user_email"] == "mara@example.com"
    assert (await api.admin.get("/admin/unread")).json() == {"unread": 0}


async def test_a_reply_of_an_admin_has_no_sender_id(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)

    response = await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "Hello."})

    assert response.status_code == 201
    message = response.json()["message"]
    assert set(message) == MESSAGE
    assert (message["sender_type"], message["sender_id"]) == ("admin", None)


@pytest.mark.parametrize("status", ["open", "in_progress", "resolved", "closed"])
async def test_a_status_change_returns_the_new_status_and_moves_updated_at(
    api: Api, user: Caller, status: str
) -> None:
    ticket = await api.ticket(user)

    response = await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": status})

    assert response.status_code == 200
    assert response.json() == {"success": True, "status": status}
    stored = (await user.get(f"/{ticket['id']}")).json()["ticket"]
    assert stored["status"] == status
    assert (stored["updated_at"] == ticket["updated_at"]) == (status == "open")


async def test_the_same_status_again_changes_nothing(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": "resolved"})
    before = (await user.get(f"/{ticket['id']}")).json()

    response = await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": "resolved"})

    assert response.json() == {"success": True, "status": "resolved"}
    assert (await user.get(f"/{ticket['id']}")).json() == before


async def test_a_closed_ticket_takes_replies_again_after_a_status_change(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user)
    await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": "closed"})
    await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": "open"})

    response = await user.post(f"/{ticket['id']}/reply", json={"message": "Thank you."})

    assert response.status_code == 201
