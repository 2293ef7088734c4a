"""Hostile texts: invisible ones are refused, all others come back unchanged."""

from __future__ import annotations

import pytest

from tests.http.conftest import NEW_TICKET, Api, Caller
from tests.http.problems import invalid_fields

INVISIBLE = {
    "spaces of all kinds": " \t\n\u00a0\u1680\u2000\u2009\u202f\u205f\u3000\u2028\u2029\u0085",
    "zero width": "\u200b\u200c\u200d\u2060\ufeff",
    "soft hyphens": "\u00ad",
    "directions": "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    "operators": "\u2061\u2062\u2063\u2064\u206a\u206f",
    "fillers": "\u115f\u1160\u3164\uffa0",
    "a joiner": "\u034f",
    "selectors": "\ufe00\ufe0f\U000e0100\U000e01ef\u180b\u180f",
    "inherent vowels": "\u17b4\u17b5",
    "separators": "\u180e",
    "blank Braille": "\u2800",
    "a null notehead": "\U0001d159",
    "tags": "\U000e0001\U000e0041\U000e007f",
    "controls": "\x01\x02\x1b\x7f\x9b",
    "annotations": "\ufff9\ufffa\ufffb\U0001bca0\U0001d173",
    "reserved code points that are ignored": "\u2065\ufff0\U000e0080\U000e0fff",
}


@pytest.mark.parametrize("kind", INVISIBLE)
async def test_an_invisible_text_is_a_400_in_every_field(api: Api, user: Caller, kind: str) -> None:
    ticket = await api.ticket(user)
    before = await api.world.snapshot()

    for text in [*INVISIBLE[kind], INVISIBLE[kind] * 10, f" {INVISIBLE[kind]} "]:
        for field in ("subject", "message"):
            response = await user.post(json=NEW_TICKET | {field: text})
            assert invalid_fields(response) == [field], ascii(text)
            assert (
                response.json()["errors"][0]["message"]
                == f"{field.capitalize()} must not be empty."
            )
        for caller, path in ((user, ""), (api.admin, "/admin")):
            response = await caller.post(f"{path}/{ticket['id']}/reply", json={"message": text})
            assert invalid_fields(response) == ["message"], ascii(text)

    assert await api.world.snapshot() == before


VISIBLE = {
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
    "unassigned code points": "\U0003ffff\U0002fffd\U000102ff",
    "noncharacters": "\ufffe\uffff\ufdd0",
    "replacement characters": "\ufffd\ufffd\ufffd",
    "quotes and brackets": "\"'><script>alert(1)</script>",
    "SQL": "'; drop table tickets; --",
    "a template": "{{7*7}} ${7*7} %s %(a)s {0}",
    "escapes": "\\u0000 \\x00 %00 &#0;",
    "a tab": "a\tb",
}


@pytest.mark.parametrize("kind", VISIBLE)
async def test_a_visible_text_comes_back_unchanged(api: Api, user: Caller, kind: str) -> None:
    text = f"{VISIBLE[kind]}..."
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


NORMALIZED = {
    "line breaks of other systems": (
        "a\r\nb\rc\vd\fe\x85f\u2028g\u2029h",
        "a b c d e f g h",
        "a\nb\nc\nd\ne\nf\ng\nh",
    ),
    "a bell and a colour": (
        "\x07 \x1b[31mred\x1b[0m \x08",
        *["\ufffd \ufffd[31mred\ufffd[0m \ufffd"] * 2,
    ),
    "an indented first line": (" \r\n\t\n  if a:\n    b", "if a:     b", "  if a:\n    b"),
}
"""What is sent; what a field of one line makes of it; what a message makes of it."""


@pytest.mark.parametrize("kind", NORMALIZED)
async def test_control_characters_are_normalised_before_a_text_is_stored(
    api: Api, user: Caller, kind: str
) -> None:
    sent, line, lines = NORMALIZED[kind]
    end = " and no more"
    ticket = await api.ticket(
        user, category="other", other_category=sent, subject=sent, message=sent + end
    )
    for caller, path in ((user, ""), (api.admin, "/admin")):
        response = await caller.post(f"{path}/{ticket['id']}/reply", json={"message": sent + end})
        assert response.json()["message"]["message"] == lines + end

    shown = (await api.admin.get(f"/admin/{ticket['id']}")).json()["ticket"]
    assert (shown["subject"], shown["other_category"]) == (line, line)
    assert [message["message"] for message in shown["messages"]] == [lines + end] * 3
    (row,) = (await user.get()).json()["tickets"]
    assert row["last_message"] == lines + end
