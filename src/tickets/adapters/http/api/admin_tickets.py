"""The admins' side of the API (section 5): everybody's tickets."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.params import JSONBody

from tickets.adapters.http.access.authentication import ADMIN_SCHEME
from tickets.adapters.http.api.cursors import read_note_cursor
from tickets.adapters.http.api.idempotency_header import read_idempotency_key
from tickets.adapters.http.api.parameters import (
    DEFAULT_THREAD_SIZE,
    Before,
    EventsBefore,
    NotesBefore,
    Peek,
    ThreadLimit,
    TicketId,
    note_service,
    read_boolean,
    ticket_service,
    ticket_views,
)
from tickets.adapters.http.api.problem_responses import (
    COUNT_PROBLEMS,
    DETAIL_PROBLEMS,
    GROWN_PROBLEMS,
)
from tickets.adapters.http.api.request_bodies import JSONRequestBody
from tickets.adapters.http.api.response_bodies import (
    MessageCreated,
    TicketOpenedByAdmin,
    Unread,
)
from tickets.adapters.http.api.thread_routes import (
    ThreadController,
    load_thread,
    thread_response,
)
from tickets.adapters.http.api.triage_bodies import NewAdminReply
from tickets.adapters.http.litestar_fast.fast_response import FastResponse
from tickets.domain.people import Actor
from tickets.domain.read_models import Stats

AdminRequest = Request[Actor, Any, Any]


class AdminTicketsController(ThreadController):
    """Routes for the admin team."""

    path = "/api/v1/tickets/admin"
    tags = ["admin"]  # noqa: RUF012 - as the framework declares it
    security = [{ADMIN_SCHEME: []}]  # noqa: RUF012

    @get("/stats", operation_id="getStats", responses=COUNT_PROBLEMS)
    async def stats(self, request: AdminRequest) -> Stats:
        """Count tickets by status and by category, and the unread ones (section 10)."""
        return await ticket_views(request).admin_stats()

    @get("/unread", operation_id="countAllUnreadTickets", responses=COUNT_PROBLEMS)
    async def count_unread_by_admins(self, request: AdminRequest) -> Unread:
        """Return the admins' unread count: how many tickets are unread for the admins."""
        return Unread(await ticket_views(request).admin_unread())

    @get("/{ticket_id:str}", operation_id="getTicketAsAdmin", responses=DETAIL_PROBLEMS)
    async def read_any_ticket(
        self,
        request: AdminRequest,
        ticket_id: TicketId,
        *,
        peek: Peek = None,
        before: Before = None,
        events_before: EventsBefore = None,
        notes_before: NotesBefore = None,
        limit: ThreadLimit = DEFAULT_THREAD_SIZE,
    ) -> FastResponse[TicketOpenedByAdmin]:
        """Return a ticket with a page of its thread, its user and the newest notes.

        The newest page marks the ticket read by the admins if it holds everything unread. With
        `peek=true` it stays unread; `/read` marks it after it has been shown.
        """
        before_note = read_note_cursor(notes_before)
        if before_note is not None:
            # older notes do not show what is unread
            read_boolean("peek", peek)
            peek = "true"
        detail = await load_thread(
            request,
            ticket_id,
            peek=peek,
            before=before,
            events_before=events_before,
            limit=limit,
        )
        notes = await note_service(request).page(ticket_id, by=request.user, before=before_note)
        return thread_response(
            TicketOpenedByAdmin.of(detail, notes),
            peek=peek,
            before=before,
            events_before=events_before,
        )

    @post(
        "/{ticket_id:str}/reply",
        operation_id="replyAsAdmin",
        dto=JSONRequestBody[NewAdminReply],
        return_dto=None,
        responses=GROWN_PROBLEMS,
    )
    async def reply(
        self,
        request: AdminRequest,
        ticket_id: TicketId,
        data: JSONBody[NewAdminReply],
    ) -> FastResponse[MessageCreated]:
        """Add a message to the thread, and change the status with it.

        The first named admin who replies to a ticket without an assignee becomes its assignee.
        """
        message = await ticket_service(request).reply(
            ticket_id,
            data.message,
            by=request.user,
            seen=data.seen,
            status=data.status,
            idempotency_key=await read_idempotency_key(request),
        )
        return FastResponse(MessageCreated(message))
