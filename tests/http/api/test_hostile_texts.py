"""Input that is well formed and means no good: texts that show nothing or turn round, numbers out of range, cursors that were touched."""

from __future__ import annotations

import json
import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest

from tests.http.conftest import Api, Caller
from tests.http.routes import GOOD_TICKET
from tests.http.test_errors import fields, problem

SHOWS_NOTHING = {
    "spaces of all kinds": " \t\n\u00a0\u1680\u2000\u2009\u202f\u205f\u3000\u2028\u2029\u0085",
    "zero width": "\u200b\u200c\u200d\u2060\ufeff",
    "soft hyphens": "\u00ad",
    "directions": "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    "operators": "\u2061\u2062\u2063\u2064\u206a\u206f",
    "fillers": "\u115f\u1160\u3164\uffa0",
    "a joiner": "\u034f",
    "selectors": "\ufe00\ufe0f\U000e0100\U000e01ef\u180b\u180f",
    "vowels of no sound": "\u17b4\u17b5",
    "separators": "\u180e",
    "blank Braille": "\u2800",
    "a note without a head": "\U0001d159",
    "tags": "\U000e0001\U000e0041\U000e007f",
    "controls": "\x01\x02\x1b\x7f\x9b",
    "notations": "\ufff9\ufffa\ufffb\U0001bca0\U0001d173",
    "reserved to be ignored": "\u2065\ufff0\U000e0080\U000e0fff",
}


@pytest.mark.parametrize("kind", SHOWS_NOTHING)
async def test_a_text_that_shows_nothing_is_a_400_in_every_field(
    api: Api, user: Caller, kind: str
) -> None:
    ticket = await api.ticket(user)
    before = await api.world.snapshot()

    for text in [*SHOWS_NOTHING[kind], SHOWS_NOTHING[kind] * 10, f" {SHOWS_NOTHING[kind]} "]:
        for field in ("subject", "message"):
            body = problem(await user.post(json=GOOD_TICKET | {field: text}), 400)
            assert fields(body) == [field], ascii(text)
            assert body["errors"][0]["message"] == f"{field.capitalize()} must not be empty."
        for caller, path in ((user, ""), (api.admin, "/admin")):
            response = await caller.post(f"{path}/{ticket['id']}/reply", json={"message": text})
            assert fields(problem(response, 400)) == ["message"], ascii(text)

    assert await api.world.snapshot() == before


SHOWS_SOMETHING = {
    "an emoji with its selector": "❤\ufe0f",
    "a family": "👩\u200d👩\u200d👧",
    "a flag made of tags": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "a right-to-left override": "\u202egnp.exe",
    "an isolate without its end": "\u2067abc",
    "a text between invisible ones": "\u200b\u2060a b\u3164",
    "marks on a letter": "H" + "\u0301" * 50,
    "a mark alone": "\u0301\u0301\u0301",
    "Hebrew and digits": "שלום 123",
    "private use": "\ue000\ue001\ue002",
    "a character of tomorrow": "\U0003ffff\U0002fffd\U000102ff",
    "what is for no interchange": "\ufffe\uffff\ufdd0",
    "what is in the place of another": "\ufffd\ufffd\ufffd",
    "quotes and brackets": "\"'><script>alert(1)</script>",
    "SQL": "'; drop table tickets; --",
    "a template": "{{7*7}} ${7*7} %s %(a)s {0}",
    "escapes": "\\u0000 \\x00 %00 &#0;",
    "lines of other systems": "a\r\nb\rc\vd\fe\x85f\u2028g",
    "a bell and a colour": "\x07 \x1b[31mred\x1b[0m \x08\x08\x08",
}


@pytest.mark.parametrize("kind", SHOWS_SOMETHING)
async def test_a_text_that_shows_something_is_data_and_comes_back_as_it_was(
    api: Api, user: Caller, kind: str
) -> None:
    text = f"{SHOWS_SOMETHING[kind]}..."
    long = f"{text} {'and so on ' * 12}{text}".strip()

    ticket = await api.ticket(
        user, category="other", other_category=text[:100], subject=text, message=long
    )
    for caller, path in ((user, ""), (api.admin, "/admin")):
        response = await caller.post(f"{path}/{ticket['id']}/reply", json={"message": long})
        assert response.json()["message"]["message"] == long

    shown = (await api.admin.get(f"/admin/{ticket['id']}")).json()["ticket"]
    assert (shown["subject"], shown["other_category"]) == (text, text[:100])
    assert [message["message"] for message in shown["messages"]] == [long] * 3
    (row,) = (await user.get()).json()["tickets"]
    assert row["subject"] == text
    assert row["last_message"] == f"{long[:100]}…"


