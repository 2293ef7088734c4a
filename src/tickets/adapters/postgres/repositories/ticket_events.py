"""Events of a change as the parameters of the statement that stores the change."""

from __future__ import annotations

from collections.abc import Sequence

from tickets.domain.event import Event

_NO_EVENTS = dict.fromkeys(
    ("events", "event_at", "event_by", "event_admin_id", "event_admin_name"), None
)


def event_values(events: Sequence[Event]) -> dict[str, object]:
    """Return the parameters of `insert_events.sql`, all None where there are no events.

    The events of one change have one moment and one author; raises `ValueError` for others. One
    array of texts, and not one for each column: each of them costs the statement a function scan.
    """
    if not events:
        return _NO_EVENTS
    at, by = events[0].at, events[0].by
    flat: list[str | None] = []
    for event in events:
        if event.at != at or event.by != by:
            raise ValueError("events of one change have different moments or authors")
        flat += (event.kind, event.before, event.after)
    admin = None if by is None else by.admin
    return {
        "events": flat,
        "event_at": at,
        "event_by": "system" if by is None else by.side,
        "event_admin_id": None if admin is None else admin.id,
        "event_admin_name": None if admin is None else admin.name,
    }
