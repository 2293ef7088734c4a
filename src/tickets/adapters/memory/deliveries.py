"""The outbox in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from tickets.adapters.memory.outbox import Channel as StoredChannel
from tickets.adapters.memory.outbox import Delivery as Row
from tickets.adapters.memory.outbox import DeliveryState, StoredEvent
from tickets.adapters.memory.store import MemoryStore
from tickets.domain.deliveries import Channel, ChannelFigures, Delivery, Outcome
from tickets.domain.mail_news import MAX_CLAIMED_MAILS

_MESSAGES = ("ticket.created", "message.created")


class MemoryDeliveries:
    """The port `Deliveries` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Drain the outbox of this store."""
        self._store = store

    async def claim(
        self,
        channel: Channel,
        *,
        at: datetime,
        until: datetime,
        busy: Mapping[str, int],
        share: int,
        limit: int,
    ) -> Sequence[Delivery]:
        """Look through the open deliveries."""
        room = {
            each.target: max(0, share - busy.get(each.target, 0))
            for each in self._channels(channel)
        }
        chosen = []
        for delivery_id, row, state in self._oldest(channel):
            if state.due_at <= at and _is_free(state, at) and room.get(row.target, 0):
                room[row.target] -= 1
                chosen.append(delivery_id)
        return [self._claim(delivery_id, until) for delivery_id in sorted(chosen[:limit])]

    async def claim_mail(
        self, *, at: datetime, until: datetime, fresh_before: datetime
    ) -> Sequence[Delivery]:
        """Take the recipient of what has been due for the longest."""

        def is_due(state: DeliveryState) -> bool:
            is_old_enough = state.attempts > 0 or state.due_at <= fresh_before
            return state.due_at <= at and is_old_enough

        targets = [each.target for each in self._channels(Channel.MAIL)]
        oldest = [
            row
            for _id, row, state in self._oldest(Channel.MAIL)
            if row.target in targets and is_due(state) and _is_free(state, at)
        ]
        if not oldest:
            return []
        recipient = _recipient(oldest[0])
        tickets = [row.ticket_id for row in oldest if _recipient(row) == recipient]
        claimed = [
            delivery_id
            for delivery_id, row, state in self._open(Channel.MAIL)
            if row.target == recipient[0]
            and row.ticket_id in tickets[:MAX_CLAIMED_MAILS]
            and _is_free(state, at)
            and (row.event in _MESSAGES or is_due(state))
        ]
        return [self._claim(delivery_id, until) for delivery_id in claimed]

    async def close(
        self, delivery: Delivery, outcome: Outcome, *, at: datetime, error: str | None = None
    ) -> bool:
        """Compare the lease."""
        if (state := self._leased(delivery)) is None:
            return False
        state.outcome, state.closed_at, state.leased_until = outcome, at, None
        state.last_error = error or state.last_error
        return True

    async def retry(
        self, delivery: Delivery, *, due_at: datetime, error: str, unconfirmed: bool = False
    ) -> bool:
        """Compare the lease."""
        if (state := self._leased(delivery)) is None:
            return False
        state.due_at, state.last_error, state.leased_until = due_at, error, None
        state.unconfirmed += unconfirmed
        return True

    async def release(self, delivery: Delivery, *, error: str) -> bool:
        """Compare the lease."""
        if (state := self._leased(delivery)) is None:
            return False
        state.attempts, state.last_error, state.leased_until = state.attempts - 1, error, None
        return True

    async def hold_stopped(self, *, at: datetime) -> int:
        """Close what waits for them."""
        stopped = {each.target for each in self._store.channels if each.is_stopped}
        held = [
            state
            for channel in Channel
            for _id, row, state in self._open(channel)
            if row.target in stopped
        ]
        for state in held:
            state.outcome, state.closed_at, state.leased_until = Outcome.HELD, at, None
        return len(held)

    async def delete_closed(self, before: datetime, *, limit: int) -> int:
        """Forget their states; the rows stay, as their places are their ids."""
        states = self._store.delivery_states
        closed = [
            (state.closed_at, delivery_id)
            for delivery_id, state in states.items()
            if state.closed_at is not None and state.closed_at < before
        ]
        for _closed_at, delivery_id in sorted(closed)[:limit]:
            del states[delivery_id]
        return min(limit, len(closed))

    async def figures(self, *, at: datetime) -> Sequence[ChannelFigures]:
        """Count."""
        figures = []
        for channel in sorted({each.channel for each in self._store.channels}):
            targets = [each.target for each in self._channels(channel)]
            waiting = [
                state.due_at for _id, row, state in self._open(channel) if row.target in targets
            ]
            parked = sum(
                state.outcome is Outcome.PARKED and self._store.deliveries[each].channel == channel
                for each, state in self._store.delivery_states.items()
            )
            oldest = (at - min(waiting)).total_seconds() if waiting else 0.0
            figures.append(ChannelFigures(channel, len(waiting), oldest, parked))
        return figures

    def _channels(self, channel: str) -> list[StoredChannel]:
        return [
            each for each in self._store.channels if each.channel == channel and not each.is_stopped
        ]

    def _open(self, channel: str) -> Iterator[tuple[int, Row, DeliveryState]]:
        for delivery_id, state in self._store.delivery_states.items():
            row = self._store.deliveries[delivery_id]
            if row.channel == channel and state.outcome is None:
                yield delivery_id, row, state

    def _oldest(self, channel: str) -> list[tuple[int, Row, DeliveryState]]:
        """Return the oldest open delivery of each target and ticket, the longest due first."""
        oldest: dict[tuple[str, int], tuple[int, Row, DeliveryState]] = {}
        for delivery in self._open(channel):
            row = delivery[1]
            oldest.setdefault((row.target, row.ticket_id), delivery)
        return sorted(oldest.values(), key=lambda each: (each[2].due_at, each[0]))

    def _leased(self, delivery: Delivery) -> DeliveryState | None:
        state = self._store.delivery_states.get(delivery.id)
        if state is None or state.outcome is not None or state.leased_until != delivery.lease:
            return None
        return state

    def _claim(self, delivery_id: int, until: datetime) -> Delivery:
        row, state = self._store.deliveries[delivery_id], self._store.delivery_states[delivery_id]
        state.leased_until = until
        state.attempts += 1
        stored = self._event(row)
        by = stored.event.by
        return Delivery(
            id=delivery_id,
            channel=Channel(row.channel),
            target=row.target,
            event=row.event,
            event_id=row.event_id,
            ticket_id=row.ticket_id,
            body=msgspec.json.encode(row.body).decode(),
            attempts=state.attempts,
            unconfirmed=state.unconfirmed,
            lease=until,
            at=stored.event.at,
            by=None if by is None else by.side,
            admin_id=None if by is None or by.admin is None else by.admin.id,
            after=stored.event.after,
            message_id=stored.message_id,
        )

    def _event(self, row: Row) -> StoredEvent:
        events = self._store.events[row.ticket_id]
        return next(stored for stored in events if stored.id == row.event_id)


def _is_free(state: DeliveryState, at: datetime) -> bool:
    return state.leased_until is None or state.leased_until <= at


def _recipient(row: Row) -> tuple[str, Any]:
    """Return target and recipient, as `ticket_mail_recipient` in SQL."""
    ticket = row.body["ticket"]
    if row.target == "customer":
        return row.target, ticket["user_id"]
    return row.target, (ticket["assignee"] or {}).get("id")
