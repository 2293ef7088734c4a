"""Opaque cursors: the place in a list behind which the next page starts."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from tickets.domain.errors import FieldError, InvalidInput
from tickets.domain.views import AdminPosition, Page, Row, UserPosition

Position = TypeVar("Position", UserPosition, AdminPosition)

# Names which list a cursor is from, so that one list does not take the other's.
_KIND: Mapping[type[UserPosition | AdminPosition], str] = {UserPosition: "u", AdminPosition: "a"}


def next_cursor(page: Page[Row]) -> str | None:
    """Return the cursor of the page after this one; None where there is none."""
    if not page.more:
        return None
    position = page.rows[-1].position
    fields = [getattr(position, name) for name in position.__dataclass_fields__]
    text = msgspec.json.encode([_KIND[type(position)], *fields])
    return urlsafe_b64encode(text).rstrip(b"=").decode()


def read_cursor(cursor: str | None, kind: type[Position]) -> Position | None:
    """Return the position that a cursor stands for; None where it is absent or empty.

    Raises `InvalidInput` for anything that no list of this kind has given out.
    """
    if not cursor:
        return None
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        name, *fields = msgspec.json.decode(text, type=list[object])
        if name != _KIND[kind] or len(fields) != len(kind.__dataclass_fields__):
            raise ValueError(name)
        position = msgspec.convert(dict(zip(kind.__dataclass_fields__, fields, strict=True)), kind)
        if position.updated_at.utcoffset() is None or not 0 <= position.id < 2**31:
            raise ValueError(position)
    except (ValueError, msgspec.DecodeError):
        message = "This cursor is not one that the list has given out; start again without it."
        raise InvalidInput([FieldError("cursor", message)]) from None
    return position
