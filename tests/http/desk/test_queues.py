"""The admins' queues over HTTP: presets, filters, cursors, refusals, counts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.conftest import Api, Caller
from tests.http.fields import ADMIN_ROW
from tests.http.problems import problem
from tickets.domain.queues import Queue


async def tickets(caller: Caller, path: str) -> list[dict[str, Any]]:
    """Return the whole list, page by page."""
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        response = await caller.get(
            f"/admin/{path}{'&' if '?' in path else '?'}limit=1&cursor={cursor}"
        )
        assert response.status_code == 200, response.text
        body = response.json()
        rows += body["tickets"]
        cursor = body["next_cursor"]
        if cursor is None:
            return rows


async def ids(caller: Caller, path: str) -> list[int]:
    return [row["id"] for row in await tickets(caller, path)]


async def test_a_queue_has_the_rows_of_the_admins_list(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)

    (row,) = await tickets(api.admin, "queue/waiting")

    assert set(row) == ADMIN_ROW
    assert row["id"] == ticket["id"]
    assert (await tickets(api.admin, "all"))[0] == row


async def test_a_day_at_the_desk(api: Api, user: Caller) -> None:
    nadia = await api.named_admin()
    first, second, third = [(await api.ticket(user))["id"] for _ in range(3)]
    await nadia.post(f"/admin/{second}/reply", json={"message": "Soon."})
    await api.admin.put(f"/admin/{third}/status", json={"status": "resolved"})

    assert await ids(nadia, "queue/waiting") == [first]
    assert await ids(nadia, "queue/mine") == [second]
    assert await ids(nadia, "queue/unassigned") == [first, third]
    assert await ids(nadia, "queue/open") == [second, first]
    assert await ids(api.admin, "queue/mine") == []
    assert await ids(nadia, "all?assignee=me&status=open") == [second]
    assert await ids(nadia, f"all?assignee={nadia.user_id}&status=open") == [second]
    assert await ids(api.admin, "all?assignee=me&status=open") == []
    assert await ids(nadia, "all?assignee=none&status=resolved&sort=waiting") == [third]
    assert await ids(nadia, f"all?user_id={user.user_id}&sort=priority") == [first, second, third]
    assert await ids(nadia, "queue/waiting?category=billing") == []
    assert await ids(nadia, "queue/open?unread=true&priority=normal") == [second, first]
    counts = (await nadia.get("/admin/queues")).json()
    since = counts.pop("waiting_longest_since")
    assert since == (await tickets(nadia, "queue/waiting"))[0]["waiting_since"]
    assert counts == {
        "waiting": 1,
        "mine": 1,
        "unassigned": 2,
        "open": 2,
        "resolved": 1,
        "closed": 0,
        "unread": 3,
    }
    assert (await api.admin.get("/admin/queues")).json()["mine"] == 0


async def test_an_unknown_queue_is_a_404(api: Api) -> None:
    for name in ("", "everything", "Waiting", "waiting%20", "0"):
        if name:
            response = await api.admin.get(f"/admin/queue/{name}")
            assert problem(response, 404)["detail"] == "There is no queue with this name."


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("assignee=you", "assignee"),
        ("assignee=07", "assignee"),
        ("assignee=-1", "assignee"),
        ("assignee=1.0", "assignee"),
        ("priority=critical", "priority"),
        ("unread=yes", "unread"),
        ("category=sales", "category"),
        ("cursor=nonsense", "cursor"),
        ("limit=0", "limit"),
        ("assignee=1&assignee=2", "assignee"),
    ],
)
async def test_an_invalid_filter_is_refused(api: Api, query: str, field: str) -> None:
    for path in (*(f"queue/{queue}" for queue in Queue), "all"):
        if path == "queue/mine" and field == "cursor":
            continue  # empty for the shared token, whatever the cursor
        body = problem(await api.admin.get(f"/admin/{path}?{query}"), 400)
        assert [error["field"] for error in body["errors"]] == [field], path


@pytest.mark.parametrize(
    "query",
    [
        "assignee=none",
        "assignee=none&status=closed",
        "priority=urgent",
        "sort=waiting",
        "sort=activity&status=closed",
        "sort=priority&category=billing",
    ],
)
async def test_a_list_that_no_index_bounds_is_refused(api: Api, query: str) -> None:
    body = problem(await api.admin.get(f"/admin/all?{query}"), 400)
    assert "every closed ticket" in body["detail"]

    for narrower in ("user_id=7", "unread=true"):
        assert (await api.admin.get(f"/admin/all?{query}&{narrower}")).status_code == 200


@pytest.mark.parametrize("field", ["assignee", "user_id"])
async def test_an_id_beyond_every_column_is_nobodys(api: Api, field: str) -> None:
    response = await api.admin.get(f"/admin/all?status=open&{field}=99999999999999999999999")
    assert (response.status_code, response.json()["tickets"]) == (200, [])


async def test_a_cursor_of_another_order_is_refused(api: Api, user: Caller) -> None:
    for _ in range(2):
        await api.ticket(user)
    page = (await api.admin.get("/admin/queue/open?limit=1")).json()
    cursor = page["next_cursor"]
    for other in ("queue/waiting", "all", "all?status=open&sort=priority"):
        separator = "&" if "?" in other else "?"
        problem(await api.admin.get(f"/admin/{other}{separator}cursor={cursor}"), 400)
