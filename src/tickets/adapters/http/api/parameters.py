"""What several handlers take: path and query parameters, as they are read and described, and the core."""

from __future__ import annotations

import re
from typing import Annotated, Any

from litestar import Request
from litestar.openapi.spec import OpenAPIType
from litestar.params import PathParameter, QueryParameter

from tickets.application.tickets import TicketService
from tickets.domain.errors import FieldError, InvalidInput
from tickets.domain.ports import TicketViews
from tickets.domain.text_rules import Choice, Validation, label
from tickets.domain.ticket import Category, Status

MAX_PAGE_SIZE = 200

_WHOLE_NUMBER = re.compile(r"-?[0-9]+", re.ASCII)

# Longer numbers are cut to this many digits: far beyond every bound here, and quick to convert.
_DIGITS = 20


class TicketNumber(int):
    """A ticket's id as it stands in a path; one that no column could hold is nobody's ticket."""


class PageSize(int):
    """How many rows a page may have: 1 to 200."""


DEFAULT_PAGE_SIZE = PageSize(50)


def _read_ticket_number(_kind: type, value: str) -> TicketNumber:
    if not _WHOLE_NUMBER.fullmatch(value):
        message = "must be a whole number"
        raise ValueError(message)
    return TicketNumber(value[:_DIGITS])


def _read_page_size(_kind: type, value: str) -> PageSize:
    if not _WHOLE_NUMBER.fullmatch(value) or not 1 <= int(value[:_DIGITS]) <= MAX_PAGE_SIZE:
        message = f"must be a whole number from 1 to {MAX_PAGE_SIZE}"
        raise ValueError(message)
    return PageSize(value)


TYPE_DECODERS: Any = [
    (lambda kind: kind is TicketNumber, _read_ticket_number),
    (lambda kind: kind is PageSize, _read_page_size),
]
"""For the application. The framework's own reading of an `int` also takes "7.0" and "1e3"."""

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
        description="Rows of a page.",
        schema_extra={"type": OpenAPIType.INTEGER, "minimum": 1, "maximum": MAX_PAGE_SIZE},
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
    QueryParameter(description="What `next_cursor` gave; absent or empty for the first page."),
]

Peek = Annotated[
    str | None,
    QueryParameter(
        description="Show the ticket and leave it unread.",
        schema_extra={"enum": ["", "true", "false"]},
    ),
]

# The application's state and not the framework's injection, which takes longer for two of them than a statement does.


def ticket_service(request: Request[Any, Any, Any]) -> TicketService:
    """Return the use cases."""
    service: TicketService = request.app.state.ticket_service
    return service


def views_of(request: Request[Any, Any, Any]) -> TicketViews:
    """Return the read side."""
    views: TicketViews = request.app.state.views
    return views


def read_filter(field: str, value: str | None, choices: type[Choice]) -> Choice | None:
    """Return what a filter asks for, None where it is absent or empty; raise `InvalidInput`."""
    if not value:
        return None
    form = Validation()
    choice = form.choice(field, value, choices)
    form.finish()
    return choice


def read_switch(field: str, value: str | None) -> bool:
    """Return whether a switch is on, off where it is absent or empty; raise `InvalidInput`."""
    if value not in (None, "", "true", "false"):
        raise InvalidInput([FieldError(field, f"{label(field)} must be true or false.")])
    return value == "true"
