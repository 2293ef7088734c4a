"""Path and query parameters that several handlers share, and their access to the core."""

from __future__ import annotations

import re
from typing import Annotated, Any

from litestar import Request
from litestar.openapi.spec import OpenAPIType
from litestar.params import PathParameter, QueryParameter
from litestar.types import BeforeRequestHookHandler

from tickets.application.notes import NoteService
from tickets.application.tickets import TicketService
from tickets.domain.errors import FieldError, InvalidInput
from tickets.domain.ports import Queues, TicketSearch, TicketViews
from tickets.domain.read_models import MAX_PAGE_MESSAGES
from tickets.domain.search import QUERY
from tickets.domain.text_rules import Choice, Validation, label
from tickets.domain.ticket import MAX_ID, Category, Status

MAX_PAGE_SIZE = 200

# Numbers in addresses have one spelling each, the one that the service itself writes. Without
# zeros in front their length is their size, so each pattern bounds what `int` has to convert.
_PAGE_SIZE = re.compile(r"[1-9][0-9]{0,2}")
_TICKET_NUMBER = re.compile(r"0|-?[1-9][0-9]*")
_WITH_ZEROS_IN_FRONT = re.compile(r"-?0[0-9]+")

# Longer ticket numbers are cut to this many digits: far beyond the column, and fast to convert.
_MAX_DIGITS = 20


class TicketNumber(int):
    """A ticket's id in a path. A number beyond the column's range is the id of no ticket."""


class PageSize(int):
    """The maximum number of rows of a page: 1 to 200."""


DEFAULT_PAGE_SIZE = PageSize(50)

DEFAULT_THREAD_SIZE = PageSize(MAX_PAGE_MESSAGES)


NOT_A_TICKET_NUMBER = "must be a whole number such as 7"


def _decode_ticket_number(_kind: type, value: str) -> TicketNumber:
    if not _TICKET_NUMBER.fullmatch(value):
        raise _not_a_number(NOT_A_TICKET_NUMBER, value)
    return TicketNumber(value[:_MAX_DIGITS])


def _decode_page_size(_kind: type, value: str) -> PageSize:
    if not _PAGE_SIZE.fullmatch(value) or int(value) > MAX_PAGE_SIZE:
        raise _not_a_number(f"must be a whole number from 1 to {MAX_PAGE_SIZE}", value)
    return PageSize(value)


def _not_a_number(rule: str, value: str) -> ValueError:
    zeros = ", without zeros in front" if _WITH_ZEROS_IN_FRONT.fullmatch(value) else ""
    return ValueError(f"{rule}{zeros}")


TYPE_DECODERS: Any = [
    (lambda kind: kind is TicketNumber, _decode_ticket_number),
    (lambda kind: kind is PageSize, _decode_page_size),
]
"""For the application. The framework's own decoding of `int` also accepts "7.0" and "1e3"."""

SINGLE_PARAMETERS = (
    *("limit", "cursor", "before", "events_before", "notes_before", "peek"),
    *("status", "category", "assignee", "priority", "unread", "user_id", "sort", "q"),
    *("from", "to"),
)
"""Query parameters that may be given once; the framework would take the last of several."""

TicketId = Annotated[
    TicketNumber,
    PathParameter(
        description="The ticket's id.",
        schema_extra={"type": OpenAPIType.INTEGER, "minimum": 1, "examples": [7]},
    ),
]

Limit = Annotated[
    PageSize,
    QueryParameter(
        description="Maximum number of rows of the page.",
        schema_extra={"type": OpenAPIType.INTEGER, "minimum": 1, "maximum": MAX_PAGE_SIZE},
    ),
]

ThreadLimit = Annotated[
    PageSize,
    QueryParameter(
        description=(
            "Maximum number of messages of the page. It may have fewer, at about two megabytes."
        ),
        schema_extra={"type": OpenAPIType.INTEGER, "minimum": 1, "maximum": MAX_PAGE_MESSAGES},
    ),
]

Before = Annotated[
    str | None,
    QueryParameter(
        description=(
            "The `messages_before` of another page: returns the messages before that one, and "
            "marks nothing read. Absent or empty for the newest messages."
        )
    ),
]

