"""Reports in memory: replays the events of every ticket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from tickets.adapters.memory.outbox import StoredEvent
from tickets.adapters.memory.store import MemoryStore
from tickets.domain.event import EventKind
from tickets.domain.people import Side
from tickets.domain.reports import (
    CategoryFigures,
    DayFigures,
    Durations,
    Period,
    Report,
    start_of,
)
from tickets.domain.ticket import Category, Status

_DONE = (Status.RESOLVED, Status.CLOSED)


class MemoryReports:
    """The port `Reports` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Count in this store."""
        self._store = store

    async def report(self, period: Period, *, at: datetime) -> Report:
        """Look through all tickets and events."""
        tickets = self._store.tickets.values()
        replied = [
            (t.category, _seconds(t.created_at, t.first_replied_at))
            for t in tickets
            if t.first_replied_at and period.start <= t.first_replied_at < period.end
        ]
        resolved = [
            _seconds(t.created_at, t.resolved_at)
            for t in tickets
            if t.resolved_at and period.start <= t.resolved_at < period.end
        ]
        return Report(
            period,
            list(self._days(period, at)),
            Durations.of([seconds for _, seconds in replied]),
            Durations.of(resolved),
            [
                self._category(category, period, [s for c, s in replied if c is category])
                for category in Category
            ],
        )

    def _category(
        self, category: Category, period: Period, seconds: Sequence[int]
    ) -> CategoryFigures:
        opened = sum(
            period.start <= ticket.created_at < period.end and ticket.category is category
            for ticket in self._store.tickets.values()
        )
        replies = Durations.of(seconds)
        return CategoryFigures(category, opened, replies.tickets, replies.median_seconds)

    def _days(self, period: Period, at: datetime) -> Iterator[DayFigures]:
        opened = Counter(_day(ticket.created_at) for ticket in self._store.tickets.values())
        resolved, closed, waits = Counter[date](), Counter[date](), Counter[date]()
        for events in self._store.events.values():
            resolved.update({_day(e.event.at) for e in _standing(events) if _resolves(e)})
            closed.update({_day(e.event.at) for e in _standing(events) if _closes(e)})
            for stored in events:
                if stored.event.kind is EventKind.WAITING:
                    waits[_day(stored.event.at)] += 1 if stored.event.after == "began" else -1
        waiting = sum(t.waiting_since is not None for t in self._store.tickets.values())
        recorded_since = self._store.recorded_since
        for day in period.days():
            end = start_of(day + timedelta(days=1))
            known = recorded_since is None or end > recorded_since
            later = sum(change for other, change in waits.items() if other > day)
            left = 0 if start_of(day) > at else waiting - later
            yield DayFigures(
                day,
                opened[day],
                resolved[day] if known else None,
                closed[day] if known else None,
                left if known else None,
                finished=end <= at,
            )


def _standing(events: Sequence[StoredEvent]) -> Iterator[StoredEvent]:
    """Return the events, without the resolutions and closings that an admin took back."""
    undone = False
    for stored in reversed(events):
        event = stored.event
        is_users = event.by is not None and event.by.side is Side.USER
        if event.kind is EventKind.MESSAGE and is_users:
            undone = False
        if event.kind is EventKind.STATUS and not is_users and event.after not in _DONE:
            undone = True
        if not (undone and event.after in _DONE):
            yield stored


def _resolves(stored: StoredEvent) -> bool:
    event = stored.event
    return event.kind is EventKind.STATUS and (
        event.after == Status.RESOLVED
        or (event.after == Status.CLOSED and event.before != Status.RESOLVED)
    )


def _closes(stored: StoredEvent) -> bool:
    event = stored.event
    closing = (EventKind.STATUS, EventKind.CLOSED_NATURALLY)
    return event.kind in closing and event.after == Status.CLOSED


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _seconds(start: datetime, end: datetime) -> int:
    return max(0, int((end - start) // timedelta(seconds=1)))
