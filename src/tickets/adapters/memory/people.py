"""The port `People` in memory."""

from __future__ import annotations

from tickets.adapters.memory.store import MemoryAdmin, MemoryStore
from tickets.domain.errors import NotAuthenticated
from tickets.domain.identities import Admin, User
from tickets.domain.people import MAX_ADMINS, NamedAdmin


class MemoryPeople:
    """The port `People` over the store."""

    def __init__(self, store: MemoryStore) -> None:
        """Work on this store."""
        self._store = store

    async def user_id(self, user: User, *, add: bool) -> int | None:
        """Look up, and add where that is asked for."""
        user_id = self._store.people.get(user.id)
        if not add:
            return user_id
        if user_id is None:
            user_id = self._store.people[user.id] = self._store.add_user(user.email or "")
        self._store.emails[user_id] = user.email or ""
        return user_id

    async def admin(self, admin: Admin) -> NamedAdmin | None:
        """Look up, and add where unknown."""
        admins = self._store.admins
        admin_id = self._store.host_admins.get(admin.id)
        if admin_id is None:
            if sum(stored.active for stored in admins.values()) >= MAX_ADMINS:
                return None
            taken = {stored.email.lower() for stored in admins.values()}
            email = admin.email or ""
            admin_id = self._store.host_admins[admin.id] = next(self._store.ids)
            admins[admin_id] = MemoryAdmin(
                admin.name, "" if email.lower() in taken else email, None
            )
        if not admins[admin_id].active:
            raise NotAuthenticated
        admins[admin_id].name = admin.name
        return NamedAdmin(admin_id, admin.name)