@pytest.mark.parametrize(
    "number", [2**31, 2**53 + 1, 2**63, 2**64, 10**30, -(2**63) - 1, 1.5, 1e308, -0.0, True, False]
)
async def test_a_number_is_no_text_however_large(api: Api, user: Caller, number: float) -> None:
    ticket = await api.ticket(user)
    before = await api.world.snapshot()

    for field in ("category", "subject", "message", "other_category"):
        body = problem(await user.post(json=GOOD_TICKET | {field: number}), 400)
        assert fields(body) == [field]
    reply = await user.post(f"/{ticket['id']}/reply", json={"message": number})
    assert fields(problem(reply, 400)) == ["message"]
    status = await api.admin.put(f"/admin/{ticket['id']}/status", json={"status": number})
    assert fields(problem(status, 400)) == ["status"]

    assert await api.world.snapshot() == before


@pytest.mark.parametrize(
    "written",
    ["9223372036854775808", "1" + "0" * 400, "-1", "1e2", "1.0", "1e999", "NaN", "Infinity", "0x1"],
)
async def test_what_was_seen_is_a_number_of_messages_in_digits(
    api: Api, user: Caller, written: str
) -> None:
    ticket = await api.ticket(user)
    before = await api.world.snapshot()

    for path, rest in (("reply", '"message": "Hello", '), ("read", "")):
        problem(
            await user.post(
                f"/{ticket['id']}/{path}",
                content=f'{{{rest}"seen": {written}}}',
                headers={"Content-Type": "application/json"},
            ),
            400,
        )

    assert await api.world.snapshot() == before


def decoded(cursor: str) -> dict[str, Any]:
    position: dict[str, Any] = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return position


def encoded(position: object) -> str:
    text = json.dumps(position, separators=(",", ":"), allow_nan=True)
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


async def cursors(api: Api, user: Caller) -> list[tuple[Caller, str, str]]:
    """Return a cursor of each list, with who asks and where."""
    for _ in range(3):
        await api.ticket(user)
    await api.ticket(await api.user(), subject="Somebody else's")
    lists = [(user, ""), (api.admin, "/admin/all")]
    return [
        (caller, path, (await caller.get(f"{path}?limit=1")).json()["next_cursor"])
        for caller, path in lists
    ]


async def test_a_cursor_with_any_letter_changed_is_refused_or_a_place_in_the_same_list(
    api: Api, user: Caller
) -> None:
    alphabet = string.ascii_letters + string.digits + "-_"
    outcomes = set()
    for caller, path, cursor in await cursors(api, user):
        for place in range(len(cursor)):
            for letter in (alphabet[(place * 7) % 64], "A", "=", "+", "/", ".", "\u0660", "%", " "):
                touched = cursor[:place] + letter + cursor[place + 1 :]
                response = await caller.get(path, params={"cursor": touched})
                outcomes.add(response.status_code)
                if response.status_code == 200:
                    rows = response.json()["tickets"]
                    assert caller is api.admin or all(
                        row["subject"] == GOOD_TICKET["subject"] for row in rows
                    )
                else:
                    assert fields(problem(response, 400)) == ["cursor"]
    assert outcomes == {200, 400}


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 0},
        {"id": -1},
        {"id": 2**31},
        {"id": 2**63},
        {"id": 10**30},
        {"id": "1"},
        {"id": 1.0},
        {"id": None},
        {"id": True},
        {"updated_at": "0000-01-01T00:00:00Z"},
        {"updated_at": "10000-01-01T00:00:00Z"},
        {"updated_at": "2026-02-30T00:00:00Z"},
        {"updated_at": "2026-02-03T10:00:00+23:59"},
        {"updated_at": "2026-02-03T10:00:00"},
        {"updated_at": "infinity"},
        {"updated_at": "now"},
        {"updated_at": 1e999},
        {"updated_at": None},
        {"user_id": 1},
        {"admin_unread": "true"},
    ],
    ids=json.dumps,
)
async def test_a_cursor_with_a_place_that_no_list_has_is_refused(
    api: Api, user: Caller, changes: dict[str, Any]
) -> None:
    for caller, path, cursor in await cursors(api, user):
        touched = encoded(decoded(cursor) | changes)
        assert touched != cursor
        assert fields(problem(await caller.get(f"{path}?cursor={touched}"), 400)) == ["cursor"]


@pytest.mark.parametrize("year", ["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"])
async def test_a_cursor_at_the_end_of_time_is_an_end_of_the_list(
    api: Api, user: Caller, year: str
) -> None:
    for caller, path, cursor in await cursors(api, user):
        touched = encoded(decoded(cursor) | {"updated_at": f"{year}Z"})
        response = await caller.get(f"{path}?cursor={touched}")
        assert response.status_code == 200
        assert bool(response.json()["tickets"]) == year.startswith("9")
