"""What both sides do to a thread, each by its own rights: answer, mark as read, mark as unread."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from litestar import Controller, Request, post
from litestar.params import JSONBody

from tickets.adapters.http.answers import Answer
from tickets.adapters.http.bodies import MessageCreated, ReadingNoted
from tickets.adapters.http.forms import NOTHING, JSONForm, NewReply, Nothing, Seen
from tickets.adapters.http.once import once_of
from tickets.adapters.http.openapi import NOTING, REPLYING
from tickets.adapters.http.parameters import TicketId, desk_of
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
    ) -> Answer[MessageCreated]:
        """Add a message to the thread; the ticket becomes unread for the other side."""
        desk, actor = desk_of(request), request.user
        once = await once_of(request)
        message = await desk.reply(ticket_id, data.message, by=actor, seen=data.seen, once=once)
        standing = rate_headers(desk.limits.standing("replies", by=actor))
        return Answer(MessageCreated(message), headers=standing)

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
    ) -> ReadingNoted:
        """Mark a ticket read by one's own side, unless more messages are there than were seen."""
        once = await once_of(request)
        noted = desk_of(request).acknowledge(ticket_id, data.seen, by=request.user, once=once)
        return ReadingNoted(await noted)

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
        data: JSONBody[Nothing] = NOTHING,  # noqa: ARG002 - nothing else may be sent
    ) -> ReadingNoted:
        """Mark a ticket unread by one's own side, to come back to it later."""
        once = await once_of(request)
        noted = desk_of(request).mark_unread(ticket_id, by=request.user, once=once)
        return ReadingNoted(await noted)
