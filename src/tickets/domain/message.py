"""One message of a thread, and the preview of it that lists show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tickets.domain.people import Side

PREVIEW_LENGTH = 100
"""Characters of the newest message that lists show (contract, `last_message`)."""


# Not frozen, since a frozen dataclass takes twice as long to make, and each reply makes two.
# Nothing changes a message.
@dataclass(slots=True)
class Message:
    """One message of a thread; `id` and `ticket_id` are 0 until it is stored.

    `ordinal` is its number in the ticket, from 1, in the order in which messages were committed. It
    never changes. Where messages were deleted, there are gaps.

    `sender_name` is the name of the named admin who wrote it, as it was then: all that customers
    see of an admin. It is None for users and for the shared token.
    """

    id: int
    ticket_id: int
    sender_type: Side
    sender_id: int | None
    message: str
    created_at: datetime
    ordinal: int = 0
    sender_name: str | None = None


def preview(text: str) -> str:
    """Return the first 100 characters, with an ellipsis where that cut something off."""
    return text if len(text) <= PREVIEW_LENGTH else f"{text[:PREVIEW_LENGTH]}…"
