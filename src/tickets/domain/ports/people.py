"""Ports for authentication: who holds a token."""

from __future__ import annotations

from typing import Protocol


class TokenLookup(Protocol):
    """Looks up who holds a bearer token."""

    def cached(self, token: str) -> int | None:
        """Return what `by_token` would return without a query; None where it needs one."""

    async def by_token(self, token: str) -> int | None:
        """Return the id of the user who holds this token; None where it is unknown or expired."""
