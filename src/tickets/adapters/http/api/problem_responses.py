"""The error responses of each kind of operation, for the OpenAPI document."""

from __future__ import annotations

from litestar.openapi import ResponseSpec

from tickets.adapters.http.edge.problem_details import (
    MEDIA_TYPE,
    Conflict,
    NotReadyProblem,
    Problem,
    ValueConflict,
)

_DESCRIPTIONS = {
    400: "Something in body, query or path is not valid, or the ticket is closed or full.",
    401: "The credentials are missing, malformed, unknown or expired.",
    404: "There is no such ticket, or it is another user's: the same response for both.",
    409: "The same request is still being worked on; `Retry-After` says when to send it again.",
    410: "This request took effect before, and its stored response has been erased since.",
    413: "The body is over 64 KiB.",
    415: "The body is not JSON.",
    422: "This Idempotency-Key was used for another request.",
    429: (
        "A rate limit of this user or this address is used up; `Retry-After` says when to try "
        "again."
    ),
    503: "The service is overloaded or its database down; `Retry-After` says when to try again.",
}


def problem_responses(*statuses: int) -> dict[int, ResponseSpec]:
    """Return the problem responses of an operation, for its `responses`."""
    return {status: _problem(Problem, _DESCRIPTIONS[status]) for status in statuses}


def _problem(body: type[Problem], description: str) -> ResponseSpec:
    return ResponseSpec(
        body, description=description, media_type=MEDIA_TYPE, generate_examples=False
    )


READINESS_PROBLEMS = {
    503: _problem(
        NotReadyProblem, "The service cannot do its work; `problems` says what is missing."
    )
}
NOT_MODIFIED = {
    304: ResponseSpec(
        None,
        description="The client has this response already: `If-None-Match` has its `ETag`.",
        generate_examples=False,
    )
}
COUNT_PROBLEMS = problem_responses(401, 429, 503)
CONDITIONAL_COUNT_PROBLEMS = NOT_MODIFIED | COUNT_PROBLEMS
LIST_PROBLEMS = NOT_MODIFIED | problem_responses(400, 401, 429, 503)
SEARCH_PROBLEMS = problem_responses(400, 401, 429, 503)
DETAIL_PROBLEMS = NOT_MODIFIED | problem_responses(400, 401, 404, 429, 503)
CUSTOMER_PROBLEMS = problem_responses(400, 401, 429, 503) | {
    404: _problem(Problem, "There is no such user.")
}
CREATE_PROBLEMS = problem_responses(400, 401, 409, 410, 413, 415, 422, 429, 503)
ON_BEHALF_PROBLEMS = CREATE_PROBLEMS | {
    404: _problem(Problem, "The customer has been deleted at this moment.")
}
CHANGE_PROBLEMS = problem_responses(400, 401, 404, 409, 410, 413, 415, 422, 429, 503)
GROWN_PROBLEMS = CHANGE_PROBLEMS | {
    409: _problem(
        Conflict,
        "There are more messages than `seen` says: `messages` holds the unseen ones, at most the "
        "newest 200. Or the same "
        "request is still being worked on; `Retry-After` says when to send it again.",
    )
}
VALUE_PROBLEMS = CHANGE_PROBLEMS | {
    409: _problem(
        ValueConflict,
        "The value is no longer `was`: `present` is what it is now. Or the same request is still "
        "being worked on; `Retry-After` says when to send it again.",
    )
}
