"""Users and bearer tokens of the service's own, for `tickets user`."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.ports import Clock

EXPIRED_ARE_LISTED_FOR = timedelta(days=30)
"""How long an expired token can still be listed, for whoever asks why somebody was signed out."""


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """A token as it is listed: a handle, and nothing that could sign in."""

    id: int
    created_at: datetime
    expires_at: datetime
    good: bool


class TokenAdmin:
    """Makes users, and hands out, lists and takes back their tokens, which are kept as hashes only."""

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

    async def find(self, email: str) -> int | None:
        """Return the id of the user with this address; None where there is none."""
        user_id: int | None = await self._database.fetchval(self._sql["find_user"], email)
        return user_id

    async def tokens(self, user_id: int) -> Sequence[TokenEntry]:
        """Return the user's tokens, newest first, the ones that have expired lately included."""
        rows = await self._database.fetch(self._sql["tokens_of_user"], user_id)
        return [TokenEntry(**row) for row in rows]

    async def revoke(self, token_id: int) -> str | None:
        """Take a token back; return whose it was, None where there is none."""
        email: str | None = await self._database.fetchval(self._sql["revoke_token"], token_id)
        return email

    async def revoke_all(self, user_id: int) -> int:
        """Take all of the user's tokens back; return how many there were."""
        return len(await self._database.fetch(self._sql["revoke_tokens_of_user"], user_id))

    async def delete_expired(self) -> int:
        """Drop the tokens that expired longer than `EXPIRED_ARE_LISTED_FOR` ago; return how many."""
        moment = self._clock.now() - EXPIRED_ARE_LISTED_FOR
        return len(await self._database.fetch(self._sql["forget_tokens"], moment))
