"""Internal notes and saved replies: who writes them, and how their texts are normalised."""

from __future__ import annotations

import pytest

from tests.domain.builders import ADMIN, LATER, NADIA, OWNER
from tickets.domain.errors import InvalidInput, NotAllowed
from tickets.domain.note import Note
from tickets.domain.people import Actor
from tickets.domain.saved_reply import SavedReply


@pytest.mark.parametrize("by", [NADIA, ADMIN])
def test_a_note_has_its_author_and_a_normalised_text(by: Actor) -> None:
    note = Note.written("\r\n Called\u2028them.\0".rstrip("\0") + "  ", by=by, at=LATER)

    assert note == Note(0, by.admin, " Called\nthem.", LATER)


@pytest.mark.parametrize("text", ["🎫" * 5000, "<script>alert(1)</script>", "a\u2028b"])
def test_a_note_may_be_whatever_a_message_may_be(text: str) -> None:
    assert Note.written(text, by=NADIA, at=LATER).note == text.replace("\u2028", "\n")


@pytest.mark.parametrize("text", ["", " \n", "\u2028", "x" * 5001, "a\0b", "\ud800"])
def test_a_blank_or_an_overlong_note_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Note.written(text, by=NADIA, at=LATER)

    assert [error.field for error in refused.value.errors] == ["note"]


def test_users_write_neither_notes_nor_saved_replies() -> None:
    with pytest.raises(NotAllowed):
        Note.written("Hello.", by=OWNER, at=LATER)
    with pytest.raises(NotAllowed):
        SavedReply.written("Hello", "Hello.", by=OWNER, at=LATER)


def test_a_saved_reply_keeps_its_placeholders_as_they_are() -> None:
    saved = SavedReply.written(" Re\nfund ", "Dear {{customer}},\r\nok ", by=NADIA, at=LATER)

    assert saved == SavedReply(0, "Re fund", "Dear {{customer}},\nok", LATER)


def test_all_errors_of_a_saved_reply_are_reported_together() -> None:
    with pytest.raises(InvalidInput) as refused:
        SavedReply.written("x" * 101, "", by=ADMIN, at=LATER)

    assert [error.field for error in refused.value.errors] == ["title", "text"]