NotesBefore = Annotated[
    str | None,
    QueryParameter(
        description=(
            "The `notes_before` of another response: returns the notes before those, and marks "
            "nothing read. Absent or empty for the newest notes."
        )
    ),
]

EventsBefore = Annotated[
    str | None,
    QueryParameter(
        description=(
            "The `events_before` of another page: returns the events before that one, and marks "
            "nothing read. Absent or empty for the newest events."
        )
    ),
]

StatusFilter = Annotated[
    str | None,
    QueryParameter(
        description="Only tickets with this status; empty is no filter.",
        schema_extra={"enum": ["", *Status]},
    ),
]

CategoryFilter = Annotated[
    str | None,
    QueryParameter(
        description="Only tickets of this category; empty is no filter.",
        schema_extra={"enum": ["", *Category]},
    ),
]

Cursor = Annotated[
    str | None,
    QueryParameter(
        description="The `next_cursor` of the previous page; absent or empty for the first page."
    ),
]

SearchText = Annotated[
    str | None,
    QueryParameter(
        description=(
            "What to search for: words, each as a prefix (a single letter as a whole word), or the "
            "number of a ticket, such as #40."
        ),
        schema_extra={
            "minLength": QUERY.min_length,
            "maxLength": QUERY.max_length,
            "examples": ["invoice 4711"],
        },
    ),
]

Peek = Annotated[
    str | None,
    QueryParameter(
        description="Return the ticket and leave it unread.",
        schema_extra={"enum": ["", "true", "false"]},
    ),
]


def given_twice(parameter: str) -> FieldError:
    """Return the error of a query parameter that is given twice."""
    return FieldError(parameter, f"{label(parameter)} must be given once.")


def refuse_repeated_parameters(authenticate: BeforeRequestHookHandler) -> BeforeRequestHookHandler:
    """Return the hook that authenticates first, then refuses a query parameter given twice.

    It raises `InvalidInput`: a proxy or a log may have read another one of the values.
    """

    async def before_request(request: Request[Any, Any, Any]) -> None:
        await authenticate(request)
        if request.scope["query_string"]:
            given = request.query_params
            errors = [
                given_twice(name) for name in SINGLE_PARAMETERS if len(given.getall(name, ())) > 1
            ]
            if errors:
                raise InvalidInput(errors)

    return before_request


# From the application's state, not by dependency injection: see litestar_fast/README.md.


def ticket_service(request: Request[Any, Any, Any]) -> TicketService:
    """Return the use cases, from the application's state."""
    service: TicketService = request.app.state.ticket_service
    return service


def queues(request: Request[Any, Any, Any]) -> Queues:
    """Return the lists of the open work, from the application's state."""
    lists: Queues = request.app.state.queues
    return lists


def ticket_views(request: Request[Any, Any, Any]) -> TicketViews:
    """Return the read side, from the application's state."""
    views: TicketViews = request.app.state.ticket_views
    return views


def note_service(request: Request[Any, Any, Any]) -> NoteService:
    """Return the use cases of notes, from the application's state."""
    service: NoteService = request.app.state.note_service
    return service


def ticket_search(request: Request[Any, Any, Any]) -> TicketSearch:
    """Return the full-text search, from the application's state."""
    search: TicketSearch = request.app.state.ticket_search
    return search


def read_filter(field: str, value: str | None, choices: type[Choice]) -> Choice | None:
    """Return the value of a filter, None where it is absent or empty; raise `InvalidInput`."""
    if not value:
        return None
    validation = Validation()
    choice = validation.choice(field, value, choices)
    validation.finish()
    return choice


def read_boolean(field: str, value: str | None) -> bool:
    """Return a boolean parameter, False where it is absent or empty; raise `InvalidInput`."""
    if value not in (None, "", "true", "false"):
        raise InvalidInput([FieldError(field, f"{label(field)} must be true or false.")])
    return value == "true"


def read_id(field: str, value: str | None) -> int | None:
    """Return the id in a filter, None where it is absent or empty; raise `InvalidInput`.

    An id beyond the column's range is nobody's.
    """
    if not value:
        return None
    if not _TICKET_NUMBER.fullmatch(value) or value.startswith(("-", "0")):
        raise InvalidInput([FieldError(field, f"{label(field)} must be an id such as 7.")])
    return min(int(value[:_MAX_DIGITS]), MAX_ID)
