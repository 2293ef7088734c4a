"""Internal notes: what admins write to each other about a ticket (DESK, Notes)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, post
from litestar.openapi.spec import Example
from litestar.params import Body, JSONBody

from tickets.adapters.http.access.authentication import ADMIN_SCHEME
from tickets.adapters.http.api.idempotency_header import read_idempotency_key
from tickets.adapters.http.api.parameters import TicketId, note_service
from tickets.adapters.http.api.problem_responses import CHANGE_PROBLEMS
from tickets.adapters.http.api.request_bodies import JSONRequestBody
from tickets.domain.note import Note
from tickets.domain.people import Actor
from tickets.domain.text_limits import NOTE


class NewNote(msgspec.Struct, forbid_unknown_fields=True):
    """A note to write. Customers never see it."""

    note: Annotated[
        str,
        Body(
            description="The text, normalised like a message before its characters are counted.",
            min_length=NOTE.min_length,
            max_length=NOTE.max_length,
            examples=[Example(value="Called them: it is about invoice 4711.")],
        ),
    ]


class NoteCreated(msgspec.Struct):
    """The note that was written; its `admin` is null for the shared token."""

    note: Note
    success: Literal[True] = True


class NotesController(Controller):
    """Routes of notes; `notes` in the detail of a ticket has them."""

    path = "/api/v1/tickets/admin"
    tags = ["admin"]  # noqa: RUF012 - as the framework declares it
    security = [{ADMIN_SCHEME: []}]  # noqa: RUF012

    @post(
        "/{ticket_id:str}/notes",
        operation_id="addNote",
        dto=JSONRequestBody[NewNote],
        return_dto=None,
        responses=CHANGE_PROBLEMS,
    )
    async def add_note(
        self,
        request: Request[Actor, Any, Any],
        ticket_id: TicketId,
        data: JSONBody[NewNote],
    ) -> NoteCreated:
        """Write an internal note about a ticket. The ticket itself does not change."""
        key = await read_idempotency_key(request)
        note = await note_service(request).add(
            ticket_id, data.note, by=request.user, idempotency_key=key
        )
        return NoteCreated(note)
