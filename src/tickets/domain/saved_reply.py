"""Saved replies: texts that admins insert into their replies (DESK, Notes, events, saved replies).

Placeholders such as `{{customer}}` are stored as they are; the page fills them in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from tickets.domain.errors import NotAllowed
from tickets.domain.people import Actor, Side
from tickets.domain.text_limits import SAVED_REPLY_TEXT, SAVED_REPLY_TITLE
from tickets.domain.text_rules import Validation

MAX_SAVED_REPLIES = 500
"""Saved replies that the team may have. After that another one is refused."""


@dataclass(frozen=True, slots=True)
class SavedReply:
    """A saved reply of the whole team; `id` is 0 until it is stored."""

    id: int
    title: str
    text: str
    updated_at: datetime

    @classmethod
    def written(
        cls, title: str, text: str, *, by: Actor, at: datetime, saved_reply_id: int = 0
    ) -> Self:
        """Return a saved reply with its texts normalised.

        Raises `NotAllowed` for a user, and `InvalidInput` where the title does not have 1 to 100
        characters, or the text 1 to 5000.
        """
        check_may_save_replies(by)
        validation = Validation()
        title = validation.text("title", title, SAVED_REPLY_TITLE)
        text = validation.text("text", text, SAVED_REPLY_TEXT)
        validation.finish()
        return cls(saved_reply_id, title, text, at)


def check_may_save_replies(actor: Actor) -> None:
    """Raise `NotAllowed` for a user."""
    if actor.side is not Side.ADMIN:
        raise NotAllowed
