"""Lists: wire format of the user's list, filters, and keyset cursors."""

from __future__ import annotations

from tests.http.conftest import Api, Caller
from tests.http.fields import LIST_ROW


async def test_the_user_list_returns_the_newest_ticket_first(api: Api, user: Caller) -> None:
    first = await api.ticket(user, subject="First one")
    second = await api.ticket(user, subject="Second one")

    response = await user.get()

    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"tickets", "next_cursor"}
    assert body["next_cursor"] is None
    assert [row["id"] for row in body["tickets"]] == [second["id"], first["id"]]
    assert set(body["tickets"][0]) == LIST_ROW | {"user_unread"}
    assert body["tickets"][0]["last_message"] == "It stops after a hundred rows."


async def test_the_user_list_filters_by_status(api: Api, user: Caller) -> None:
    closed, still_open = await api.ticket(user), await api.ticket(user)
    await api.admin.put(f"/admin/{closed['id']}/status", json={"status": "closed"})

    async def ids(query: str) -> list[int]:
        return [row["id"] for row in (await user.get(query)).json()["tickets"]]

    assert await ids("?status=closed") == [closed["id"]]
    assert await ids("?status=open") == [still_open["id"]]
    assert await ids("?status=resolved") == []
    assert await ids("?status=") == [closed["id"], still_open["id"]]


async def test_lists_are_paged_with_keyset_cursors(api: Api, user: Caller) -> None:
    ids = [(await api.ticket(user))["id"] for _ in range(5)]
    for caller, path in (
        (user, ""),
        (api.admin, "/admin/all"),
        (api.admin, "/admin/all?status=open"),
    ):
        pages: list[list[int]] = []
        cursor: str | None = ""
        while cursor is not None:
            separator = "&" if "?" in path else "?"
            body = (await caller.get(f"{path}{separator}limit=2&cursor={cursor}")).json()
            pages.append([row["id"] for row in body["tickets"]])
            cursor = body["next_cursor"]

        assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]


async def test_a_page_has_50_rows_by_default_and_200_at_most(api: Api, user: Caller) -> None:
    for _ in range(51):
        await api.ticket(user)

    for caller, path in ((user, ""), (api.admin, "/admin/all")):
        assert len((await caller.get(path)).json()["tickets"]) == 50
        assert len((await caller.get(f"{path}?limit=200")).json()["tickets"]) == 51
