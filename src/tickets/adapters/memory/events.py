"""Events and the outbox in memory, as the statements of changes write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import msgspec

from tickets.adapters.memory.outbox import Delivery, DeliveryState, StoredEvent
from tickets.adapters.memory.store import MemoryStore
from tickets.domain.event import DELIVERY_NAMES, Event, EventKind, history_of
from tickets.domain.history import MAX_PAGE_EVENTS, HistoryPage
from tickets.domain.message import Message
from tickets.domain.read_models import DetailRequest
from tickets.domain.ticket import Ticket

# The fields of a ticket in the API that are attributes of it.
_TICKET_FIELDS = (
    *("id", "user_id", "category", "other_category", "subject", "status", "priority"),
    *("user_unread", "admin_unread", "message_count", "created_at", "updated_at", "follows"),
    *("waiting_since", "assignee"),
)


def store_events(
    store: MemoryStore, ticket: Ticket, message: Message | None, events: Sequence[Event]
) -> None:
    """Store the events of a change, and put into the outbox what channels want of them."""
    for event in events:
        ticket_id, after = ticket.id, event.after
        if event.kind is EventKind.FOLLOW_UP:
            assert ticket.follows is not None  # noqa: S101 - it is why there is such an event
            ticket_id, after = ticket.follows, str(ticket.id)
        message_id = message.id if message and event.kind is EventKind.MESSAGE else None
        stored = StoredEvent(next(store.ids), replace(event, after=after), message_id)
        store.events.setdefault(ticket_id, []).append(stored)
        if event.kind is EventKind.MESSAGE and ticket.message_count == 1:
            continue
        name = DELIVERY_NAMES.get(event.kind, "")
        for channel in store.channels:
            if name in channel.events:
                store.delivery_states[len(store.deliveries)] = DeliveryState(event.at)
                store.deliveries.append(
                    Delivery(
                        channel.channel,
                        name,
                        stored.id,
                        ticket.id,
                        channel.target,
                        _body(store, ticket, message),
                        event.at,
                    )
                )


def history_page(events: Sequence[StoredEvent], request: DetailRequest) -> HistoryPage:
    """Return the newest page of what the viewer is shown, or the one before an event."""
    kinds, before = history_of(request.viewer), request.events_before
    shown = [
        stored
        for stored in events
        if stored.event.kind in kinds and (before is None or stored.id < before)
    ]
    page = shown[-MAX_PAGE_EVENTS:]
    encoded = msgspec.json.encode([_fields(stored) for stored in page])
    return HistoryPage(encoded, page[0].id if len(shown) > len(page) else None)


def _fields(stored: StoredEvent) -> dict[str, Any]:
    event = stored.event
    admin = None if event.by is None else event.by.admin
    return {
        "id": stored.id,
        "at": event.at,
        "kind": event.kind,
        "by": "system" if event.by is None else event.by.side,
        "name": None if admin is None else admin.name,
        "from": event.before,
        "to": event.after,
    }


def _body(store: MemoryStore, ticket: Ticket, message: Message | None) -> Any:  # noqa: ANN401 - decoded JSON
    body: dict[str, Any] = {"ticket": {name: getattr(ticket, name) for name in _TICKET_FIELDS}}
    body["ticket"]["user_email"] = store.emails[ticket.user_id]
    if message is not None:
        body["message"] = asdict(message)
    return msgspec.json.decode(msgspec.json.encode(body))
