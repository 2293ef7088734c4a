"""Lists of tickets for admins: named queues, and the whole list with filters and orders (DESK)."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, Request, get
from litestar.params import PathParameter, QueryParameter

from tickets.adapters.http.access.authentication import ADMIN_SCHEME
from tickets.adapters.http.api.cursors import read_cursor, read_queue_cursor
from tickets.adapters.http.api.parameters import (
    DEFAULT_PAGE_SIZE,
    CategoryFilter,
    Cursor,
    Limit,
    StatusFilter,
    queues,
    read_boolean,
    read_filter,
    read_id,
    ticket_views,
)
from tickets.adapters.http.api.problem_responses import (
    CONDITIONAL_COUNT_PROBLEMS,
    LIST_PROBLEMS,
    problem_responses,
)
from tickets.adapters.http.api.response_bodies import AdminList
from tickets.adapters.http.litestar_fast.conditional_response import ConditionalResponse
from tickets.domain.errors import QueueNotFound
from tickets.domain.people import Actor
from tickets.domain.queues import (
    NOBODY,
    Queue,
    QueueCounts,
    Selection,
    Sort,
    select_queue,
)
from tickets.domain.read_models import AdminPosition
from tickets.domain.status import Category, Priority, Status

DeskRequest = Request[Actor, Any, Any]

ME, NONE = "me", "none"

AssigneeFilter = Annotated[
    str | None,
    QueryParameter(
        description=(
            "Only tickets of this admin: an id, `me`, or `none` for nobody's. A disabled admin's "
            "tickets are nobody's. Empty is no filter."
        ),
        schema_extra={"examples": [ME, NONE, "3"]},
    ),
]

PriorityFilter = Annotated[
    str | None,
    QueryParameter(
        description="Only tickets of this priority; empty is no filter.",
        schema_extra={"enum": ["", *Priority]},
    ),
]

UnreadFilter = Annotated[
    str | None,
    QueryParameter(
        description="With `true`, only tickets that are unread for the admins.",
        schema_extra={"enum": ["", "true", "false"]},
    ),
]

UserFilter = Annotated[
    str | None,
    QueryParameter(
        description="Only this user's tickets; empty is no filter.",
        schema_extra={"examples": ["7"]},
    ),
]

SortParameter = Annotated[
    str | None,
    QueryParameter(
        description=(
            "`activity`: newest `updated_at` first. `waiting`: those whose customer waits first, "
            "longest first. `priority`: urgent first. `unread`, absent or empty: unread first, "
            "then newest."
        ),
        schema_extra={"enum": ["", *Sort]},
    ),
]

QueueName = Annotated[
    str,
    PathParameter(
        description="The queue's name; any other is a 404.",
        schema_extra={"enum": list(Queue)},
    ),
]


class QueuesController(Controller):
    """The admins' list and its named presets."""

    path = "/api/v1/tickets/admin"
    tags = ["admin"]  # noqa: RUF012 - as the framework declares it
    security = [{ADMIN_SCHEME: []}]  # noqa: RUF012

    @get("/all", operation_id="listAllTickets", responses=LIST_PROBLEMS)
    async def list_all_tickets(
        self,
        request: DeskRequest,
        *,
        status: StatusFilter = None,
        category: CategoryFilter = None,
        assignee: AssigneeFilter = None,
        priority: PriorityFilter = None,
        unread: UnreadFilter = None,
        user_id: UserFilter = None,
        sort: SortParameter = None,
        limit: Limit = DEFAULT_PAGE_SIZE,
        cursor: Cursor = None,
    ) -> ConditionalResponse[AdminList]:
        """List everybody's tickets, unread first, then newest `updated_at`, unless sorted.

        A combination that would have to look at every closed ticket is refused: it needs a status
        other than closed, `unread=true`, or a `user_id`.
        """
        chosen_status = read_filter("status", status, Status)
        chosen_assignee = _read_assignee(assignee, request.user)
        selection = Selection(
            statuses=None if chosen_status is None else frozenset({chosen_status}),
            category=read_filter("category", category, Category),
            assignee=chosen_assignee,
            priority=read_filter("priority", priority, Priority),
            unread_only=read_boolean("unread", unread),
            user_id=read_id("user_id", user_id),
            sort=read_filter("sort", sort, Sort) or Sort.UNREAD,
        )
        selection.check_bounded()
        if selection.is_plain:
            plain = await ticket_views(request).admin_list(
                status=chosen_status,
                category=selection.category,
                after=read_cursor(cursor, AdminPosition),
                limit=limit,
            )
            return ConditionalResponse(AdminList.of(plain))
        return await _page(request, selection, cursor=cursor, limit=limit)

    @get(
        "/queue/{queue:str}",
        operation_id="listQueue",
        responses=LIST_PROBLEMS | problem_responses(404),
    )
    async def list_queue(
        self,
        request: DeskRequest,
        queue: QueueName,
        *,
        category: CategoryFilter = None,
        assignee: AssigneeFilter = None,
        priority: PriorityFilter = None,
        unread: UnreadFilter = None,
        limit: Limit = DEFAULT_PAGE_SIZE,
        cursor: Cursor = None,
    ) -> ConditionalResponse[AdminList]:
        """List a queue.

        `waiting`: somebody waits for an answer, longest first. `mine`: assigned to the caller and
        not closed; empty for the shared token. `unassigned`: nobody's and not closed. Both have
        those that wait first. `open`: neither resolved nor closed, newest activity first.
        """
        if queue not in list(Queue):
            raise QueueNotFound
        selection = select_queue(
            Queue(queue),
            by=request.user,
            category=read_filter("category", category, Category),
            assignee=_read_assignee(assignee, request.user),
            priority=read_filter("priority", priority, Priority),
            unread_only=read_boolean("unread", unread),
        )
        return await _page(request, selection, cursor=cursor, limit=limit)

    @get("/queues", operation_id="countQueues", responses=CONDITIONAL_COUNT_PROBLEMS)
    async def count_queues(self, request: DeskRequest) -> ConditionalResponse[QueueCounts]:
        """Count the tickets of each queue, and those that are resolved, closed, unread."""
        admin = request.user.admin
        counts = await queues(request).counts(admin_id=None if admin is None else admin.id)
        return ConditionalResponse(counts)


async def _page(
    request: DeskRequest, selection: Selection | None, *, cursor: str | None, limit: int
) -> ConditionalResponse[AdminList]:
    """Return a page of a selection; an empty one where there is no selection."""
    if selection is None:
        return ConditionalResponse(AdminList([], None))
    after = read_queue_cursor(cursor, selection.sort)
    page = await queues(request).page(selection, after=after, limit=limit)
    return ConditionalResponse(AdminList.of(page))


_NO_ADMIN = -1
"""Stands for `me` where the caller holds the shared token: no ticket is assigned to it."""


def _read_assignee(value: str | None, caller: Actor) -> int | None:
    """Return the assignee of a filter: an admin's id or `NOBODY`; None is no filter."""
    if value == NONE:
        return NOBODY
    if value == ME:
        return _NO_ADMIN if caller.admin is None else caller.admin.id
    return read_id("assignee", value)
