"""The named admins in memory."""

from __future__ import annotations

from collections.abc import Sequence

from tickets.adapters.memory.store import MemoryAdmin, MemoryStore
from tickets.domain.people import AdminEntry, NamedAdmin
from tickets.domain.status import Status


class MemoryAdminLookup:
    """The port `AdminLookup` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Look tokens up in this store."""
        self._store = store

    def cached(self, token: str) -> NamedAdmin | None:
        """Look the token up: no lookup here is a query."""
        for admin_id, admin in self._store.admins.items():
            if admin.token == token and admin.active:
                return NamedAdmin(admin_id, admin.name)
        return None

    async def by_token(self, token: str) -> NamedAdmin | None:
        """Look the token up."""
        return self.cached(token)


class MemoryAdmins:
    """The port `Admins` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Read the admins of this store."""
        self._store = store

    async def get(self, admin_id: int) -> NamedAdmin | None:
        """Look the id up."""
        return self._store.active_admin(admin_id)

    async def email_of(self, admin_id: int) -> str | None:
        """Look the id up."""
        admin = self._store.admins.get(admin_id)
        return None if admin is None else admin.email

    async def entries(self) -> Sequence[AdminEntry]:
        """Count the tickets of each."""
        entries = [
            AdminEntry(admin_id, admin.name, admin.email, admin.active, self._open(admin_id, admin))
            for admin_id, admin in self._store.admins.items()
        ]
        return sorted(entries, key=lambda entry: (not entry.active, entry.name.lower(), entry.id))

    async def assigned_to(self, admin_id: int, *, after: int, limit: int) -> Sequence[int]:
        """Look through all tickets."""
        return [ticket_id for ticket_id in self._assigned_to(admin_id) if ticket_id > after][:limit]

    def _open(self, admin_id: int, admin: MemoryAdmin) -> int:
        return len(self._assigned_to(admin_id)) if admin.active else 0

    def _assigned_to(self, admin_id: int) -> Sequence[int]:
        return sorted(
            ticket.id
            for ticket in self._store.tickets.values()
            if ticket.assignee is not None
            and ticket.assignee.id == admin_id
            and ticket.status is not Status.CLOSED
        )
