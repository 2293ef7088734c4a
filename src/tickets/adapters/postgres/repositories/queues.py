"""Queues on PostgreSQL: keyset pagination over partial indexes of the open work."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.queues import (
    PRIORITY_ORDER,
    QueueCounts,
    QueuePosition,
    Selection,
    Sort,
)
from tickets.domain.read_models import Page
from tickets.domain.status import Status

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PostgresQueues:
    """The port `Queues` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Read the tickets in this database."""
        self._database = database
        self._sql = load_queries("queues")

    async def page(
        self, selection: Selection, *, after: QueuePosition | None, limit: int
    ) -> Page[QueuePosition]:
        """Read one row more than `limit`, which shows whether more follow.

        The named queues are read in the order of an index. Any other selection reads its scope.
        """
        values: dict[str, object] = {
            "statuses": None if selection.statuses is None else ",".join(selection.statuses),
            "category": selection.category,
            "assignee": selection.assignee,
            "priority": selection.priority,
            "unread_only": selection.unread_only,
            "waiting_only": selection.waiting_only,
            "limit": limit,
        }
        name = _ordered_query(selection)
        if name is not None:
            values |= _place_in_index(selection.sort, after)
        else:
            name, scope = _sorting_query(selection)
            values |= scope | _place_when_sorted(selection.sort, after)
        row = await self._database.fetchrow(*self._sql[name].bind(**values))
        assert row is not None  # noqa: S101 - an aggregate always has its row
        last = None
        if row["more"]:
            last = QueuePosition(selection.sort, row["last_rank"], row["last_at"], row["last_id"])
        return Page(row["rows"], last)

    async def counts(self, *, admin_id: int | None) -> QueueCounts:
        """Count in the partial indexes, and add up the ticket counts."""
        row = await self._database.fetchrow(*self._sql["queue_counts"].bind(admin_id=admin_id))
        assert row is not None  # noqa: S101 - an aggregate always has its row
        return QueueCounts(**row)


def _ordered_query(selection: Selection) -> str | None:
    """Return the query that reads this selection in the order of an index, if there is one."""
    if selection.user_id is not None or not selection.is_of_open_work:
        return None
    if selection.sort is Sort.WAITING and selection.assignee is not None:
        return "queue_of_assignee"
    if selection.sort is Sort.WAITING and selection.waiting_only:
        return "queue_waiting"
    if selection.sort is Sort.ACTIVITY and selection.statuses is not None:
        return "queue_open" if selection.statuses <= {Status.OPEN, Status.IN_PROGRESS} else None
    return None


def _sorting_query(selection: Selection) -> tuple[str, dict[str, object]]:
    """Return the query that reads and sorts the selection's scope, and its own parameters."""
    if selection.user_id is not None:
        return "customer_sorted", {"user_id": selection.user_id}
    return ("open_work_sorted" if selection.is_of_open_work else "unread_sorted"), {}


def _place_in_index(sort: Sort, after: QueuePosition | None) -> dict[str, object]:
    """Return the parameters of a position; a first page starts before or after every ticket."""
    if after is None:
        return {"after_at": "-infinity" if sort.is_ascending else "infinity", "after_id": 0}
    at = "infinity" if after.at is None else after.at.isoformat()
    return {"after_at": at, "after_id": after.id}


def _place_when_sorted(sort: Sort, after: QueuePosition | None) -> dict[str, object]:
    """Return the parameters of an order and a position in it."""
    values: dict[str, object] = {
        "sort": sort,
        "priorities": ",".join(PRIORITY_ORDER),
        "is_ascending": sort.is_ascending,
    }
    if after is None:
        return values | {"after_rank": -1, "after_place": "0", "after_tie": 0}
    sign = 1 if sort.is_ascending else -1
    place = "Infinity" if after.at is None else str(sign * _seconds(after.at))
    return values | {"after_rank": after.rank, "after_place": place, "after_tie": sign * after.id}


def _seconds(moment: datetime) -> Decimal:
    """Return the exact number of seconds since 1970, as `extract(epoch …)` does."""
    since = moment - _EPOCH
    return since.days * 86_400 + since.seconds + Decimal(since.microseconds).scaleb(-6)
