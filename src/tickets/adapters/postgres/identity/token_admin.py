"""Manages users and the service's own bearer tokens, for `tickets user`."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.table_sweep import sweep
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.ports import Clock

EXPIRED_TOKEN_RETENTION = timedelta(days=30)
"""How long an expired token is still listed, to explain why somebody was signed out."""


MAX_TOKENS_PER_USER = 100
"""Tokens of one user: a program that asks for one at each sign-in does not fill the table."""


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """A token in a list: its id and times, and nothing that could sign in."""

    id: int
    created_at: datetime
    expires_at: datetime
    good: bool


class TokenAdmin:
    """Adds users, and issues, lists and revokes their tokens, which are stored as hashes only."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Work on this database, whose schema is up to date."""
        self._database = database
        self._clock = clock
        self._sql = load_queries("token_admin")

    async def user(self, email: str) -> int:
        """Return the id of the user with this address, found or added."""
        # Where another process adds the same address in between, the insert returns no row, and the
        # second look finds it.
        for query in ("find_user", "add_user", "find_user"):
            user_id: int | None = await self._database.fetchval(*self._sql[query].bind(email=email))
            if user_id is not None:
                return user_id
        message = f"user {email} was added and removed by others at the same time"
        raise RuntimeError(message)

    async def new_token(self, user_id: int, *, lifetime: timedelta) -> str:
        """Return a new bearer token of 256 random bits that is valid for `lifetime`.

        Where the user has `MAX_TOKENS_PER_USER` already, the oldest one is revoked.
        """
        token = f"tk_{secrets.token_urlsafe(32)}"
        query = self._sql["add_token"].bind(
            token_sha256=sha256(token.encode()).digest(),
            user_id=user_id,
            expires_at=self._clock.now() + lifetime,
            max_tokens=MAX_TOKENS_PER_USER,
        )
        await self._database.fetch(*query)
        return token

    async def find(self, email: str) -> int | None:
        """Return the id of the user with this address; None where there is none."""
        query = self._sql["find_user"].bind(email=email)
        user_id: int | None = await self._database.fetchval(*query)
        return user_id

    async def tokens(self, user_id: int) -> Sequence[TokenEntry]:
        """Return the user's tokens, newest first, recently expired ones included."""
        rows = await self._database.fetch(*self._sql["list_tokens"].bind(user_id=user_id))
        return [TokenEntry(**row) for row in rows]

    async def revoke(self, token_id: int) -> str | None:
        """Revoke a token; return whose it was, None where there is none."""
        query = self._sql["revoke_token"].bind(token_id=token_id)
        email: str | None = await self._database.fetchval(*query)
        return email

    async def revoke_all(self, user_id: int) -> int:
        """Revoke all tokens of a user; return how many there were."""
        query = self._sql["revoke_all_tokens"].bind(user_id=user_id)
        return len(await self._database.fetch(*query))

    async def delete_expired(self) -> int:
        """Delete tokens that expired longer than `EXPIRED_TOKEN_RETENTION` ago; return how many."""
        moment = self._clock.now() - EXPIRED_TOKEN_RETENTION
        return await sweep(self._database, self._sql["delete_expired_tokens"], moment=moment)
