"""The users' side of the API (section 5): a user's own tickets and no others."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from litestar import HttpMethod, Request, Response, get, post, route
from litestar.params import JSONBody

from tickets.adapters.http.access.authentication import USER_SCHEME
from tickets.adapters.http.api.cursors import read_cursor
from tickets.adapters.http.api.idempotency_header import read_idempotency_key
from tickets.adapters.http.api.options import OptionsFirst, allow
from tickets.adapters.http.api.parameters import (
    DEFAULT_PAGE_SIZE,
    DEFAULT_THREAD_SIZE,
    Before,
    Cursor,
    EventsBefore,
    Limit,
    Peek,
    SearchText,
    StatusFilter,
    ThreadLimit,
    TicketId,
    read_filter,
    ticket_search,
    ticket_service,
    ticket_views,
)
from tickets.adapters.http.api.problem_responses import (
    CHANGE_PROBLEMS,
    COUNT_PROBLEMS,
    CREATE_PROBLEMS,
    DETAIL_PROBLEMS,
    LIST_PROBLEMS,
    SEARCH_PROBLEMS,
)
from tickets.adapters.http.api.request_bodies import (
    EMPTY_BODY,
    EmptyBody,
    JSONRequestBody,
    NewTicket,
)
from tickets.adapters.http.api.response_bodies import (
    StatusChanged,
    TicketCreated,
    TicketOpened,
    Unread,
    UserFound,
    UserList,
)
from tickets.adapters.http.api.thread_routes import (
    ThreadController,
    change_headers,
    load_thread,
    thread_response,
)
from tickets.adapters.http.edge.rate_limit_headers import rate_limit_headers
from tickets.adapters.http.litestar_fast.conditional_response import ConditionalResponse
from tickets.adapters.http.litestar_fast.fast_response import FastResponse
from tickets.domain.people import Actor
from tickets.domain.read_models import UserPosition
from tickets.domain.search import SearchQuery
from tickets.domain.ticket import Status

UserRequest = Request[Actor, Any, Any]


class UserTicketsController(OptionsFirst, ThreadController):
    """Routes for a signed-in user."""

    path = "/api/v1/tickets"
    tags = ["account"]  # noqa: RUF012 - as the framework declares it
    security = [{USER_SCHEME: []}]  # noqa: RUF012

    @route("/", http_method=HttpMethod.OPTIONS, include_in_schema=False, sync_to_thread=False)
    def options(self) -> Response[None]:
        """Name the methods of both handlers at this path."""
        return allow("GET", "POST")

    @post(
        "/",
        operation_id="openTicket",
        dto=JSONRequestBody[NewTicket],
        return_dto=None,
        responses=CREATE_PROBLEMS,
    )
    async def open_ticket(
        self,
        request: UserRequest,
        data: JSONBody[NewTicket],
    ) -> FastResponse[TicketCreated]:
        """Open a ticket with its first message. It is unread for the admins."""
        service, user = ticket_service(request), request.user
        ticket = await service.open(
            by=user,
            category=data.category,
            other_category=data.other_category,
            subject=data.subject,
            message=data.message,
            follows=data.follows,
            idempotency_key=await read_idempotency_key(request),
        )
        location = (b"location", _location(request, ticket.id))
        allowance = rate_limit_headers(service.rate_limits.allowance("creates", by=user))
        return FastResponse(TicketCreated.of(ticket), headers=[location, *allowance])

    @post(
        "/{ticket_id:str}/close",
        operation_id="closeTicket",
        dto=JSONRequestBody[EmptyBody],
        return_dto=None,
        responses=CHANGE_PROBLEMS,
        status_code=HTTPStatus.OK,
    )
    async def close_ticket(
        self,
        request: UserRequest,
        ticket_id: TicketId,
        data: JSONBody[EmptyBody] = EMPTY_BODY,  # noqa: ARG002 - refuses any field
    ) -> FastResponse[StatusChanged]:
        """Close the user's own ticket, as solved. Closing it again changes nothing."""
        idempotency_key = await read_idempotency_key(request)
        status = await ticket_service(request).close(
            ticket_id, by=request.user, idempotency_key=idempotency_key
        )
        headers = [] if idempotency_key is None else change_headers(request)
        return FastResponse(StatusChanged(status), headers=headers)

    @get("/", operation_id="listTickets", responses=LIST_PROBLEMS)
    async def list_tickets(
        self,
        request: UserRequest,
        status: StatusFilter = None,
        limit: Limit = DEFAULT_PAGE_SIZE,
        cursor: Cursor = None,
    ) -> ConditionalResponse[UserList]:
        """List the user's tickets, newest `updated_at` first."""
        page = await ticket_views(request).user_list(
            _user_id(request),
            status=read_filter("status", status, Status),
            after=read_cursor(cursor, UserPosition),
            limit=limit,
        )
        return ConditionalResponse(UserList.of(page))

    @get("/search", operation_id="searchTickets", responses=SEARCH_PROBLEMS)
    async def search_tickets(
        self,
        request: UserRequest,
        q: SearchText = None,
        limit: Limit = DEFAULT_PAGE_SIZE,
        cursor: Cursor = None,
    ) -> UserFound:
        """Search the user's own tickets, newest `updated_at` first.

        A ticket is found by its number, or where its subject or one of its messages has all words,
        in any order. Accents, case and apostrophes do not matter. A search that takes too long is
        a 400 that asks for longer words.
        """
        page = await ticket_search(request).own(
            _user_id(request),
            SearchQuery.parse(q),
            after=read_cursor(cursor, UserPosition),
            limit=limit,
        )
        return UserFound.of(page)

    @get("/unread", operation_id="countUnreadTickets", responses=COUNT_PROBLEMS)
    async def count_unread(self, request: UserRequest) -> Unread:
        """Return the user's unread count: how many tickets are unread for the user."""
        return Unread(await ticket_views(request).user_unread(_user_id(request)))

    @get("/{ticket_id:str}", operation_id="getTicket", responses=DETAIL_PROBLEMS)
    async def read_ticket(
        self,
        request: UserRequest,
        ticket_id: TicketId,
        *,
        peek: Peek = None,
        before: Before = None,
        events_before: EventsBefore = None,
        limit: ThreadLimit = DEFAULT_THREAD_SIZE,
    ) -> FastResponse[TicketOpened]:
        """Return a ticket with a page of its thread, oldest message first.

        The newest page marks the ticket read by the user if it holds everything unread. With
        `peek=true` it stays unread; `/read` marks it after it has been shown.
        """
        detail = await load_thread(
            request,
            ticket_id,
            peek=peek,
            before=before,
            events_before=events_before,
            limit=limit,
        )
        return thread_response(
            TicketOpened.of(detail), peek=peek, before=before, events_before=events_before
        )


def _location(request: UserRequest, ticket_id: int) -> bytes:
    """Return the address of a new ticket, relative to this request's (RFC 9110, section 10.2.2).

    A proxy or a host application may serve us under a prefix that we cannot see. Without a slash at
    the end of the request's address a relative one is resolved one level higher.
    """
    base = b"" if request.scope["raw_path"].endswith(b"/") else b"tickets/"
    return b"%s%d" % (base, ticket_id)


def _user_id(request: UserRequest) -> int:
    user_id = request.user.user_id
    assert user_id is not None  # noqa: S101 - the authentication hook sets it
    return user_id
