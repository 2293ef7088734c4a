"""Identities of hosts: a user or an admin as the host application names them, by the host's ids."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_EXTERNAL_ID = 255
"""Characters of a host's id."""

MAX_NAME = 100
"""Characters of a name; a longer one is cut."""

MAX_EMAIL = 320
"""Characters of an e-mail address."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class InvalidIdentity(ValueError):
    """A host has returned an identity that cannot be one; the message is for its developer."""


def _checked_id(value: object) -> str:
    if not isinstance(value, str):
        message = f"the id must be a string, not {type(value).__name__}"
        raise InvalidIdentity(message)
    if not 0 < len(value) <= MAX_EXTERNAL_ID or _CONTROL.search(value) or value != value.strip():
        message = f"the id must have 1 to {MAX_EXTERNAL_ID} printable characters"
        raise InvalidIdentity(message)
    return value


def _checked_text(field: str, value: object, limit: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        message = f"the {field} must be a string or None, not {type(value).__name__}"
        raise InvalidIdentity(message)
    return _CONTROL.sub("", value).strip()[:limit].strip() or None


@dataclass(frozen=True, slots=True)
class User:
    """A user of the host application.

    `id` is the host's own id, a string of 1 to 255 characters that never names anybody else.
    `email` and `name` may be absent; they never select whom the user is. Raises `InvalidIdentity`,
    a `ValueError`, for anything else.
    """

    id: str
    email: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        """Check and normalise."""
        object.__setattr__(self, "id", _checked_id(self.id))
        # an address that is too long is none: a part of it would be another one
        email = _checked_text("email", self.email, MAX_EMAIL + 1)
        object.__setattr__(self, "email", None if len(email or "") > MAX_EMAIL else email)
        object.__setattr__(self, "name", _checked_text("name", self.name, MAX_NAME))


@dataclass(frozen=True, slots=True)
class Admin:
    """A member of the host's support team.

    `id` is the host's own id. `name` is what customers and colleagues see. Raises
    `InvalidIdentity`, a `ValueError`, where one of them is missing.
    """

    id: str
    name: str
    email: str | None = None

    def __post_init__(self) -> None:
        """Check and normalise."""
        object.__setattr__(self, "id", _checked_id(self.id))
        name = _checked_text("name", self.name, MAX_NAME)
        if name is None:
            message = "the name must not be empty"
            raise InvalidIdentity(message)
        object.__setattr__(self, "name", name)
        email = _checked_text("email", self.email, MAX_EMAIL + 1)
        object.__setattr__(self, "email", None if len(email or "") > MAX_EMAIL else email)
