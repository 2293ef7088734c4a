"""Routes by which admins change a ticket: status, assignee, priority, handled, opening for a user.

`was` in a body is optimistic locking of one value: the change is refused where that has changed.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Controller, Request, post, put
from litestar.params import JSONBody

from tickets.adapters.http.access.authentication import ADMIN_SCHEME
from tickets.adapters.http.api.idempotency_header import read_idempotency_key
from tickets.adapters.http.api.parameters import TicketId, ticket_service
from tickets.adapters.http.api.problem_responses import (
    GROWN_PROBLEMS,
    ON_BEHALF_PROBLEMS,
    VALUE_PROBLEMS,
)
from tickets.adapters.http.api.request_bodies import JSONRequestBody, Seen
from tickets.adapters.http.api.response_bodies import StatusChanged
from tickets.adapters.http.api.triage_bodies import (
    AssigneeChanged,
    CreatedOnBehalf,
    Handled,
    NewAssignee,
    NewPriority,
    NewStatus,
    NewTicketOnBehalf,
    PriorityChanged,
)
from tickets.adapters.http.litestar_fast.fast_response import FastResponse
from tickets.domain.assignment import ShownAssignee
from tickets.domain.people import Actor

AdminRequest = Request[Actor, Any, Any]


class TriageController(Controller):
    """Routes for what admins decide about a ticket, beside answering it."""

    path = "/api/v1/tickets/admin"
    tags = ["admin"]  # noqa: RUF012 - as the framework declares it
    security = [{ADMIN_SCHEME: []}]  # noqa: RUF012

    @post(
        "/tickets",
        operation_id="openTicketForCustomer",
        dto=JSONRequestBody[NewTicketOnBehalf],
        return_dto=None,
        responses=ON_BEHALF_PROBLEMS,
    )
    async def open_on_behalf(
        self, request: AdminRequest, data: JSONBody[NewTicketOnBehalf]
    ) -> FastResponse[CreatedOnBehalf]:
        """Open a ticket for a customer, with the admin's message first. Nobody waits."""
        ticket = await ticket_service(request).open_on_behalf(
            by=request.user,
            user_id=data.user_id,
            email=data.email,
            category=data.category,
            other_category=data.other_category,
            subject=data.subject,
            message=data.message,
            idempotency_key=await read_idempotency_key(request),
        )
        # relative to this request's address, as for a user's new ticket
        base = b"../" if request.scope["raw_path"].endswith(b"/") else b""
        return FastResponse(
            CreatedOnBehalf.of(ticket), headers=[(b"location", b"%s%d" % (base, ticket.id))]
        )

    @put(
        "/{ticket_id:str}/status",
        operation_id="changeStatus",
        dto=JSONRequestBody[NewStatus],
        return_dto=None,
        responses=VALUE_PROBLEMS,
    )
    async def change_status(
        self, request: AdminRequest, ticket_id: TicketId, data: JSONBody[NewStatus]
    ) -> StatusChanged:
        """Change the ticket's status, from any to any. The same status again changes nothing."""
        status = await ticket_service(request).change_status(
            ticket_id,
            data.status,
            by=request.user,
            was=data.was,
            idempotency_key=await read_idempotency_key(request),
        )
        return StatusChanged(status)

    @put(
        "/{ticket_id:str}/assignee",
        operation_id="assignTicket",
        dto=JSONRequestBody[NewAssignee],
        return_dto=None,
        responses=VALUE_PROBLEMS,
    )
    async def assign(
        self, request: AdminRequest, ticket_id: TicketId, data: JSONBody[NewAssignee]
    ) -> AssigneeChanged:
        """Make an admin responsible for the ticket, or nobody with null."""
        was = None if data.was is msgspec.UNSET else ShownAssignee(data.was)
        assigned = await ticket_service(request).assign(
            ticket_id,
            data.assignee,
            by=request.user,
            was=was,
            idempotency_key=await read_idempotency_key(request),
        )
        return AssigneeChanged(assigned.assignee)

    @put(
        "/{ticket_id:str}/priority",
        operation_id="setPriority",
        dto=JSONRequestBody[NewPriority],
        return_dto=None,
        responses=VALUE_PROBLEMS,
    )
    async def set_priority(
        self, request: AdminRequest, ticket_id: TicketId, data: JSONBody[NewPriority]
    ) -> PriorityChanged:
        """Change the ticket's priority, which its customer sees."""
        priority = await ticket_service(request).set_priority(
            ticket_id,
            data.priority,
            by=request.user,
            was=data.was,
            idempotency_key=await read_idempotency_key(request),
        )
        return PriorityChanged(priority)

    @post(
        "/{ticket_id:str}/handled",
        operation_id="markHandled",
        dto=JSONRequestBody[Seen],
        return_dto=None,
        responses=GROWN_PROBLEMS,
        status_code=HTTPStatus.OK,
    )
    async def mark_handled(
        self, request: AdminRequest, ticket_id: TicketId, data: JSONBody[Seen]
    ) -> Handled:
        """Record that the customer needs no answer. Read and unread stay as they are."""
        await ticket_service(request).mark_handled(
            ticket_id,
            data.seen,
            by=request.user,
            idempotency_key=await read_idempotency_key(request),
        )
        return Handled()
