"""Routes that users and admins share: reply, mark as read, mark as unread; and the detail."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from litestar import Controller, Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from litestar.types import Method, OperationIDCreator

from tickets.adapters.http.access.same_origin import may_only_peek
from tickets.adapters.http.api.cursors import read_history_cursor, read_thread_cursor
from tickets.adapters.http.api.idempotency_header import read_idempotency_key
from tickets.adapters.http.api.parameters import TicketId, read_boolean, ticket_service
from tickets.adapters.http.api.problem_responses import CHANGE_PROBLEMS, GROWN_PROBLEMS
from tickets.adapters.http.api.request_bodies import (
    EMPTY_BODY,
    EmptyBody,
    JSONRequestBody,
    NewReply,
    Seen,
)
from tickets.adapters.http.api.response_bodies import MessageCreated, UnreadFlag
from tickets.adapters.http.edge.rate_limit_headers import rate_limit_headers
from tickets.adapters.http.edge.security_headers import RawHeader
from tickets.adapters.http.litestar_fast.conditional_response import ConditionalResponse
from tickets.adapters.http.litestar_fast.fast_response import FastResponse
from tickets.domain.people import Actor
from tickets.domain.read_models import TicketDetail

ThreadRequest = Request[Actor, Any, Any]

Body = TypeVar("Body")


async def load_thread(
    request: ThreadRequest,
    ticket_id: int,
    *,
    peek: str | None,
    before: str | None,
    events_before: str | None,
    limit: int,
) -> TicketDetail:
    """Return the ticket with its pages, and mark it read unless that is ruled out.

    Only the newest page marks anything read, as older messages do not show what is unread. Who asks
    for older events has been shown the newest messages before.
    """
    service, ordinal = ticket_service(request), read_thread_cursor(before)
    event = read_history_cursor(events_before)
    if (
        read_boolean("peek", peek)
        or may_only_peek(request)
        or ordinal is not None
        or event is not None
    ):
        return await service.peek(
            ticket_id, by=request.user, before=ordinal, events_before=event, limit=limit
        )
    return await service.read(ticket_id, by=request.user, limit=limit)


def thread_response(
    body: Body, *, peek: str | None, before: str | None, events_before: str | None
) -> FastResponse[Body]:
    """Return the response of a detail; conditional where it marks nothing read.

    A 304 shows nothing, so it must never be what clears a flag.
    """
    marks_nothing = peek == "true" or before or events_before
    return ConditionalResponse(body) if marks_nothing else FastResponse(body)


def change_headers(request: ThreadRequest) -> list[RawHeader]:
    """Return the RateLimit headers of a change with an idempotency key."""
    rate_limits = ticket_service(request).rate_limits
    return rate_limit_headers(rate_limits.allowance("changes", by=request.user))


def _by_side(name: str) -> OperationIDCreator:
    """Return the operation id of a route that both sides have: the admins' is `…AsAdmin`."""

    def operation_id(_handler: HTTPRouteHandler, _method: Method, path: Sequence[object]) -> str:
        return f"{name}AsAdmin" if "admin" in path else name

    return operation_id


class ThreadController(Controller):
    """Routes that are the same for both sides, under each side's path and authentication."""

    @post(
        "/{ticket_id:str}/reply",
        operation_id="replyToTicket",
        dto=JSONRequestBody[NewReply],
        return_dto=None,
        responses=GROWN_PROBLEMS,
    )
    async def reply(
        self,
        request: ThreadRequest,
        ticket_id: TicketId,
        data: JSONBody[NewReply],
    ) -> FastResponse[MessageCreated]:
        """Add a message to the thread; the ticket becomes unread for the other side."""
        service, actor = ticket_service(request), request.user
        idempotency_key = await read_idempotency_key(request)
        message = await service.reply(
            ticket_id, data.message, by=actor, seen=data.seen, idempotency_key=idempotency_key
        )
        allowance = rate_limit_headers(service.rate_limits.allowance("replies", by=actor))
        return FastResponse(MessageCreated(message), headers=allowance)

    @post(
        "/{ticket_id:str}/read",
        operation_id=_by_side("markTicketRead"),
        dto=JSONRequestBody[Seen],
        return_dto=None,
        responses=CHANGE_PROBLEMS,
        status_code=HTTPStatus.OK,
    )
    async def acknowledge(
        self,
        request: ThreadRequest,
        ticket_id: TicketId,
        data: JSONBody[Seen],
    ) -> FastResponse[UnreadFlag]:
        """Mark a ticket read by the caller's side, unless it has more messages than were seen."""
        idempotency_key = await read_idempotency_key(request)
        unread = await ticket_service(request).acknowledge(
            ticket_id, data.seen, by=request.user, idempotency_key=idempotency_key
        )
        headers = [] if idempotency_key is None else change_headers(request)
        return FastResponse(UnreadFlag(unread), headers=headers)

    @post(
        "/{ticket_id:str}/unread",
        operation_id=_by_side("markTicketUnread"),
        dto=JSONRequestBody[EmptyBody],
        return_dto=None,
        responses=CHANGE_PROBLEMS,
        status_code=HTTPStatus.OK,
    )
    async def mark_unread(
        self,
        request: ThreadRequest,
        ticket_id: TicketId,
        data: JSONBody[EmptyBody] = EMPTY_BODY,  # noqa: ARG002 - refuses any field
    ) -> FastResponse[UnreadFlag]:
        """Mark a ticket unread for the caller's side, to come back to it later."""
        idempotency_key = await read_idempotency_key(request)
        unread = await ticket_service(request).mark_unread(
            ticket_id, by=request.user, idempotency_key=idempotency_key
        )
        headers = [] if idempotency_key is None else change_headers(request)
        return FastResponse(UnreadFlag(unread), headers=headers)
