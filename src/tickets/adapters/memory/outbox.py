"""Rows of the event log, of the channels and of the outbox, as the memory adapters store them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tickets.domain.event import Event


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A row of `ticket_events`."""

    id: int
    event: Event
    message_id: int | None


@dataclass(frozen=True, slots=True)
class Channel:
    """A row of `ticket_channels`: where to, and the names of the events that it wants."""

    channel: str
    target: str
    events: Sequence[str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of `ticket_deliveries`, the outbox."""

    channel: str
    event: str
    event_id: int
    ticket_id: int
    target: str
    body: Any
    due_at: datetime
