"""The user's side of the API (section 5): a user's own tickets, and nobody else's."""

from __future__ import annotations

from typing import Any

from litestar import HttpMethod, Request, Response, get, post, route
from litestar.params import JSONBody

from tickets.adapters.http.access.failed_sign_ins import rate_limit_headers
from tickets.adapters.http.api.cursors import next_cursor, read_cursor
from tickets.adapters.http.api.idempotency_header import read_idempotency_key
from tickets.adapters.http.api.parameters import (
    DEFAULT_PAGE_SIZE,
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
from tickets.adapters.http.api.request_bodies import JSONRequestBody, NewTicket
from tickets.adapters.http.api.response_bodies import (
    TicketCreated,
    TicketOpened,
    Unread,
    UserList,
)
from tickets.adapters.http.api.thread_routes import ThreadController
from tickets.adapters.http.litestar_fast.fast_response import FastResponse
from tickets.adapters.http.openapi.config import (
    COUNTING,
    CREATING,
    READING,
    READING_ONE,
    USER_SCHEME,
)
from tickets.domain.people import Actor
from tickets.domain.read_models import UserPosition
from tickets.domain.ticket import Status

UserRequest = Request[Actor, Any, Any]


class UserTicketsController(ThreadController):
    """What a signed-in user does."""

    path = "/api/v1/tickets"
    tags = ["account"]  # noqa: RUF012 - as the framework declares it
    security = [{USER_SCHEME: []}]  # noqa: RUF012

    # Where an address has two handlers, the framework's own answer names the methods of one of them. Handlers are
    # registered by name, and what answers OPTIONS has to be there first: hence `a…`.
    @route("/", http_method=HttpMethod.OPTIONS, include_in_schema=False, sync_to_thread=False)
    def allowed_methods(self) -> Response[None]:
        """Name the methods that this address takes."""
        return Response(None, status_code=204, headers={"Allow": "GET, OPTIONS, POST"})

    @post("/", dto=JSONRequestBody[NewTicket], return_dto=None, responses=CREATING)
    async def open_ticket(
        self,
        request: UserRequest,
        data: JSONBody[NewTicket],
    ) -> FastResponse[TicketCreated]:
        """Open a ticket with its first message; it is unread for the admins."""
        service, user = ticket_service(request), request.user
        ticket = await service.open(
            by=user,
            category=data.category,
            other_category=data.other_category,
            subject=data.subject,
            message=data.message,
            idempotency_key=await read_idempotency_key(request),
        )
        location = (b"location", f"{self.path}/{ticket.id}".encode())
        allowance = rate_limit_headers(service.rate_limits.allowance("creates", by=user))
        return FastResponse(TicketCreated.of(ticket), headers=[location, *allowance])

    @get("/", responses=READING)
    async def list_tickets(
        self,
        request: UserRequest,
        status: StatusFilter = None,
        limit: Limit = DEFAULT_PAGE_SIZE,
        cursor: Cursor = None,
    ) -> UserList:
        """List the user's tickets, newest `updated_at` first."""
        page = await views_of(request).user_list(
            _user_id(request),
            status=read_filter("status", status, Status),
            after=read_cursor(cursor, UserPosition),
            limit=limit,
        )
        return UserList(page.rows, next_cursor(page))

    @get("/unread", responses=COUNTING)
    async def count_unread(self, request: UserRequest) -> Unread:
        """Count the user's tickets that hold something unread: the badge."""
        return Unread(await views_of(request).user_unread(_user_id(request)))

    @get("/{ticket_id:str}", responses=READING_ONE)
    async def read_ticket(
        self, request: UserRequest, ticket_id: TicketId, peek: Peek = None
    ) -> TicketOpened:
        """Show a ticket with its thread, oldest message first, and mark it read by the user.

        With `peek=true` it stays as it is; `/read` marks it once it has been shown.
        """
        service = ticket_service(request)
        show = service.peek if read_switch("peek", peek) else service.read
        return TicketOpened.of(await show(ticket_id, by=request.user))


def _user_id(request: UserRequest) -> int:
    user_id = request.user.user_id
    assert user_id is not None  # noqa: S101 - the guard lets users alone in
    return user_id
