"""Keyset cursors: where the next page of a list or a thread starts, as an opaque string."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import msgspec

from tickets.domain.errors import FieldError, InvalidInput
from tickets.domain.read_models import (
    AdminPosition,
    FoundPage,
    Page,
    Position,
    ThreadPage,
    UserPosition,
)
from tickets.domain.ticket import MAX_ID


@dataclass(frozen=True, slots=True)
class ThreadPosition:
    """A keyset position in a thread: the page has the messages with ordinals below it."""

    before: int


AnyPosition = TypeVar("AnyPosition", UserPosition, AdminPosition, ThreadPosition)


def next_cursor(page: Page[Position] | FoundPage) -> str | None:
    """Return the cursor of the page after this one; None on the last page."""
    return None if page.next is None else _encode(page.next)


def messages_before(page: ThreadPage) -> str | None:
    """Return the cursor of the page before this one; None where the thread begins in it."""
    return None if page.previous is None else _encode(ThreadPosition(page.previous + 1))


def read_cursor(cursor: str | None, kind: type[Position]) -> Position | None:
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
        message = "Cursor must be the next_cursor of a page of this list; leave it out to begin."
        raise InvalidInput([FieldError("cursor", message)])
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


def _encode(position: UserPosition | AdminPosition | ThreadPosition) -> str:
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
