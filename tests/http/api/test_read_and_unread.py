"""Read and unread: peek, acknowledge what was shown, and mark as unread."""

from __future__ import annotations

import pytest

from tests.http.conftest import Api, Caller
from tests.http.problems import problem


class Reader:
    """One side of a ticket; the other side writes to it."""

    def __init__(self, api: Api, user: Caller, ticket_id: int, side: str) -> None:
        mine, theirs = f"/{ticket_id}", f"/admin/{ticket_id}"
        self._caller, self._path = (user, mine) if side == "user" else (api.admin, theirs)
        self._other, self._other_path = (api.admin, theirs) if side == "user" else (user, mine)
        self._count_path = "/unread" if side == "user" else "/admin/unread"
        self._flag = f"{side}_unread"

    async def receive(self, text: str = "Something new.") -> None:
        await self._other.post(f"{self._other_path}/reply", json={"message": text})

    async def open(self, query: str) -> list[str]:
        response = await self._caller.get(f"{self._path}{query}")
        assert response.status_code == 200
        return [message["message"] for message in response.json()["ticket"]["messages"]]

    async def peek(self) -> list[str]:
        return await self.open("?peek=true")

    async def acknowledge(self, seen: int) -> bool:
        response = await self._caller.post(f"{self._path}/read", json={"seen": seen})
        assert response.status_code == 200, response.text
        body = response.json()
        assert set(body) == {"success", "unread"}
        assert body["success"] is True
        return bool(body["unread"])

    async def mark_unread(self) -> None:
        response = await self._caller.post(f"{self._path}/unread")
        assert (response.status_code, response.json()) == (200, {"success": True, "unread": True})

    async def unread_count(self) -> int:
        """Return the unread count; assert that it agrees with the ticket's flag."""
        count: int = (await self._caller.get(self._count_path)).json()["unread"]
        ticket = (await self._caller.get(f"{self._path}?peek=true")).json()["ticket"]
        assert ticket[self._flag] is (count > 0)
        return count


@pytest.fixture(params=["user", "admin"])
async def reader(request: pytest.FixtureRequest, api: Api, user: Caller) -> Reader:
    """Return each side in turn, with nothing unread."""
    ticket = await api.ticket(user)
    reader = Reader(api, user, ticket["id"], request.param)
    await api.admin.get(f"/admin/{ticket['id']}")
    return reader


async def test_a_peek_returns_everything_and_leaves_the_ticket_unread(reader: Reader) -> None:
    await reader.receive("Which invoice?")

    assert (await reader.peek())[-1] == "Which invoice?"
    assert (await reader.peek())[-1] == "Which invoice?"
    assert await reader.unread_count() == 1


async def test_an_acknowledgement_of_everything_clears_the_flag_and_may_be_repeated(
    reader: Reader,
) -> None:
    await reader.receive()
    shown = await reader.peek()

    assert await reader.acknowledge(len(shown)) is False
    assert await reader.unread_count() == 0
    assert await reader.acknowledge(len(shown)) is False


async def test_a_message_after_the_peek_keeps_the_ticket_unread(reader: Reader) -> None:
    await reader.receive("Seen.")
    shown = await reader.peek()
    await reader.receive("Not seen.")

    assert await reader.acknowledge(len(shown)) is True
    assert await reader.unread_count() == 1
    assert (await reader.peek())[-1] == "Not seen."


async def test_a_ticket_that_is_marked_unread_stays_unread_until_it_is_read(reader: Reader) -> None:
    await reader.mark_unread()
    await reader.mark_unread()
    assert await reader.unread_count() == 1

    assert await reader.acknowledge(len(await reader.peek())) is False
    assert await reader.unread_count() == 0


async def test_read_and_unread_change_neither_times_nor_the_other_sides_flag(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user)
    before = (await user.get(f"/{ticket['id']}?peek=true")).json()["ticket"]
    assert (before["user_unread"], before["admin_unread"]) == (False, True)

    await user.post(f"/{ticket['id']}/unread")
    after = (await user.get(f"/{ticket['id']}?peek=true")).json()["ticket"]
    assert after == before | {"user_unread": True}

    await user.post(f"/{ticket['id']}/read", json={"seen": 1})
    assert (await user.get(f"/{ticket['id']}?peek=true")).json()["ticket"] == before


@pytest.mark.parametrize("query", ["", "?peek=", "?peek=false"])
async def test_a_detail_without_peek_marks_the_ticket_read(reader: Reader, query: str) -> None:
    await reader.receive()

    await reader.open(query)

    assert await reader.unread_count() == 0


@pytest.mark.parametrize("value", ["1", "yes", "TRUE", "true,true", "%00"])
async def test_peek_must_be_true_or_false(api: Api, user: Caller, value: str) -> None:
    ticket = await api.ticket(user)
    await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "Which invoice?"})

    problem(await user.get(f"/{ticket['id']}?peek={value}"), 400)

    assert (await user.get("/unread")).json() == {"unread": 1}


@pytest.mark.parametrize("content", [b"[]", b"null", b'{"all": true}', b"nonsense", b"\xff"])
async def test_mark_unread_takes_no_fields(api: Api, user: Caller, content: bytes) -> None:
    ticket = await api.ticket(user)

    problem(await user.post(f"/{ticket['id']}/unread", content=content), 400)

    assert (await user.get("/unread")).json() == {"unread": 0}


async def test_a_closed_ticket_can_be_read_and_marked_unread(reader: Reader, api: Api) -> None:
    await reader.receive()
    ticket = (await api.admin.get("/admin/all")).json()["tickets"][0]
    await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": "closed"})

    assert await reader.acknowledge(len(await reader.peek())) is False
    await reader.mark_unread()
    assert await reader.unread_count() == 1
