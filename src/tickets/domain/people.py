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
class NamedAdmin:
    """An admin with an own token; `name` is what customers and colleagues see."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class AdminEntry:
    """A named admin in the list of the team.

    `active` is False once the admin is disabled. `open` counts the tickets that are assigned to the
    admin and not closed: 0 for a disabled one, whose tickets count as unassigned.
    """

    id: int
    name: str
    email: str
    active: bool
    open: int


MAX_ADMINS = 100
"""Named admins that are not disabled, at most."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts or looks: a user, a named admin, or the admin team with its shared token.

    `admin` is None for users and for the shared token.
    """

    side: Side
    user_id: int | None
    admin: NamedAdmin | None = None

    @classmethod
    def user(cls, user_id: int) -> Self:
        """Return the user with this id."""
        return cls(Side.USER, user_id)

    @classmethod
    def team(cls) -> Self:
        """Return the admin team: whoever holds the shared token."""
        return cls(Side.ADMIN, None)

    @classmethod
    def named(cls, admin: NamedAdmin) -> Self:
        """Return this named admin."""
        return cls(Side.ADMIN, None, admin)

    @property
    def principal(self) -> str:
        """Return a text that no other actor has, for idempotency keys: `user:7`, `admin:3`.

        All holders of the shared token are `admin`.
        """
        if self.side is Side.USER:
            return f"user:{self.user_id}"
        return "admin" if self.admin is None else f"admin:{self.admin.id}"
