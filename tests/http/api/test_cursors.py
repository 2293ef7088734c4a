"""Keyset cursors: a changed cursor is refused, or valid for the same list only."""

from __future__ import annotations

import json
import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest

from tests.http.conftest import NEW_TICKET, Api, Caller
from tests.http.problems import invalid_fields


def decoded(cursor: str) -> dict[str, Any]:
    position: dict[str, Any] = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return position


def encoded(position: object) -> str:
    text = json.dumps(position, separators=(",", ":"), allow_nan=True)
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


async def cursors(api: Api, user: Caller) -> list[tuple[Caller, str, str]]:
    """Return a cursor of each list, with its caller and its path."""
    for _ in range(3):
        await api.ticket(user)
    await api.ticket(await api.user(), subject="Somebody else's")
    lists = [(user, ""), (api.admin, "/admin/all")]
    return [
        (caller, path, (await caller.get(f"{path}?limit=1")).json()["next_cursor"])
        for caller, path in lists
    ]


async def test_a_cursor_with_any_character_changed_is_refused_or_valid_for_the_same_list(
    api: Api, user: Caller
) -> None:
    alphabet = string.ascii_letters + string.digits + "-_"
    outcomes = set()
    for caller, path, cursor in await cursors(api, user):
        for index in range(len(cursor)):
            for character in (
                alphabet[(index * 7) % 64],
                "A",
                "=",
                "+",
                "/",
                ".",
                "\u0660",
                "%",
                " ",
            ):
                changed = cursor[:index] + character + cursor[index + 1 :]
                response = await caller.get(path, params={"cursor": changed})
                outcomes.add(response.status_code)
                if response.status_code == 200:
                    rows = response.json()["tickets"]
                    assert caller is api.admin or all(
                        row["subject"] == NEW_TICKET["subject"] for row in rows
                    )
                else:
                    assert invalid_fields(response) == ["cursor"]
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
async def test_a_cursor_with_an_impossible_position_is_refused(
    api: Api, user: Caller, changes: dict[str, Any]
) -> None:
    for caller, path, cursor in await cursors(api, user):
        changed = encoded(decoded(cursor) | changes)
        assert changed != cursor
        assert invalid_fields(await caller.get(f"{path}?cursor={changed}")) == ["cursor"]


@pytest.mark.parametrize("year", ["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"])
async def test_a_cursor_at_the_earliest_or_latest_time_is_an_end_of_the_list(
    api: Api, user: Caller, year: str
) -> None:
    for caller, path, cursor in await cursors(api, user):
        changed = encoded(decoded(cursor) | {"updated_at": f"{year}Z"})
        response = await caller.get(f"{path}?cursor={changed}")
        assert response.status_code == 200
        assert bool(response.json()["tickets"]) == year.startswith("9")
