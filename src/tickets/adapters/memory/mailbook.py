"""The mailbook in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from tickets.adapters.memory.store import MemoryStore
from tickets.domain.event import EventKind
from tickets.domain.mail_news import SUSPENDED_AFTER, MailedMessage, MailedTicket


class MemoryMailbook:
    """The port `Mailbook` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Read the tickets of this store."""
        self._store = store
        self._sent = Counter[tuple[str, date]]()
        self._refusals = Counter[str]()
        self._unsubscribed = set[int]()

    async def tickets(
        self, ticket_ids: Sequence[int], message_ids: Sequence[int]
    ) -> Mapping[int, MailedTicket]:
        """Look them up."""
        found = {}
        for ticket_id in ticket_ids:
            ticket = self._store.tickets.get(ticket_id)
            if ticket is None:
                continue
            assignee = self._store.assignee_of(ticket)
            found[ticket_id] = MailedTicket(
                id=ticket_id,
                subject=ticket.subject,
                status=ticket.status,
                created_at=ticket.created_at,
                user_id=ticket.user_id,
                user_email=self._store.emails.get(ticket.user_id),
                is_unsubscribed=ticket.user_id in self._unsubscribed,
                user_unread=ticket.user_unread,
                user_seen=ticket.user_seen,
                admin_unread=ticket.admin_unread,
                admin_seen=ticket.admin_seen,
                assignee_id=None if assignee is None else assignee.id,
                assignee_email=None if assignee is None else self._store.admins[assignee.id].email,
                status_event_id=self._newest(
                    ticket_id, EventKind.STATUS, EventKind.CLOSED_NATURALLY
                ),
                assignee_event_id=self._newest(ticket_id, EventKind.ASSIGNEE),
                messages={
                    message.id: MailedMessage(message.ordinal, message.sender_type, message.message)
                    for message in self._store.threads[ticket_id]
                    if message.id in message_ids or message.ordinal == 1
                },
            )
        return found

    def _newest(self, ticket_id: int, *kinds: EventKind) -> int | None:
        events = self._store.events.get(ticket_id, ())
        return max((each.id for each in events if each.event.kind in kinds), default=None)

    async def key(self) -> str:
        """Return a key."""
        return "the key of a test"

    async def sent(self, counters: Sequence[str], *, day: date) -> Mapping[str, int]:
        """Look them up."""
        return {each: sent for each in counters if (sent := self._sent[each, day])}

    async def count(self, counters: Sequence[str], *, day: date) -> None:
        """Count."""
        self._sent.update((each, day) for each in set(counters))

    async def suspended(self, addresses: Sequence[str]) -> Sequence[str]:
        """Look at the refusals."""
        lower = [each.lower() for each in addresses]
        return [each for each in lower if self._refusals[each] >= SUSPENDED_AFTER]

    async def refused(self, address: str, *, error: str, at: datetime) -> bool:  # noqa: ARG002
        """Count."""
        self._refusals[address.lower()] += 1
        return self._refusals[address.lower()] == SUSPENDED_AFTER

    async def accepted(self, addresses: Sequence[str]) -> None:
        """Forget."""
        for address in addresses:
            if self._refusals[address.lower()] < SUSPENDED_AFTER:
                del self._refusals[address.lower()]

    async def release(self, address: str) -> bool:
        """Forget."""
        return self._refusals.pop(address.lower(), 0) >= SUSPENDED_AFTER

    async def is_subscribed(self, user_id: int) -> bool:
        """Look it up."""
        return user_id not in self._unsubscribed

    async def subscribe(self, user_id: int, *, at: datetime, wanted: bool) -> None:  # noqa: ARG002
        """Set it."""
        (self._unsubscribed.discard if wanted else self._unsubscribed.add)(user_id)
