"""Events of a change as the parameter of the statement that stores the change."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tickets.domain.event import Event


def encode_events(events: Sequence[Event]) -> str | None:
    """Return the JSON array that `insert_events.sql` reads; None where there are no events.

    One JSON parameter, and not an array for each column: for arrays of some types the driver would
    look the type up in the catalogue, three round trips per new connection.
    """
    if not events:
        return None
    return msgspec.json.encode([_record(event) for event in events]).decode()


def _record(event: Event) -> dict[str, object]:
    by, admin = event.by, None if event.by is None else event.by.admin
    return {
        "at": event.at,
        "kind": event.kind,
        "by": "system" if by is None else by.side,
        "admin_id": None if admin is None else admin.id,
        "admin_name": None if admin is None else admin.name,
        "before": event.before,
        "after": event.after,
    }
