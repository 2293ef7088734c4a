"""The port `People` on PostgreSQL: people of hosts, cached by their external id."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import asyncpg

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.bounded_dict import BoundedDict
from tickets.domain.errors import NotAuthenticated
from tickets.domain.identities import Admin, User
from tickets.domain.people import MAX_ADMINS, NamedAdmin

MAX_ENTRIES = 10_000
"""Maximum number of people, and of admins, in memory; eviction is FIFO."""

# As PostgreSQL writes an id. `042`, `+42` and digits of other scripts are somebody else.
_ID = re.compile(r"[1-9][0-9]{0,9}")

MAX_ID = 2**31 - 1

Row = tuple[int, str | None, str | None]
"""Our id, the address and the name, as they are stored."""


class PostgresPeople:
    """The port `People` on PostgreSQL."""

    def __init__(
        self,
        database: Database,
        *,
        seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Cache each person for `seconds`; 0 is no cache."""
        self._database = database
        self._seconds = seconds
        self._monotonic = monotonic
        self._sql = load_queries("people")
        self._has_own_users: bool | None = None
        self._people = BoundedDict[str, tuple[float, Row]](MAX_ENTRIES)
        self._admins = BoundedDict[Admin, tuple[float, NamedAdmin]](MAX_ENTRIES)

    async def user_id(self, user: User, *, add: bool) -> int | None:
        """Return from the cache, or select; insert where it may and nobody was found."""
        row = self._cached(user)
        if row is None:
            row = await self._find(user)
        if not await self._own_users():
            if row is None:
                raise NotAuthenticated
        elif add and row is None:
            row = await self._add(user)
        elif add and row is not None and row[1:] != (user.email, user.name):
            await self._database.fetch(
                *self._sql["update_person"].bind(
                    external_id=user.id, name=user.name, email=user.email
                )
            )
            row = row[0], user.email, user.name
        if row is None:
            return None
        self._people.put(user.id, (self._monotonic(), row))
        return row[0]

    def _cached(self, user: User) -> Row | None:
        cached = self._people.get(user.id)
        if cached is None or self._monotonic() - cached[0] >= self._seconds:
            return None
        return cached[1]

    async def _own_users(self) -> bool:
        if self._has_own_users is None:
            query = self._sql["has_own_users"].bind()
            self._has_own_users = await self._database.fetchval(*query)
        return bool(self._has_own_users)

    async def _find(self, user: User) -> Row | None:
        if await self._own_users():
            query = self._sql["find_person"].bind(external_id=user.id)
        else:
            if not _ID.fullmatch(user.id) or int(user.id) > MAX_ID:
                return None
            query = self._sql["find_platform_user"].bind(user_id=int(user.id))
        row = await self._database.fetchrow(*query)
        return None if row is None else (row["user_id"], row["email"], row["name"])

    async def _add(self, user: User) -> Row | None:
        query = self._sql["add_person"].bind(external_id=user.id, name=user.name, email=user.email)
        user_id = await self._database.fetchval(*query)
        # another request may have added the same person in between
        return await self._find(user) if user_id is None else (user_id, user.email, user.name)

    async def admin(self, admin: Admin) -> NamedAdmin | None:
        """Return from the cache, or select; insert where nobody was found."""
        cached = self._admins.get(admin)
        if cached is not None and self._monotonic() - cached[0] < self._seconds:
            return cached[1]
        found = await self._find_admin(admin)
        if found is None:
            query = self._sql["add_host_admin"].bind(
                external_id=admin.id, name=admin.name, email=admin.email, max_admins=MAX_ADMINS
            )
            await self._database.fetchval(*query)
            # added here, or by another request in between
            found = await self._find_admin(admin)
        if found is None:
            return None
        self._admins.put(admin, (self._monotonic(), found))
        return found

    async def _find_admin(self, admin: Admin) -> NamedAdmin | None:
        query = self._sql["find_host_admin"].bind(external_id=admin.id)
        row: asyncpg.Record | None = await self._database.fetchrow(*query)
        if row is None:
            return None
        if not row["active"]:
            raise NotAuthenticated
        if row["name"] != admin.name:
            await self._database.fetch(
                *self._sql["rename_host_admin"].bind(external_id=admin.id, name=admin.name)
            )
        return NamedAdmin(row["id"], admin.name)
