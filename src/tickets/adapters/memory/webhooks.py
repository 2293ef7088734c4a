"""Webhooks in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from tickets.adapters.memory.store import MemoryStore
from tickets.domain.deliveries import Channel
from tickets.domain.webhooks import Webhook

SECRET = "whsec_" + "c2VjcmV0" * 4


class MemoryWebhooks:
    """The port `Webhooks` over a `MemoryStore`; all have the same secret."""

    def __init__(self, store: MemoryStore) -> None:
        """Keep the webhooks in this store."""
        self._store = store
        self._failing_since: dict[str, datetime] = {}
        self._stopped_because: dict[str, str] = {}

    async def by_url(self, url: str, *, at: datetime) -> Webhook | None:  # noqa: ARG002 - one secret
        """Return it with the place in the list as its id."""
        for number, channel in enumerate(self._store.channels):
            if (channel.channel, channel.target) == (Channel.WEBHOOK, url):
                because = self._stopped_because.get(url, "a test")
                return Webhook(number, url, [SECRET], because if channel.is_stopped else None)
        return None

    async def succeeded(self, url: str) -> None:
        """Forget the first failure."""
        self._failing_since.pop(url, None)

    async def failed(self, url: str, *, at: datetime) -> datetime:
        """Keep the first failure."""
        return self._failing_since.setdefault(url, at)

    async def stop(self, url: str, *, because: str, at: datetime) -> bool:  # noqa: ARG002
        """Stop it."""
        for number, channel in enumerate(self._store.channels):
            if channel.target == url and not channel.is_stopped:
                self._store.channels[number] = replace(channel, is_stopped=True)
                self._stopped_because[url] = because
                return True
        return False
