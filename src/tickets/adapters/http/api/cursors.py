"""Keyset cursors: the position after which the next page of a list starts, as an opaque string."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import TypeVar

import msgspec

from tickets.domain.errors import FieldError, InvalidInput
from tickets.domain.read_models import AdminPosition, Page, Row, UserPosition
from tickets.domain.ticket import MAX_ID

Position = TypeVar("Position", UserPosition, AdminPosition)


def next_cursor(page: Page[Row]) -> str | None:
    """Return the cursor of the page after this one; None on the last page."""
    if not page.more:
        return None
    return urlsafe_b64encode(msgspec.json.encode(page.rows[-1].position)).rstrip(b"=").decode()


def read_cursor(cursor: str | None, kind: type[Position]) -> Position | None:
    """Return the position that a cursor encodes; None where it is absent or empty.

    Raises `InvalidInput` for a string that no list of this kind can have returned.
    """
    if not cursor:
        return None
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        position = msgspec.json.decode(text, type=kind)
    except (ValueError, RecursionError):
        position = None
    # Encoded again it must give the same text. That refuses cursors of the other list as well,
    # which have fewer or more fields.
    if (
        position is None
        or position.updated_at.utcoffset() != timedelta(0)
        or not 0 < position.id <= MAX_ID
        or msgspec.json.encode(position) != text
    ):
        message = "This cursor is not valid for this list. Start again without a cursor."
        raise InvalidInput([FieldError("cursor", message)])
    return position
