"""Exception handlers: one table maps each error to its status, headers and extra fields."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, TypeVar

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from tickets.adapters.http.edge.problem_details import (
    INTERNAL_ERROR_DETAIL,
    NOT_FOUND_DETAIL,
    RETRY_AFTER_SECONDS,
    Conflict,
    NotReadyProblem,
    Problem,
    ValueConflict,
    problem,
    problem_response,
    problem_type,
)
from tickets.adapters.http.edge.rate_limit_headers import rate_limit_headers, stored_allowance
from tickets.domain.errors import (
    CrossOrigin,
    FieldError,
    IdempotencyKeyReused,
    InvalidInput,
    NotAllowed,
    NotAuthenticated,
    NotesFull,
    NotReady,
    Overloaded,
    QueueNotFound,
    RequestInProgress,
    ResponseErased,
    SavedRepliesFull,
    SavedReplyNotFound,
    SearchTooSlow,
    SignInUnavailable,
    StaleTicket,
    StoreExhausted,
    StoreReadOnly,
    StoreUnavailable,
    ThreadFull,
    ThreadGrown,
    TicketClosed,
    TicketNotFound,
    TicketsError,
    TooManyRequests,
    UserNotFound,
    ValueChanged,
    WriteRefused,
)
from tickets.domain.rate_limits import Allowance, Hit
from tickets.domain.text_rules import label

logger = logging.getLogger("tickets")

MAX_BODY_BYTES = 64 * 1024
"""Maximum size of a request body; a larger one is a 413."""

TOO_LARGE_DETAIL = f"The request body is too large: the limit is {MAX_BODY_BYTES // 1024} KiB."

Headers = Mapping[str, str]
AnyRequest = Request[Any, Any, Any]
ErrorT = TypeVar("ErrorT", bound=TicketsError)


def _no_headers(_request: AnyRequest, _error: TicketsError) -> Headers:
    return {}


def _no_fields(_error: TicketsError) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class ErrorRule(Generic[ErrorT]):
    """The response to one kind of error."""

    status: HTTPStatus
    headers: Callable[[AnyRequest, ErrorT], Headers] = _no_headers
    body: type[Problem] = Problem
    fields: Callable[[ErrorT], Mapping[str, Any]] = _no_fields
    """Fields of the body besides type, title, status and detail."""


def _challenge(request: AnyRequest, _error: NotAuthenticated) -> Headers:
    challenge = {"WWW-Authenticate": str(request.route_handler.opt["challenge"])}
    return challenge | _rate_limit(stored_allowance(request))


def _over_limit(_request: AnyRequest, error: TooManyRequests) -> Headers:
    retry_after = {"Retry-After": str(error.allowance.retry_after)}
    return retry_after | _rate_limit((error.hit, error.allowance))


def _rate_limit(state: tuple[Hit, Allowance] | None) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in rate_limit_headers(state)}


def _retry_in_a_second(_request: AnyRequest, _error: TicketsError) -> Headers:
    return {"Retry-After": "1"}


def _retry_later(_request: AnyRequest, error: TicketsError) -> Headers:
    status = int(HTTPStatus.SERVICE_UNAVAILABLE)
    logger.warning("responded 503: %r", error.__cause__ or error, extra={"status": status})
    return {"Retry-After": str(RETRY_AFTER_SECONDS)}


def _operator_is_needed(_request: AnyRequest, error: TicketsError) -> Headers:
    status = int(HTTPStatus.SERVICE_UNAVAILABLE)
    cause = error.__cause__ or error
    logger.error("responded 503, the operator is needed: %r", cause, extra={"status": status})
    return {"Retry-After": str(RETRY_AFTER_SECONDS)}


def _refused_by_platform(_request: AnyRequest, error: TicketsError) -> Headers:
    status = int(HTTPStatus.BAD_REQUEST)
    cause = error.__cause__ or error
    logger.warning("responded 400, the platform refused: %r", cause, extra={"status": status})
    return {}


def _invalid_fields(error: InvalidInput) -> Mapping[str, Any]:
    return {"errors": error.errors}


def _unseen_messages(error: ThreadGrown) -> Mapping[str, Any]:
    return {"message_count": error.message_count, "messages": msgspec.Raw(error.unseen)}


def _present_value(error: ValueChanged) -> Mapping[str, Any]:
    return {"present": error.present}


def _problems(error: NotReady) -> Mapping[str, Any]:
    return {"problems": error.problems}


ERROR_TABLE: Mapping[type[TicketsError], ErrorRule[Any]] = {
    InvalidInput: ErrorRule(HTTPStatus.BAD_REQUEST, fields=_invalid_fields),
    TicketClosed: ErrorRule(HTTPStatus.BAD_REQUEST),
    WriteRefused: ErrorRule(HTTPStatus.BAD_REQUEST, _refused_by_platform),
    ThreadFull: ErrorRule(HTTPStatus.BAD_REQUEST),
    NotesFull: ErrorRule(HTTPStatus.BAD_REQUEST),
    SavedRepliesFull: ErrorRule(HTTPStatus.BAD_REQUEST),
    SearchTooSlow: ErrorRule(HTTPStatus.BAD_REQUEST),
    NotAuthenticated: ErrorRule(HTTPStatus.UNAUTHORIZED, _challenge),
    NotAllowed: ErrorRule(HTTPStatus.FORBIDDEN),
    CrossOrigin: ErrorRule(HTTPStatus.FORBIDDEN),
    QueueNotFound: ErrorRule(HTTPStatus.NOT_FOUND),
    TicketNotFound: ErrorRule(HTTPStatus.NOT_FOUND),
    SavedReplyNotFound: ErrorRule(HTTPStatus.NOT_FOUND),
    UserNotFound: ErrorRule(HTTPStatus.NOT_FOUND),
    ThreadGrown: ErrorRule(HTTPStatus.CONFLICT, body=Conflict, fields=_unseen_messages),
    ValueChanged: ErrorRule(HTTPStatus.CONFLICT, body=ValueConflict, fields=_present_value),
    RequestInProgress: ErrorRule(HTTPStatus.CONFLICT, _retry_in_a_second),
    ResponseErased: ErrorRule(HTTPStatus.GONE),
    IdempotencyKeyReused: ErrorRule(HTTPStatus.UNPROCESSABLE_ENTITY),
    TooManyRequests: ErrorRule(HTTPStatus.TOO_MANY_REQUESTS, _over_limit),
    StaleTicket: ErrorRule(HTTPStatus.SERVICE_UNAVAILABLE, _retry_later),
    StoreUnavailable: ErrorRule(HTTPStatus.SERVICE_UNAVAILABLE, _retry_later),
    SignInUnavailable: ErrorRule(HTTPStatus.SERVICE_UNAVAILABLE, _retry_later),
    StoreReadOnly: ErrorRule(HTTPStatus.SERVICE_UNAVAILABLE, _retry_later),
    NotReady: ErrorRule(
        HTTPStatus.SERVICE_UNAVAILABLE, _retry_later, body=NotReadyProblem, fields=_problems
    ),
    StoreExhausted: ErrorRule(HTTPStatus.SERVICE_UNAVAILABLE, _operator_is_needed),
    Overloaded: ErrorRule(HTTPStatus.SERVICE_UNAVAILABLE, _retry_later),
}
"""Every error of `tickets.domain.errors`; a test fails where one is missing."""


def problem_of(error: TicketsError) -> Problem:
    """Return the body of the response to an error of the core."""
    rule = ERROR_TABLE[type(error)]
    return rule.body(
        type=problem_type(error.code),
        title=rule.status.phrase,
        status=rule.status,
        detail=str(error),
        **rule.fields(error),
    )


def on_tickets_error(request: AnyRequest, error: TicketsError) -> Response[Problem]:
    """Respond to an error of the core as the table says."""
    headers = ERROR_TABLE[type(error)].headers(request, error)
    return problem_response(problem_of(error), headers=headers)


def on_validation_error(request: AnyRequest, error: ValidationException) -> Response[Problem]:
    """Respond to a path or query that the framework found invalid, and to a missing body."""
    errors = []
    for invalid in error.extra if isinstance(error.extra, list) else []:
        field = invalid.get("key", "body")
        if field == "data":
            errors.append(FieldError("body", "The body must be a JSON object."))
        else:
            errors.append(FieldError(field, f"{label(field)} {invalid['message']}."))
    return on_tickets_error(request, InvalidInput(errors))


_DETAIL_BY_STATUS: Mapping[int, str] = {
    HTTPStatus.NOT_FOUND: NOT_FOUND_DETAIL,
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not support that method.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TOO_LARGE_DETAIL,
}

_DISCONNECTED = "client disconnected prematurely"
"""The framework's message for a client that leaves in the middle of its body, as a 500."""


def on_http_error(request: AnyRequest, error: HTTPException) -> Response[Problem]:
    """Respond to the framework's own errors: no such route, method or media type, or too large."""
    if error.detail == _DISCONNECTED:
        # not a fault of the service
        incomplete = problem(HTTPStatus.BAD_REQUEST, "The request ended before it was complete.")
        return problem_response(incomplete)
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_unhandled_exception(request, error)
    detail = _DETAIL_BY_STATUS.get(error.status_code, error.detail)
    return problem_response(problem(error.status_code, detail), headers=error.headers)


def on_unhandled_exception(request: AnyRequest, error: Exception) -> Response[Problem]:
    """Respond with a 500 that shows nothing of the exception, which is logged in full."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    logger.error("unhandled exception", exc_info=error, extra={"status": int(status)})
    request_id = request.scope["state"].get("request_id")
    return problem_response(problem(status, INTERNAL_ERROR_DETAIL, request_id=request_id))


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    TicketsError: on_tickets_error,
    ValidationException: on_validation_error,
    HTTPException: on_http_error,
    Exception: on_unhandled_exception,
}
"""For the application: the closest class of an error decides."""
