"""Queues: named selections of the open work, and the filters and orders of the admins' list (DESK).

A selection is refused where no index bounds what it has to read: open work, one customer's tickets
and unread tickets are bounded, all closed tickets are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from tickets.domain.errors import FieldError, InvalidInput
from tickets.domain.people import Actor
from tickets.domain.status import Category, Priority, Status

NOBODY = 0
"""Stands for no assignee in a filter. Ids of admins start at 1."""

OPEN_WORK = frozenset({Status.OPEN, Status.IN_PROGRESS, Status.RESOLVED})
"""Everything that is not closed. A disabled admin's tickets count as nobody's."""


class Sort(StrEnum):
    """Orders of tickets. Within each, the id decides between equals."""

    UNREAD = "unread"
    """Unread first, then newest `updated_at`: the order of the admins' list."""

    ACTIVITY = "activity"
    """Newest `updated_at` first."""

    WAITING = "waiting"
    """Tickets whose customer waits, longest first; then the others, oldest ticket first."""

    PRIORITY = "priority"
    """Urgent first, unknown priorities last; within one priority as `WAITING`."""

    @property
    def is_ascending(self) -> bool:
        """Whether earlier moments and lower ids come first."""
        return self in (Sort.WAITING, Sort.PRIORITY)


PRIORITY_ORDER = (Priority.URGENT, Priority.HIGH, Priority.NORMAL, Priority.LOW)
"""The order `PRIORITY`; values that only another program sets come after these."""


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """A keyset position in a list of this order.

    `at` is the ticket's `waiting_since` in an ascending order, else its `updated_at`; None where
    nobody waits. `rank` is the place that comes before it: unread, or the priority.
    """

    sort: Sort
    rank: int
    at: datetime | None
    id: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tickets to list, and in which order; None is no filter.

    `assignee` is an admin's id, or `NOBODY`.
    """

    statuses: frozenset[Status] | None = None
    category: Category | None = None
    assignee: int | None = None
    priority: Priority | None = None
    unread_only: bool = False
    waiting_only: bool = False
    user_id: int | None = None
    sort: Sort = Sort.UNREAD

    @property
    def is_of_open_work(self) -> bool:
        """Whether no closed ticket can be in it."""
        return self.waiting_only or (self.statuses is not None and self.statuses <= OPEN_WORK)

    @property
    def is_plain(self) -> bool:
        """Whether it is the list of the specification: by status and category, unread first."""
        status = next(iter(self.statuses)) if self.statuses and len(self.statuses) == 1 else None
        statuses = None if status is None else frozenset({status})
        return self == Selection(statuses=statuses, category=self.category)

    def check_bounded(self) -> None:
        """Raise `InvalidInput` where listing it would have to look at all closed tickets."""
        if not (self.is_plain or self.is_of_open_work or self.user_id or self.unread_only):
            message = (
                "This combination would have to look at every closed ticket. Add a status other "
                "than closed, unread=true, or a user_id."
            )
            raise InvalidInput([FieldError("status", message)])


class Queue(StrEnum):
    """The named queues."""

    WAITING = "waiting"
    MINE = "mine"
    UNASSIGNED = "unassigned"
    OPEN = "open"


_PRESETS: Mapping[Queue, Selection] = {
    Queue.WAITING: Selection(statuses=OPEN_WORK, waiting_only=True, sort=Sort.WAITING),
    Queue.MINE: Selection(statuses=OPEN_WORK, sort=Sort.WAITING),
    Queue.UNASSIGNED: Selection(statuses=OPEN_WORK, assignee=NOBODY, sort=Sort.WAITING),
    Queue.OPEN: Selection(
        statuses=frozenset({Status.OPEN, Status.IN_PROGRESS}), sort=Sort.ACTIVITY
    ),
}


def select_queue(
    queue: Queue,
    *,
    by: Actor,
    category: Category | None = None,
    assignee: int | None = None,
    priority: Priority | None = None,
    unread_only: bool = False,
) -> Selection | None:
    """Return the selection of a queue with these filters; None where it is surely empty.

    That is `mine` of the shared token, which is nobody's in particular, and a queue by assignee
    with another assignee as its filter.
    """
    selection = _PRESETS[queue]
    if queue is Queue.MINE:
        if by.admin is None:
            return None
        selection = replace(selection, assignee=by.admin.id)
    if assignee is not None and selection.assignee not in (None, assignee):
        return None
    return replace(
        selection,
        category=category,
        assignee=selection.assignee if assignee is None else assignee,
        priority=priority,
        unread_only=unread_only,
    )


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many tickets each queue has, as of one moment; `open` is the queue of that name.

    `waiting_longest_since` is since when the first in the queue `waiting` has waited.
    """

    waiting: int
    mine: int
    unassigned: int
    open: int
    resolved: int
    closed: int
    unread: int
    waiting_longest_since: datetime | None
