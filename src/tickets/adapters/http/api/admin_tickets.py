"""The admins' side of the API (section 5): everybody's tickets."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, put
from litestar.params import JSONBody

from tickets.adapters.http.api.cursors import next_cursor, read_cursor
from tickets.adapters.http.api.idempotency_header import read_idempotency_key
from tickets.adapters.http.api.parameters import (
    DEFAULT_PAGE_SIZE,
    CategoryFilter,
    Cursor,
    Limit,
    Peek,
    StatusFilter,
    TicketId,
    read_filter,
    read_switch,
    ticket_service,
    views_of,
)
from tickets.adapters.http.api.request_bodies import JSONRequestBody, NewStatus
from tickets.adapters.http.api.response_bodies import (
    AdminList,
    StatusChanged,
    TicketOpenedByAdmin,
    Unread,
)
from tickets.adapters.http.api.thread_routes import ThreadController
from tickets.adapters.http.openapi.config import (
    ADMIN_SCHEME,
    COUNTING,
    NOTING,
    READING,
    READING_ONE,
)
from tickets.domain.people import Actor
from tickets.domain.read_models import AdminPosition, Stats
from tickets.domain.ticket import Category, Status

AdminRequest = Request[Actor, Any, Any]


class AdminTicketsController(ThreadController):
    """What the admin team does."""

    path = "/api/v1/tickets/admin"
    tags = ["admin"]  # noqa: RUF012 - as the framework declares it
    security = [{ADMIN_SCHEME: []}]  # noqa: RUF012

    @get("/all", responses=READING)
    async def list_all_tickets(
        self,
        request: AdminRequest,
        status: StatusFilter = None,
        category: CategoryFilter = None,
        limit: Limit = DEFAULT_PAGE_SIZE,
        cursor: Cursor = None,
    ) -> AdminList:
        """List everybody's tickets, unread first, then newest `updated_at`."""
        page = await views_of(request).admin_list(
            status=read_filter("status", status, Status),
            category=read_filter("category", category, Category),
            after=read_cursor(cursor, AdminPosition),
            limit=limit,
        )
        return AdminList(page.rows, next_cursor(page))

    @get("/stats", responses=COUNTING)
    async def stats(self, request: AdminRequest) -> Stats:
        """Count tickets by status and category, and the unread ones (section 10)."""
        return await views_of(request).admin_stats()

    @get("/unread", responses=COUNTING)
    async def count_unread_by_admins(self, request: AdminRequest) -> Unread:
        """Count the tickets that hold something unread for the admins: the badge."""
        return Unread(await views_of(request).admin_unread())

    @get("/{ticket_id:str}", responses=READING_ONE)
    async def read_any_ticket(
        self, request: AdminRequest, ticket_id: TicketId, peek: Peek = None
    ) -> TicketOpenedByAdmin:
        """Show a ticket with its thread and whose it is, and mark it read by the admins.

        With `peek=true` it stays as it is; `/read` marks it once it has been shown.
        """
        service = ticket_service(request)
        show = service.peek if read_switch("peek", peek) else service.read
        return TicketOpenedByAdmin.of(await show(ticket_id, by=request.user))

    @put(
        "/{ticket_id:str}/status", dto=JSONRequestBody[NewStatus], return_dto=None, responses=NOTING
    )
    async def change_status(
        self,
        request: AdminRequest,
        ticket_id: TicketId,
        data: JSONBody[NewStatus],
    ) -> StatusChanged:
        """Move the ticket to a status, any from any; the same one again changes nothing."""
        idempotency_key = await read_idempotency_key(request)
        moved = ticket_service(request).change_status(
            ticket_id, data.status, by=request.user, idempotency_key=idempotency_key
        )
        return StatusChanged(await moved)
