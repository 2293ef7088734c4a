"""Problem details (RFC 9457): the one shape of every error body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from litestar import Response

from tickets.domain.errors import FieldError, HealthProblem
from tickets.domain.message import Message
from tickets.domain.people import NamedAdmin

MEDIA_TYPE = "application/problem+json"

INTERNAL_ERROR_DETAIL = "Something went wrong on our side. It has been logged."

NOT_FOUND_DETAIL = "There is nothing at this address."

RETRY_AFTER_SECONDS = 5
"""`Retry-After` of a 503: the fault is the service's own and will pass."""


class Problem(msgspec.Struct, omit_defaults=True):
    """Problem details (RFC 9457). `detail` is a sentence that a person can be shown."""

    type: str
    title: str
    status: int
    detail: str
    errors: Sequence[FieldError] = ()
    request_id: str | None = None


class Conflict(Problem, omit_defaults=True):
    """A problem that may list the messages that the writer has not seen yet, oldest first.

    They are at most the newest page.
    """

    message_count: int | None = None
    messages: Sequence[Message] | None = None


class ValueConflict(Problem, omit_defaults=True):
    """A problem with the present value of a field that has changed since the writer looked.

    It is a status, a priority, or an assignee, null where nobody is assigned.
    """

    present: str | NamedAdmin | msgspec.UnsetType | None = msgspec.UNSET


class NotReadyProblem(Problem, omit_defaults=True):
    """A problem that lists what the service lacks: a short name and a sentence of each."""

    problems: Sequence[HealthProblem] = ()


def problem_type(code: str | None) -> str:
    """Return the `type` of a problem; without a code the status alone says what is wrong."""
    return "about:blank" if code is None else f"urn:tickets:problem:{code}"


def problem(status: int, detail: str, *, request_id: str | None = None) -> Problem:
    """Return a problem without a code.

    Only a 500 carries the `request_id`, so that support can find its log line. All other responses
    to equal requests have the same bytes.
    """
    return Problem(
        type=problem_type(None),
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        request_id=request_id,
    )


def problem_response(
    body: Problem, *, headers: Mapping[str, str] | None = None
) -> Response[Problem]:
    """Return a problem as a response."""
    return Response(body, status_code=body.status, media_type=MEDIA_TYPE, headers=headers)
