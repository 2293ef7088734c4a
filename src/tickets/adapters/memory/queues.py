"""Queues in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec

from tickets.adapters.memory.store import MemoryStore
from tickets.adapters.memory.ticket_views import admin_row
from tickets.domain.queues import (
    NOBODY,
    OPEN_WORK,
    PRIORITY_ORDER,
    QueueCounts,
    QueuePosition,
    Selection,
    Sort,
)
from tickets.domain.read_models import Page
from tickets.domain.status import Status
from tickets.domain.ticket import Ticket

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


class MemoryQueues:
    """The port `Queues` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Look at the tickets in this store."""
        self._store = store

    async def page(
        self, selection: Selection, *, after: QueuePosition | None, limit: int
    ) -> Page[QueuePosition]:
        """Sort all tickets of the selection."""
        places = {
            _position(selection.sort, ticket): ticket
            for ticket in self._tickets()
            if _is_in(selection, ticket)
        }
        positions = sorted(
            (at for at in places if after is None or _key(at) > _key(after)), key=_key
        )
        page = positions[:limit]
        rows = [admin_row(self._store, places[position]) for position in page]
        return Page(msgspec.json.encode(rows), page[-1] if len(positions) > limit else None)

    async def counts(self, *, admin_id: int | None) -> QueueCounts:
        """Count all tickets."""
        tickets = self._tickets()
        waiting = [ticket.waiting_since for ticket in tickets if ticket.waiting_since is not None]
        assignees = [_assignee(ticket) for ticket in tickets if ticket.status in OPEN_WORK]
        statuses = [ticket.status for ticket in tickets]
        return QueueCounts(
            waiting=len(waiting),
            mine=0 if admin_id is None else assignees.count(admin_id),
            unassigned=assignees.count(NOBODY),
            open=statuses.count(Status.OPEN) + statuses.count(Status.IN_PROGRESS),
            resolved=statuses.count(Status.RESOLVED),
            closed=statuses.count(Status.CLOSED),
            unread=sum(ticket.admin_unread for ticket in tickets),
            waiting_longest_since=min(waiting, default=None),
        )

    def _tickets(self) -> list[Ticket]:
        return [
            replace(ticket, assignee=self._store.assignee_of(ticket))
            for ticket in self._store.tickets.values()
        ]


def _assignee(ticket: Ticket) -> int:
    return NOBODY if ticket.assignee is None else ticket.assignee.id


def _is_in(selection: Selection, ticket: Ticket) -> bool:
    return (
        (selection.statuses is None or ticket.status in selection.statuses)
        and selection.category in (None, ticket.category)
        and selection.assignee in (None, _assignee(ticket))
        and selection.priority in (None, ticket.priority)
        and (ticket.admin_unread or not selection.unread_only)
        and (ticket.waiting_since is not None or not selection.waiting_only)
        and selection.user_id in (None, ticket.user_id)
    )


def _position(sort: Sort, ticket: Ticket) -> QueuePosition:
    rank = 0
    if sort is Sort.UNREAD:
        rank = int(not ticket.admin_unread)
    elif sort is Sort.PRIORITY:
        known = ticket.priority in PRIORITY_ORDER
        rank = PRIORITY_ORDER.index(ticket.priority) if known else len(PRIORITY_ORDER)
    at = ticket.waiting_since if sort.is_ascending else ticket.updated_at
    return QueuePosition(sort, rank, at, ticket.id)


def _key(position: QueuePosition) -> tuple[int, timedelta, int]:
    """Return what positions of one order are sorted by."""
    sign = 1 if position.sort.is_ascending else -1
    return position.rank, sign * ((position.at or _NEVER) - _EPOCH), sign * position.id
