"""Users and bearer tokens of the service's own, for `tickets user add`."""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256

from tickets.adapters.postgres.database import Database
from tickets.adapters.postgres.queries import load_queries
from tickets.domain.ports import Clock


class Accounts:
    """Makes users and hands out their tokens, which are kept as hashes only."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Keep them in this database, whose schema is up to date."""
        self._database = database
        self._clock = clock
        self._sql = load_queries("accounts")

    async def user(self, email: str) -> int:
        """Return the id of the user with this address, found or made."""
        # Another process may add the same address in between: then the insert returns nothing, and the second look finds it.
        for query in ("find_user", "add_user", "find_user"):
            user_id: int | None = await self._database.fetchval(self._sql[query], email)
            if user_id is not None:
                return user_id
        message = f"user {email} was added and removed by others at the same time"
        raise RuntimeError(message)

    async def new_token(self, user_id: int, *, lifetime: timedelta) -> str:
        """Return a new bearer token of 256 random bits that lasts for `lifetime`."""
        token = f"tk_{secrets.token_urlsafe(32)}"
        expires_at = self._clock.now() + lifetime
        await self._database.fetch(
            self._sql["add_token"], sha256(token.encode()).digest(), user_id, expires_at
        )
        return token
