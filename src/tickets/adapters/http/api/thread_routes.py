"""What both sides do to a thread, each by its own rights: answer, mark as read, mark as unread."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from litestar import Controller, Request, post
from litestar.params import JSONBody

from tickets.adapters.http.access.failed_sign_ins import rate_limit_headers
from tickets.adapters.http.api.idempotency_header import read_idempotency_key
from tickets.adapters.http.api.parameters import TicketId, ticket_service
from tickets.adapters.http.api.request_bodies import (
    NOTHING,
    JSONRequestBody,
    NewReply,
    Nothing,
    Seen,
)
from tickets.adapters.http.api.response_bodies import MessageCreated, ReadingNoted
from tickets.adapters.http.litestar_fast.fast_response import FastResponse
from tickets.adapters.http.openapi.config import NOTING, REPLYING
from tickets.domain.people import Actor

ThreadRequest = Request[Actor, Any, Any]


class ThreadController(Controller):
    """The routes that are the same on both sides, under each side's own path and guard."""

    @post(
        "/{ticket_id:str}/reply", dto=JSONRequestBody[NewReply], return_dto=None, responses=REPLYING
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
        dto=JSONRequestBody[Seen],
        return_dto=None,
        responses=NOTING,
        status_code=HTTPStatus.OK,
    )
    async def acknowledge(
        self,
        request: ThreadRequest,
        ticket_id: TicketId,
        data: JSONBody[Seen],
    ) -> ReadingNoted:
        """Mark a ticket read by one's own side, unless more messages are there than were seen."""
        idempotency_key = await read_idempotency_key(request)
        noted = ticket_service(request).acknowledge(
            ticket_id, data.seen, by=request.user, idempotency_key=idempotency_key
        )
        return ReadingNoted(await noted)

    @post(
        "/{ticket_id:str}/unread",
        dto=JSONRequestBody[Nothing],
        return_dto=None,
        responses=NOTING,
        status_code=HTTPStatus.OK,
    )
    async def mark_unread(
        self,
        request: ThreadRequest,
        ticket_id: TicketId,
        data: JSONBody[Nothing] = NOTHING,  # noqa: ARG002 - nothing else may be sent
    ) -> ReadingNoted:
        """Mark a ticket unread by one's own side, to come back to it later."""
        idempotency_key = await read_idempotency_key(request)
        noted = ticket_service(request).mark_unread(
            ticket_id, by=request.user, idempotency_key=idempotency_key
        )
        return ReadingNoted(await noted)
