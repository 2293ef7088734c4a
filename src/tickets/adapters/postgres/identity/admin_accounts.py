"""Manages named admins and their tokens, for `tickets admin`."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.people import MAX_ADMINS


@dataclass(frozen=True, slots=True)
class AdminAccount:
    """An admin as the command finds one by e-mail address."""

    id: int
    name: str
    active: bool


class AdminAccounts:
    """Adds, enables and disables admins, and replaces their tokens, stored as hashes only.

    An admin has one token at a time. It starts with `tk_`, as users' tokens do, which log lines
    and request ids never repeat.
    """

    def __init__(self, database: Database) -> None:
        """Work on this database, whose schema is up to date."""
        self._database = database
        self._sql = load_queries("admin_accounts")

    async def add(self, name: str, email: str) -> str | None:
        """Add an admin, or enable a disabled one under this name; return the new token.

        None where an active admin has this address, or where `MAX_ADMINS` are active.
        """
        token = _new_token()
        query = self._sql["add_admin"].bind(
            name=name, email=email, token_sha256=_hash(token), max_admins=MAX_ADMINS
        )
        added = await self._database.fetchval(*query)
        return None if added is None else token

    async def find(self, email: str) -> AdminAccount | None:
        """Return the admin with this address, disabled ones included; None where there is none."""
        row = await self._database.fetchrow(*self._sql["find_admin"].bind(email=email))
        return None if row is None else AdminAccount(**row)

    async def new_token(self, admin_id: int) -> str | None:
        """Replace the token of an active admin and return the new one; None for a disabled one."""
        token = _new_token()
        return token if await self._replace_token(admin_id, _hash(token)) else None

    async def end_sessions(self, admin_id: int) -> None:
        """End the token of an admin."""
        await self._replace_token(admin_id, None)

    async def disable(self, admin_id: int) -> bool:
        """Disable an admin and end the token; return whether the admin was active."""
        query = self._sql["disable_admin"].bind(admin_id=admin_id)
        return await self._database.fetchval(*query) is not None

    async def _replace_token(self, admin_id: int, token_sha256: bytes | None) -> bool:
        query = self._sql["replace_admin_token"].bind(admin_id=admin_id, token_sha256=token_sha256)
        return await self._database.fetchval(*query) is not None


def _new_token() -> str:
    """Return a token of 256 random bits."""
    return f"tk_{secrets.token_urlsafe(32)}"


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
