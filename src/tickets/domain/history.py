"""The history of a ticket: pages of its events, as its reader may see them (DESK, Notes)."""

from __future__ import annotations

from dataclasses import dataclass

MAX_PAGE_EVENTS = 100
"""Events that a page of the history holds at most: the newest."""


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of a ticket's history: a JSON array of events, oldest first.

    `previous` is the id of the page's oldest event where there are older ones, else None: the next
    page has the events with ids below it.
    """

    events: bytes
    previous: int | None


NO_HISTORY = HistoryPage(b"[]", None)
"""The history of a ticket to which nothing has happened yet."""
