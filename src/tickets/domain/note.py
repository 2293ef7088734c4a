"""Internal notes: what admins write to each other about a ticket (DESK, Notes).

They are no part of the Ticket aggregate. They are stored in a table of their own, and writing one
changes nothing of its ticket, so that no reader of tickets or messages can show one to a customer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from tickets.domain.errors import NotAllowed
from tickets.domain.people import Actor, NamedAdmin, Side
from tickets.domain.text_limits import NOTE
from tickets.domain.text_rules import Validation

MAX_NOTES = 1_000
"""Notes that a ticket may have. After that another one is refused."""

MAX_PAGE_NOTES = 100
"""Notes that a page of them holds at most."""


@dataclass(frozen=True, slots=True)
class Note:
    """One note; `id` is 0 until it is stored.

    `admin` is its author with the name as it was then, None for the shared token.
    """

    id: int
    admin: NamedAdmin | None
    note: str
    created_at: datetime

    @classmethod
    def written(cls, text: str, *, by: Actor, at: datetime) -> Self:
        """Return a new note with its text normalised.

        Raises `NotAllowed` for a user, `InvalidInput` where the text does not have 1 to 5000
        characters.
        """
        if by.side is not Side.ADMIN:
            raise NotAllowed
        validation = Validation()
        text = validation.text("note", text, NOTE)
        validation.finish()
        return cls(0, by.admin, text, at)


@dataclass(frozen=True, slots=True)
class NotePage:
    """A page of a ticket's notes, oldest first.

    `previous` is the id of the newest note before the page, None where the first note is in it.
    """

    notes: Sequence[Note]
    previous: int | None
