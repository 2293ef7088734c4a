"""The named admins on PostgreSQL: who holds an admin token, and who is in the team."""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import sha256

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.holder import Holder, can_be_token
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.people import AdminEntry, NamedAdmin
from tickets.domain.ticket import MAX_ID


class PostgresAdminLookup:
    """The port `AdminLookup` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Look tokens up in this database."""
        self._database = database
        self._query = load_queries("admins")["admin_by_token_sha256"]

    def cached(self, token: str) -> NamedAdmin | None:  # noqa: ARG002 - the port's signature
        """Return None: without a cache each lookup is a query."""
        return None

    async def by_token(self, token: str) -> NamedAdmin | None:
        """Select by the token's hash."""
        holder = await self.holder(token)
        return None if holder is None else holder.who

    async def holder(self, token: str) -> Holder[NamedAdmin] | None:
        """Select by the token's hash; the tokens of admins do not expire."""
        if not can_be_token(token):
            return None
        query = self._query.bind(token_sha256=sha256(token.encode()).digest())
        row = await self._database.fetchrow(*query)
        return None if row is None else Holder(NamedAdmin(row["id"], row["name"]), math.inf)


class PostgresAdmins:
    """The port `Admins` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Read the admins of this database."""
        self._database = database
        self._sql = load_queries("admins")

    async def get(self, admin_id: int) -> NamedAdmin | None:
        """Select by id."""
        if not 0 < admin_id <= MAX_ID:
            return None
        row = await self._database.fetchrow(*self._sql["get_admin"].bind(admin_id=admin_id))
        return None if row is None else NamedAdmin(row["id"], row["name"])

    async def email_of(self, admin_id: int) -> str | None:
        """Select by id."""
        query = self._sql["email_of_admin"].bind(admin_id=admin_id)
        email: str | None = await self._database.fetchval(*query)
        return email

    async def entries(self) -> Sequence[AdminEntry]:
        """Select all, with a count of each one's tickets."""
        rows = await self._database.fetch(*self._sql["list_admins"].bind())
        return [AdminEntry(**row) for row in rows]

    async def assigned_to(self, admin_id: int, *, after: int, limit: int) -> Sequence[int]:
        """Select the next ids."""
        query = self._sql["assigned_to"].bind(admin_id=admin_id, after=after, limit=limit)
        return [row["id"] for row in await self._database.fetch(*query)]
