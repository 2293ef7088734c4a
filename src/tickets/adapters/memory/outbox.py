"""Rows of the event log, of the channels and of the outbox, as the memory adapters store them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tickets.domain.deliveries import Outcome
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
    is_stopped: bool = False


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


@dataclass(slots=True)
class DeliveryState:
    """What claims and outcomes change of a row of the outbox."""

    due_at: datetime
    leased_until: datetime | None = None
    attempts: int = 0
    unconfirmed: int = 0
    outcome: Outcome | None = None
    closed_at: datetime | None = None
    last_error: str | None = None
