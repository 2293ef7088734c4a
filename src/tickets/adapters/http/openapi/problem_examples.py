"""Examples of error responses: the bodies that the service itself makes of its errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import msgspec

from tickets.adapters.http.api.idempotency_header import INVALID_KEY
from tickets.adapters.http.api.parameters import NOT_A_TICKET_NUMBER, given_twice
from tickets.adapters.http.api.request_bodies import NOT_JSON_DETAIL
from tickets.adapters.http.edge.error_handlers import TOO_LARGE_DETAIL, problem_of
from tickets.adapters.http.edge.problem_details import Problem, problem
from tickets.adapters.http.openapi.examples import UNSEEN
from tickets.domain.errors import (
    FieldError,
    HealthProblem,
    IdempotencyKeyReused,
    InvalidInput,
    NotAuthenticated,
    NotReady,
    QueueNotFound,
    RequestInProgress,
    ResponseErased,
    SavedReplyNotFound,
    StoreUnavailable,
    ThreadGrown,
    TicketNotFound,
    TooManyRequests,
    UserNotFound,
    ValueChanged,
)
from tickets.domain.people import NamedAdmin
from tickets.domain.rate_limits import Allowance, Hit, RateLimit
from tickets.domain.text_rules import label

_RATE = RateLimit(30, timedelta(hours=1))

_BY_STATUS: Mapping[str, Problem] = {
    "401": problem_of(NotAuthenticated()),
    "404": problem_of(TicketNotFound()),
    "409": problem_of(RequestInProgress()),
    "410": problem_of(ResponseErased()),
    "413": problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE_DETAIL),
    "415": problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, NOT_JSON_DETAIL),
    "422": problem_of(IdempotencyKeyReused()),
    "429": problem_of(TooManyRequests(Hit("replies", "7", _RATE), Allowance(0, 1))),
    "503": problem_of(StoreUnavailable()),
}

_BY_SCHEMA: Mapping[str, Problem] = {
    "Conflict": problem_of(
        ThreadGrown(UNSEEN["message_count"], json.dumps(UNSEEN["messages"]).encode())
    ),
    "NotReadyProblem": problem_of(
        NotReady([HealthProblem("migrations-due", "The database has no tables of this service.")])
    ),
}

_BY_PARAMETER: Mapping[str, Problem] = {
    "queue": problem_of(QueueNotFound()),
    "saved_reply_id": problem_of(SavedReplyNotFound()),
    "user_id": problem_of(UserNotFound()),
}
"""The 404 of a path with this parameter."""

_PRESENT: Mapping[str, str | NamedAdmin] = {
    "status": "open",
    "assignee": NamedAdmin(2, "Nadia Berg"),
    "priority": "urgent",
}
"""The present value in the 409 of a path that ends like this."""


def problem_example(
    path: str, parameters: Sequence[dict[str, Any]], status: str, schema: str
) -> dict[str, Any]:
    """Return an example of an error response of an operation with these parameters.

    A 400 is about the `Idempotency-Key`, a query parameter or the path, whichever comes first.
    """
    if status == "400":
        body = problem_of(InvalidInput([_invalid(parameters)]))
    elif schema == "ValueConflict":
        body = problem_of(ValueChanged(_PRESENT[path.rpartition("/")[2]]))
    elif status == "404":
        names = [name for name in _BY_PARAMETER if f"{{{name}}}" in path]
        body = _BY_PARAMETER[names[0]] if names else _BY_STATUS[status]
    else:
        body = _BY_SCHEMA.get(schema) or _BY_STATUS[status]
    example: dict[str, Any] = json.loads(msgspec.json.encode(body))
    return example


def _invalid(parameters: Sequence[dict[str, Any]]) -> FieldError:
    names = {place: each["name"] for each in reversed(parameters) for place in [each["in"]]}
    if "header" in names:
        return INVALID_KEY
    if "query" in names:
        return given_twice(names["query"])
    return FieldError(names["path"], f"{label(names['path'])} {NOT_A_TICKET_NUMBER}.")
