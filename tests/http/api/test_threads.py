"""Paged threads, closing and follow-ups over HTTP (contract, "Threads are paged", "Lifecycle")."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import pytest

from tests.http.conftest import NEW_TICKET, Api, Caller
from tests.http.problems import invalid_fields, problem


@pytest.fixture(params=["user", "admin"])
def reader(request: pytest.FixtureRequest, api: Api, user: Caller) -> Caller:
    """Return the reader of each side, whose path `path_of` returns."""
    return user if request.param == "user" else api.admin


def path_of(reader: Caller, ticket_id: int) -> str:
    return f"/{ticket_id}" if reader.user_id else f"/admin/{ticket_id}"


async def a_thread(api: Api, user: Caller, reader: Caller, messages: int = 7) -> int:
    """Return the id of a ticket with this many messages, all but the first by the other side."""
    ticket = await api.ticket(user)
    for number in range(2, messages + 1):
        writer, path = (api.admin, f"/admin/{ticket['id']}")
        if not reader.user_id:
            writer, path = (user, f"/{ticket['id']}")
        assert (await writer.post(f"{path}/reply", {"message": f"{number}"})).status_code == 201
    return int(ticket["id"])


async def detail_of(reader: Caller, ticket_id: int, query: str = "") -> dict[str, Any]:
    response = await reader.get(path_of(reader, ticket_id) + query)
    assert response.status_code == 200, response.text
    detail: dict[str, Any] = response.json()["ticket"]
    return detail


def ordinals(detail: dict[str, Any]) -> list[int]:
    return [message["ordinal"] for message in detail["messages"]]


def unread(reader: Caller, detail: dict[str, Any]) -> bool:
    return bool(detail["user_unread" if reader.user_id else "admin_unread"])


async def test_the_pages_of_a_thread_add_up_and_leave_it_unread(
    api: Api, user: Caller, reader: Caller
) -> None:
    ticket_id = await a_thread(api, user, reader)
    mark = 1 if reader.user_id else 0
    found: list[int] = []
    query = "?limit=3"
    while True:
        detail = await detail_of(reader, ticket_id, query)
        assert unread(reader, detail)
        assert detail["seen"] == mark
        found = ordinals(detail) + found
        assert len(found) <= 7
        if detail["messages_before"] is None:
            break
        query = f"?limit=3&before={detail['messages_before']}"

    assert found == [1, 2, 3, 4, 5, 6, 7]
    assert (await reader.get("/unread" if reader.user_id else "/admin/unread")).json() == {
        "unread": 1
    }


async def test_a_page_with_everything_unread_marks_it_read_and_shows_the_mark_from_before(
    api: Api, user: Caller, reader: Caller
) -> None:
    ticket_id = await a_thread(api, user, reader)
    mark = 1 if reader.user_id else 0

    detail = await detail_of(reader, ticket_id, f"?limit={7 - mark}")

    assert not unread(reader, detail)
    assert detail["seen"] == mark
    assert (await detail_of(reader, ticket_id))["seen"] == 7


async def test_older_messages_never_change_a_flag_or_a_mark(
    api: Api, user: Caller, reader: Caller
) -> None:
    ticket_id = await a_thread(api, user, reader)
    cursor = (await detail_of(reader, ticket_id, "?limit=1&peek=true"))["messages_before"]
    before = await api.world.snapshot()

    # it holds everything that is unread but the newest message
    detail = await detail_of(reader, ticket_id, f"?before={cursor}")

    assert ordinals(detail) == [1, 2, 3, 4, 5, 6]
    assert detail["messages_before"] is None
    assert await api.world.snapshot() == before


async def test_a_page_that_was_peeked_at_is_marked_read_by_its_count(
    api: Api, user: Caller, reader: Caller
) -> None:
    ticket_id = await a_thread(api, user, reader)
    shown = await detail_of(reader, ticket_id, "?limit=2&peek=true")

    path = f"{path_of(reader, ticket_id)}/read"
    response = await reader.post(path, {"seen": shown["message_count"]})

    assert response.json() == {"success": True, "unread": False}
    assert (await detail_of(reader, ticket_id, "?peek=true"))["seen"] == 7


async def test_an_empty_before_is_the_newest_page(api: Api, user: Caller) -> None:
    ticket_id = await a_thread(api, user, user)

    assert not unread(user, await detail_of(user, ticket_id, "?before="))


def cursor_of(text: str) -> str:
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "7",
        "%F0%9F%8E%AB",
        cursor_of("7"),
        cursor_of('{"before":0}'),
        cursor_of('{"before":-1}'),
        cursor_of('{"before":2147483648}'),
        cursor_of('{"before":7.0}'),
        cursor_of('{"before": 7}'),
        cursor_of('{"before":7,"id":1}'),
        cursor_of('{"before":' + "9" * 500 + "}"),
        cursor_of("[" * 5000),
    ],
)
async def test_a_cursor_that_no_thread_can_have_returned_is_a_400(
    api: Api, user: Caller, cursor: str
) -> None:
    ticket_id = await a_thread(api, user, user, 2)

    for caller in (user, api.admin):
        response = await caller.get(f"{path_of(caller, ticket_id)}?before={cursor}")
        assert invalid_fields(response) == ["before"]


async def test_a_cursor_of_a_list_is_no_cursor_of_a_thread(api: Api, user: Caller) -> None:
    ticket_id = (await api.ticket(user))["id"]
    await api.ticket(user)
    cursor = (await user.get("?limit=1")).json()["next_cursor"]

    assert invalid_fields(await user.get(f"/{ticket_id}?before={cursor}")) == ["before"]


@pytest.mark.parametrize(
    "limit", ["0", "201", "-1", "07", "1.0", "1e1", "%2B1", " 1", "x", "9" * 5000]
)
async def test_a_limit_outside_1_to_200_is_a_400(api: Api, user: Caller, limit: str) -> None:
    ticket_id = (await api.ticket(user))["id"]

    for caller in (user, api.admin):
        response = await caller.get(f"{path_of(caller, ticket_id)}?limit={limit}")
        assert invalid_fields(response) == ["limit"]


async def test_a_user_closes_a_ticket_once_and_it_takes_no_more_replies(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user)

    first = await user.post(f"/{ticket['id']}/close", {})
    closed = await detail_of(user, ticket["id"], "?peek=true")
    again = await user.post(f"/{ticket['id']}/close")

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json() == {"success": True, "status": "closed"}
    assert await detail_of(user, ticket["id"], "?peek=true") == closed
    assert closed["status"] == "closed"
    assert closed["updated_at"] > ticket["updated_at"]
    problem(await user.post(f"/{ticket['id']}/reply", {"message": "Wait!"}), 400)
    assert invalid_fields(await user.post(f"/{ticket['id']}/close", {"status": "open"})) == [
        "status"
    ]


async def test_a_users_reply_reopens_a_resolved_ticket(api: Api, user: Caller) -> None:
    ticket_id = (await api.ticket(user))["id"]
    await api.admin.put(f"/admin/{ticket_id}/status", {"status": "resolved"})

    await user.post(f"/{ticket_id}/reply", {"message": "It still stops."})

    assert (await detail_of(user, ticket_id))["status"] == "open"


async def test_a_new_ticket_follows_a_closed_one_and_both_name_the_link(
    api: Api, user: Caller
) -> None:
    closed = (await api.ticket(user))["id"]
    await user.post(f"/{closed}/close")

    follow_up = await api.ticket(user, follows=closed)

    assert follow_up["follows"] == closed
    detail = await detail_of(user, follow_up["id"])
    assert (detail["follows"], detail["followed_by"]) == (closed, [])
    for reader in (user, api.admin):
        detail = await detail_of(reader, closed)
        assert (detail["follows"], detail["followed_by"]) == (None, [follow_up["id"]])


async def test_a_ticket_that_is_missing_or_anothers_is_followed_by_none_with_the_same_body(
    api: Api, user: Caller
) -> None:
    other = await api.user()
    theirs_open, theirs = [(await api.ticket(other))["id"] for _ in range(2)]
    await other.post(f"/{theirs}/close")
    mine_open = (await api.ticket(user))["id"]
    before = await api.world.snapshot()

    refused = [
        await user.post(json=NEW_TICKET | {"follows": follows})
        for follows in (theirs, theirs_open, 2_000_000_000, 0, -1, 2**31, 2**63, 10**30)
    ]
    still_open = await user.post(json=NEW_TICKET | {"follows": mine_open})

    assert [invalid_fields(response) for response in refused] == [["follows"]] * 8
    assert len({response.content for response in refused}) == 1
    assert invalid_fields(still_open) == ["follows"]
    assert still_open.content != refused[0].content
    wrongs: list[Any] = ["7", 1.5, True, [], {}]
    for wrong in wrongs:
        response = await user.post(json=NEW_TICKET | {"follows": wrong})
        assert invalid_fields(response) == ["follows"]
    assert await api.world.snapshot() == before


async def test_a_full_thread_refuses_a_reply_with_a_400_that_says_what_to_do(
    api: Api, user: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickets.domain.ticket.MAX_MESSAGES", 2)
    ticket_id = await a_thread(api, user, user, 2)

    for caller in (user, api.admin):
        path = f"{path_of(caller, ticket_id)}/reply"
        body = problem(await caller.post(path, {"message": "One too many."}), 400)
        assert body["type"] == "urn:tickets:problem:thread-full"
        assert "open a new one" in body["detail"]
