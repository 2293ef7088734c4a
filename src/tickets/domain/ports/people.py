"""Ports for people: who holds a token, and who is in the admin team."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from tickets.domain.identities import Admin, User
from tickets.domain.people import AdminEntry, NamedAdmin

Who_co = TypeVar("Who_co", covariant=True)


class TokenVerifier(Protocol[Who_co]):
    """Verifies tokens that a host has signed."""

    def cached(self, token: str) -> Who_co | None:
        """Return who was verified by this token a short time ago; None where that is unknown."""

    async def verify(self, token: str) -> Who_co | None:
        """Return who signs in with this token; None where it is not valid."""


class TokenLookup(Protocol):
    """Looks up who holds a bearer token."""

    def cached(self, token: str) -> int | None:
        """Return what `by_token` would return without a query; None where it needs one."""

    async def by_token(self, token: str) -> int | None:
        """Return the id of the user who holds this token; None where it is unknown or expired."""


class AdminLookup(Protocol):
    """Looks up which named admin holds an admin token."""

    def cached(self, token: str) -> NamedAdmin | None:
        """Return what `by_token` would return without a query; None where it needs one."""

    async def by_token(self, token: str) -> NamedAdmin | None:
        """Return the admin who holds this token; None where it is unknown or was revoked."""


class People(Protocol):
    """People who sign in at a host application, by the host's ids.

    With a platform's table of users the external id is the id there in decimal digits, and nobody
    is ever added.
    """

    async def user_id(self, user: User, *, add: bool) -> int | None:
        """Return our id of this person, None where it is unknown.

        With `add` an unknown person is added, and a changed name or address is stored. Raises
        `NotAuthenticated` where a platform's table does not have the person.
        """

    async def admin(self, admin: Admin) -> NamedAdmin | None:
        """Return this admin, who is added where unknown; None where the team is full.

        Raises `NotAuthenticated` where the admin was disabled here.
        """


class CustomerLookup(Protocol):
    """Looks up whom an admin names as the customer of a new ticket."""

    async def find(self, *, user_id: int | None, email: str | None) -> Sequence[int]:
        """Return the ids of users with this id or this address, lowest first, two at most.

        An address is compared in any capitalisation; a platform may allow several users with one.
        Nothing is found where neither is given, or both are.
        """


class Admins(Protocol):
    """The named admins of the team."""

    async def get(self, admin_id: int) -> NamedAdmin | None:
        """Return the admin with this id; None where it is unknown, or the admin is disabled."""

    async def email_of(self, admin_id: int) -> str | None:
        """Return the e-mail address of an admin, disabled ones included; None where unknown."""

    async def entries(self) -> Sequence[AdminEntry]:
        """Return all admins by name, those who are disabled last."""

    async def assigned_to(self, admin_id: int, *, after: int, limit: int) -> Sequence[int]:
        """Return ids of tickets that are assigned to this admin and not closed, lowest first.

        Those above the id `after`, at most `limit`; also where the admin is disabled.
        """
