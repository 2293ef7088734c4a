"""Who holds a token: what token lookups return to the cache in front of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Who = TypeVar("Who")
Who_co = TypeVar("Who_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Holder(Generic[Who_co]):
    """Who holds a token, and for how many more seconds; infinity for a token without an expiry."""

    who: Who_co
    seconds_left: float


class HolderLookup(Protocol[Who_co]):
    """Queries who holds a token."""

    async def holder(self, token: str) -> Holder[Who_co] | None:
        """Return the holder of a valid token, None for any other text."""


def can_be_token(text: str) -> bool:
    """Return whether a text can be a token; another one is not sent to the database."""
    return text.isascii() and text.isprintable()
