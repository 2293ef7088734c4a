"""What both sides do to a thread, each by its own rights: answer, mark as read, mark as unread."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from litestar import Controller, Request, Response, post
from litestar.params import JSONBody

from tickets.adapters.http.bodies import MessageCreated, ReadingNoted
from tickets.adapters.http.forms import NOTHING, JSONForm, NewReply, Nothing, Seen
from tickets.adapters.http.once import TheOnce
from tickets.adapters.http.openapi import NOTING, REPLYING
from tickets.adapters.http.parameters import TheDesk, TicketId
from tickets.adapters.http.rates import rate_headers
from tickets.domain.ticket import Actor

ThreadRequest = Request[Actor, Any, Any]


class ThreadController(Controller):
    """The routes that are the same on both sides, under each side's own path and guard."""

    @post("/{ticket_id:str}/reply", dto=JSONForm[NewReply], return_dto=None, responses=REPLYING)
    async def reply(
        self,
        request: ThreadRequest,
        ticket_id: TicketId,
        data: JSONBody[NewReply],
        desk: TheDesk,
        once: TheOnce,
    ) -> Response[MessageCreated]:
        """Add a message to the thread; the ticket becomes unread for the other side."""
        message = await desk.reply(
            ticket_id, data.message, by=request.user, seen=data.seen, once=once
        )
        standing = rate_headers(desk.limits.standing("replies", by=request.user))
        return Response(MessageCreated(message), headers=standing)

    @post(
        "/{ticket_id:str}/read",
        dto=JSONForm[Seen],
        return_dto=None,
        responses=NOTING,
        status_code=HTTPStatus.OK,
    )
    async def acknowledge(
        self,
        request: ThreadRequest,
        ticket_id: TicketId,
        data: JSONBody[Seen],
        desk: TheDesk,
        once: TheOnce,
    ) -> ReadingNoted:
        """Mark a ticket read by one's own side, unless more messages are there than were seen."""
        return ReadingNoted(
            await desk.acknowledge(ticket_id, data.seen, by=request.user, once=once)
        )

    @post(
        "/{ticket_id:str}/unread",
        dto=JSONForm[Nothing],
        return_dto=None,
        responses=NOTING,
        status_code=HTTPStatus.OK,
    )
    async def mark_unread(
        self,
        request: ThreadRequest,
        ticket_id: TicketId,
        desk: TheDesk,
        once: TheOnce,
        data: JSONBody[Nothing] = NOTHING,  # noqa: ARG002 - nothing else may be sent
    ) -> ReadingNoted:
        """Mark a ticket unread by one's own side, to come back to it later."""
        return ReadingNoted(await desk.mark_unread(ticket_id, by=request.user, once=once))
