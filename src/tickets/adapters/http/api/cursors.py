"""Keyset cursors: where the next page of a list or a thread starts, as an opaque string."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import msgspec

from tickets.domain.errors import FieldError, InvalidInput
from tickets.domain.history import HistoryPage
from tickets.domain.note import NotePage
from tickets.domain.queues import QueuePosition, Sort
from tickets.domain.read_models import (
    AdminPosition,
    FoundPage,
    Page,
    ThreadPage,
    UserPosition,
)
from tickets.domain.ticket import MAX_ID

_MAX_EVENT_ID = 2**63 - 1
"""The highest id of an event: the column is a BIGINT."""


@dataclass(frozen=True, slots=True)
class ThreadPosition:
    """A keyset position in a thread: the page has the messages with ordinals below it."""

    before: int


ListPosition = TypeVar("ListPosition", UserPosition, AdminPosition)

_INVALID = "Cursor must be the next_cursor of a page of this list; leave it out to begin."


@dataclass(frozen=True, slots=True)
class HistoryPosition:
    """A keyset position in a history: the page has the events with ids below it."""

    event: int


@dataclass(frozen=True, slots=True)
class NotePosition:
    """A keyset position in the notes of a ticket: the page has the notes with ids below it."""

    note: int


AnyPosition = TypeVar(
    "AnyPosition",
    UserPosition,
    AdminPosition,
    QueuePosition,
    ThreadPosition,
    HistoryPosition,
    NotePosition,
)


def next_cursor(
    page: Page[UserPosition] | Page[AdminPosition] | Page[QueuePosition] | FoundPage,
) -> str | None:
    """Return the cursor of the page after this one; None on the last page."""
    return None if page.next is None else _encode(page.next)


def messages_before(page: ThreadPage) -> str | None:
    """Return the cursor of the page before this one; None where the thread begins in it."""
    return None if page.previous is None else _encode(ThreadPosition(page.previous + 1))


def notes_before(page: NotePage) -> str | None:
    """Return the cursor of the notes before this page; None where the first note is in it."""
    return None if page.previous is None else _encode(NotePosition(page.previous + 1))


def events_before(page: HistoryPage) -> str | None:
    """Return the cursor of the page before this one; None where the history begins in it."""
    return None if page.previous is None else _encode(HistoryPosition(page.previous))


def read_note_cursor(cursor: str | None) -> int | None:
    """Return the id that a page of notes is to end below; None as `read_cursor`.

    Raises `InvalidInput` for a string that no ticket can have returned.
    """
    if not cursor:
        return None
    position = _decode(cursor, NotePosition)
    if position is None or not 0 < position.note <= MAX_ID:
        message = (
            "Notes before must be the notes_before of a ticket; leave it out for the newest notes."
        )
        raise InvalidInput([FieldError("notes_before", message)])
    return position.note


def read_cursor(cursor: str | None, kind: type[ListPosition]) -> ListPosition | None:
    """Return the position that a cursor encodes; None where it is absent or empty.

    Raises `InvalidInput` for a string that no list of this kind can have returned.
    """
    if not cursor:
        return None
    position = _decode(cursor, kind)
    if (
        position is None
        or position.updated_at.utcoffset() != timedelta(0)
        or not 0 < position.id <= MAX_ID
    ):
        raise InvalidInput([FieldError("cursor", _INVALID)])
    return position


def read_queue_cursor(cursor: str | None, sort: Sort) -> QueuePosition | None:
    """Return the position in a list of this order; None and errors as `read_cursor`."""
    if not cursor:
        return None
    position = _decode(cursor, QueuePosition)
    if (
        position is None
        or position.sort is not sort
        or (position.at is None and not sort.is_ascending)
        or (position.at is not None and position.at.utcoffset() != timedelta(0))
        or not 0 <= position.rank <= MAX_ID
        or not 0 < position.id <= MAX_ID
    ):
        raise InvalidInput([FieldError("cursor", _INVALID)])
    return position


def read_thread_cursor(cursor: str | None) -> int | None:
    """Return the ordinal that a page of a thread is to end below; None as `read_cursor`.

    Raises `InvalidInput` for a string that no thread can have returned.
    """
    if not cursor:
        return None
    position = _decode(cursor, ThreadPosition)
    if position is None or not 0 < position.before <= MAX_ID:
        message = (
            "Before must be the messages_before of a ticket; leave it out for the newest messages."
        )
        raise InvalidInput([FieldError("before", message)])
    return position.before


def read_history_cursor(cursor: str | None) -> int | None:
    """Return the id of the event that a page of a history is to end below; None as `read_cursor`.

    Raises `InvalidInput` for a string that no history can have returned.
    """
    if not cursor:
        return None
    position = _decode(cursor, HistoryPosition)
    if position is None or not 0 < position.event <= _MAX_EVENT_ID:
        message = (
            "Events before must be the events_before of a ticket; leave it out for the newest "
            "events."
        )
        raise InvalidInput([FieldError("events_before", message)])
    return position.event


def _encode(
    position: UserPosition
    | AdminPosition
    | QueuePosition
    | ThreadPosition
    | HistoryPosition
    | NotePosition,
) -> str:
    return urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def _decode(cursor: str, kind: type[AnyPosition]) -> AnyPosition | None:
    """Return the position; None where the string does not encode one of this kind."""
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        position = msgspec.json.decode(text, type=kind)
    except (ValueError, RecursionError):
        return None
    # Encoded again it must give the same text. That refuses cursors of another kind as well, which
    # have fewer or more fields.
    return position if msgspec.json.encode(position) == text else None
