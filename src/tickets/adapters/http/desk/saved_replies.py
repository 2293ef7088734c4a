"""Saved replies: texts of the team that admins insert into their replies (DESK, saved replies)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from litestar import HttpMethod, Request, Response, delete, get, post, put, route
from litestar.openapi.spec import Example, OpenAPIType
from litestar.params import Body, JSONBody, PathParameter

from tickets.adapters.http.access.authentication import ADMIN_SCHEME
from tickets.adapters.http.api.idempotency_header import read_idempotency_key
from tickets.adapters.http.api.options import OptionsFirst, allow
from tickets.adapters.http.api.parameters import TicketNumber
from tickets.adapters.http.api.problem_responses import (
    COUNT_PROBLEMS,
    CREATE_PROBLEMS,
    problem_responses,
)
from tickets.adapters.http.api.request_bodies import JSONRequestBody
from tickets.application.saved_replies import SavedReplyService
from tickets.domain.people import Actor
from tickets.domain.saved_reply import SavedReply
from tickets.domain.text_limits import SAVED_REPLY_TEXT, SAVED_REPLY_TITLE

AdminRequest = Request[Actor, Any, Any]

SavedReplyId = Annotated[
    TicketNumber,
    PathParameter(
        description="The id of the saved reply.",
        schema_extra={"type": OpenAPIType.INTEGER, "minimum": 1, "examples": [7]},
    ),
]

_NOT_FOUND = {404: problem_responses(404)[404]}


class SavedReplyTexts(msgspec.Struct, forbid_unknown_fields=True):
    """What a saved reply is to say. Placeholders are stored as they are."""

    title: Annotated[
        str,
        Body(
            description="What the team finds it by, in one line.",
            min_length=SAVED_REPLY_TITLE.min_length,
            max_length=SAVED_REPLY_TITLE.max_length,
            examples=[Example(value="Refund is on its way")],
        ),
    ]
    text: Annotated[
        str,
        Body(
            description=(
                "The text, normalised like a message. `{{customer}}`, `{{ticket}}` and "
                "`{{admin}}` are for the page to fill in."
            ),
            min_length=SAVED_REPLY_TEXT.min_length,
            max_length=SAVED_REPLY_TEXT.max_length,
            examples=[Example(value="Hello {{customer}}, your refund is on its way.")],
        ),
    ]


class SavedReplyList(msgspec.Struct):
    """All saved replies, by title."""

    saved_replies: Sequence[SavedReply]


class SavedReplyStored(msgspec.Struct):
    """The saved reply as it is stored."""

    saved_reply: SavedReply
    success: Literal[True] = True


class SavedRepliesController(OptionsFirst):
    """Routes of saved replies."""

    path = "/api/v1/tickets/admin/saved-replies"
    tags = ["admin"]  # noqa: RUF012 - as the framework declares it
    security = [{ADMIN_SCHEME: []}]  # noqa: RUF012

    @route("/", http_method=HttpMethod.OPTIONS, include_in_schema=False, sync_to_thread=False)
    def options(self) -> Response[None]:
        """Name the methods of both handlers of the list."""
        return allow("GET", "POST")

    @route(
        "/{saved_reply_id:str}",
        http_method=HttpMethod.OPTIONS,
        include_in_schema=False,
        sync_to_thread=False,
    )
    def options_of_one(self) -> Response[None]:
        """Name the methods of both handlers of one saved reply."""
        return allow("DELETE", "PUT")

    @get("/", operation_id="listSavedReplies", responses=COUNT_PROBLEMS)
    async def list_saved_replies(self, request: AdminRequest) -> SavedReplyList:
        """List the saved replies of the team, by title."""
        return SavedReplyList(await _service(request).all(by=request.user))

    @post(
        "/",
        operation_id="addSavedReply",
        dto=JSONRequestBody[SavedReplyTexts],
        return_dto=None,
        responses=CREATE_PROBLEMS,
    )
    async def add_saved_reply(
        self, request: AdminRequest, data: JSONBody[SavedReplyTexts]
    ) -> SavedReplyStored:
        """Add a saved reply."""
        key = await read_idempotency_key(request)
        added = await _service(request).add(
            data.title, data.text, by=request.user, idempotency_key=key
        )
        return SavedReplyStored(added)

    @put(
        "/{saved_reply_id:str}",
        operation_id="changeSavedReply",
        dto=JSONRequestBody[SavedReplyTexts],
        return_dto=None,
        responses=CREATE_PROBLEMS | _NOT_FOUND,
    )
    async def change_saved_reply(
        self,
        request: AdminRequest,
        saved_reply_id: SavedReplyId,
        data: JSONBody[SavedReplyTexts],
    ) -> SavedReplyStored:
        """Replace title and text of a saved reply."""
        key = await read_idempotency_key(request)
        changed = await _service(request).change(
            int(saved_reply_id), data.title, data.text, by=request.user, idempotency_key=key
        )
        return SavedReplyStored(changed)

    @delete(
        "/{saved_reply_id:str}",
        operation_id="deleteSavedReply",
        responses=problem_responses(400, 401, 404, 409, 410, 413, 422, 429, 503),
    )
    async def delete_saved_reply(
        self, request: AdminRequest, saved_reply_id: SavedReplyId
    ) -> Response[None]:
        """Delete a saved reply."""
        key = await read_idempotency_key(request)
        await _service(request).delete(saved_reply_id, by=request.user, idempotency_key=key)
        return Response(None, status_code=204)


def _service(request: AdminRequest) -> SavedReplyService:
    service: SavedReplyService = request.app.state.saved_reply_service
    return service
