"""Full-text search over everybody's tickets, for admins (desk, "Finding")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Controller, Request, get

from tickets.adapters.http.access.authentication import ADMIN_SCHEME
from tickets.adapters.http.api.cursors import next_cursor, read_cursor
from tickets.adapters.http.api.parameters import (
    DEFAULT_PAGE_SIZE,
    Cursor,
    Limit,
    SearchText,
    ticket_search,
)
from tickets.adapters.http.api.problem_responses import SEARCH_PROBLEMS
from tickets.adapters.http.litestar_fast.encoded_json import encoded_json
from tickets.domain.people import Actor
from tickets.domain.read_models import AdminRow, FoundPage, UserPosition
from tickets.domain.search import Match, SearchQuery

AdminRequest = Request[Actor, Any, Any]


@dataclass(slots=True)
class AdminRowFound(AdminRow):
    """A ticket that an admin's search found, and where."""

    match: Match


class AdminFound(msgspec.Struct):
    """A page of what an admin's search found.

    `truncated` says that there is more than was collected. `next_cursor` is the cursor of the next
    page, null on the last.
    """

    tickets: Sequence[AdminRowFound]
    next_cursor: str | None
    truncated: bool

    @classmethod
    def of(cls, page: FoundPage) -> AdminFound:
        """Return the body for a page."""
        return cls(encoded_json(page.rows), next_cursor(page), page.is_truncated)


class SearchController(Controller):
    """The admins' search."""

    path = "/api/v1/tickets/admin"
    tags = ["admin"]  # noqa: RUF012 - as the framework declares it
    security = [{ADMIN_SCHEME: []}]  # noqa: RUF012

    @get("/search", operation_id="searchAllTickets", responses=SEARCH_PROBLEMS)
    async def search_all_tickets(
        self,
        request: AdminRequest,
        q: SearchText = None,
        limit: Limit = DEFAULT_PAGE_SIZE,
        cursor: Cursor = None,
    ) -> AdminFound:
        """Search everybody's tickets, newest `updated_at` first.

        A ticket is found by its number, by the beginning of its user's address, or where its
        subject, a message or an internal note has all words, in any order. Accents, case and
        apostrophes do not matter. A search that takes too long is a 400 that asks for longer words.
        """
        page = await ticket_search(request).everywhere(
            SearchQuery.parse(q), after=read_cursor(cursor, UserPosition), limit=limit
        )
        return AdminFound.of(page)
