"""Store health in memory: always ready, with no migrations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tickets.adapters.memory.store import MemoryStore
from tickets.domain.deliveries import ChannelFigures


@dataclass(frozen=True, slots=True)
class MemoryStoreFigures:
    """The port `StoreFigures`."""

    unread_by_users: int
    unread_by_admins: int
    migrations_applied: int = 0
    migrations_due: int = 0
    verified_at: float | None = None
    findings_remaining: int = 0
    deliveries: Sequence[ChannelFigures] = ()


class MemoryStoreHealth:
    """The port `StoreHealth` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Count the tickets in this store."""
        self._store = store

    async def ready(self) -> None:
        """Return at once."""

    async def figures(self) -> MemoryStoreFigures:
        """Count all flags."""
        tickets = self._store.tickets.values()
        return MemoryStoreFigures(
            unread_by_users=sum(ticket.user_unread for ticket in tickets),
            unread_by_admins=sum(ticket.admin_unread for ticket in tickets),
        )
