"""The two searches over HTTP: wire format, paging, hostile queries, and a time-out in words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.conftest import Api, Caller, application_on, client_of
from tests.http.fields import LIST_ROW
from tests.http.problems import problem
from tests.world import World
from tickets.domain.errors import SearchTooSlow


async def search(caller: Caller, q: str, path: str = "/search") -> dict[str, Any]:
    response = await caller.get(path, params={"q": q})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def test_a_user_finds_an_own_ticket_as_in_the_list_with_the_match(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user, message="The invoice is wrong.")
    await api.ticket(user)

    body = await search(user, "invoice")

    (listed,) = [row for row in (await user.get()).json()["tickets"] if row["id"] == ticket["id"]]
    match = {"field": "message", "text": "The invoice is wrong.", "hits": [[4, 11]]}
    assert body == {"tickets": [listed | {"match": match}], "next_cursor": None, "truncated": False}
    assert set(listed) == LIST_ROW | {"user_unread"}


async def test_an_admin_finds_every_ticket_as_in_the_list_with_the_match(
    api: Api, user: Caller
) -> None:
    ticket = await api.ticket(user, subject="The invoice 4711")

    body = await search(api.admin, "4711", "/admin/search")

    (listed,) = (await api.admin.get("/admin/all")).json()["tickets"]
    match = {"field": "subject", "text": "The invoice 4711", "hits": [[12, 16]]}
    assert body == {"tickets": [listed | {"match": match}], "next_cursor": None, "truncated": False}
    assert listed["id"] == ticket["id"]


async def test_what_is_found_is_paged_with_keyset_cursors(api: Api, user: Caller) -> None:
    ids = [(await api.ticket(user))["id"] for _ in range(5)]
    for caller, path in ((user, "/search"), (api.admin, "/admin/search")):
        pages: list[list[int]] = []
        cursor: str | None = ""
        while cursor is not None:
            response = await caller.get(path, params={"q": "hundred", "limit": 2, "cursor": cursor})
            body = response.json()
            pages.append([row["id"] for row in body["tickets"]])
            cursor = body["next_cursor"]

        assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]


HOSTILE = {
    "parentheses": "(" * 200,
    "the operators of a query": "!&|()<->:*'\\",
    "a quote": "'; drop table tickets; --",
    "an address with a name": "Name <name@example.com>",
    "a URL": "https://example.com/a?b=c&d=%20#e",
    "a line of a log": "2026-11-27T03:58:35Z ERROR [pool] timed out (30s): db=1",
    "quoted words": '"quoted words"',
    "accents alone": "\u0301" * 200,
    "emoji": "\U0001f680" * 200,
    "the highest character": "\U0010ffff",
    "right to left": "\u202etxet\u202c",
    "one letter many times": "e " * 99,
    "as many words as there can be": " ".join("abcdefghij"[n % 10] + str(n) for n in range(52)),
    "dots": "." * 200,
    "parts": "a.b'c@" * 33,
    "percent": "%_%",
    "a long number": "9" * 200,
    "a long number with a hash": "#" + "9" * 199,
    "brackets around nothing": "<@>",
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_hostile_query_is_answered_with_a_list(api: Api, user: Caller, case: str) -> None:
    await api.ticket(user)

    for caller, path in ((user, "/search"), (api.admin, "/admin/search")):
        body = await search(caller, HOSTILE[case], path)
        assert set(body) == {"tickets", "next_cursor", "truncated"}


REFUSED = {
    "no query": {},
    "an empty one": {"q": ""},
    "white space": {"q": " \t\u3000\n"},
    "what cannot be seen": {"q": "\u200b\u200d"},
    "too long a one": {"q": "x" * 201},
    "a NUL": {"q": "a\0b"},
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_query_without_anything_to_search_for_is_a_400(
    api: Api, user: Caller, case: str
) -> None:
    for caller, path in ((user, "/search"), (api.admin, "/admin/search")):
        response = await caller.get(path, params=REFUSED[case])

        (error,) = problem(response, 400)["errors"]
        assert error["field"] == "q"


async def test_a_query_that_is_given_twice_is_a_400(user: Caller) -> None:
    problem(await user.get("/search?q=one&q=two"), 400)


async def test_a_cursor_of_another_list_is_a_400(api: Api, user: Caller) -> None:
    for _ in range(2):
        await api.ticket(user)
    cursor = (await api.admin.get("/admin/all?limit=1")).json()["next_cursor"]

    problem(await api.admin.get(f"/admin/search?q=hundred&cursor={cursor}"), 400)


async def test_a_search_that_takes_too_long_is_a_400_that_asks_for_longer_words(
    world: World,
) -> None:
    class SlowSearch:
        async def everywhere(self, *_: object, **__: object) -> None:
            raise SearchTooSlow

    async with client_of(application_on(world, ticket_search=SlowSearch())) as client:
        response = await Api(world, client).admin.get("/admin/search?q=ab")

    body = problem(response, 400)
    assert body["type"].endswith("search-too-slow")
    assert "longer words" in body["detail"]


async def test_a_search_marks_nothing_read_and_changes_nothing(
    api: Api, world: World, user: Caller
) -> None:
    ticket = await api.ticket(user)
    await api.admin.post(f"/admin/{ticket['id']}/reply", {"message": "Soon."})
    before = await world.snapshot()

    await search(user, "hundred")
    await search(api.admin, "hundred", "/admin/search")

    assert await world.snapshot() == before


async def test_a_note_is_found_by_admins_and_by_no_user(
    api: Api, world: World, user: Caller
) -> None:
    ticket = await api.ticket(user)
    await world.note(ticket["id"], "The customer is a unicorn.")

    assert (await search(user, "unicorn"))["tickets"] == []
    (row,) = (await search(api.admin, "unicorn", "/admin/search"))["tickets"]
    assert row["match"]["field"] == "note"
