"""Who acts or looks: the two sides of a ticket and the actors on them (section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Side(StrEnum):
    """The two sides of the conversation (section 7)."""

    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts or looks: one user, or the admin team, whose members are not distinguished."""

    side: Side
    user_id: int | None

    @classmethod
    def user(cls, user_id: int) -> Self:
        """Return the user with this id."""
        return cls(Side.USER, user_id)

    @classmethod
    def admin(cls) -> Self:
        """Return the admin team."""
        return cls(Side.ADMIN, None)
