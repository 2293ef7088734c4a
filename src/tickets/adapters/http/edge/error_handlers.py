"""Every error as RFC 9457 problem details, in one shape: the service's own and the framework's."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from tickets.adapters.http.access.failed_sign_ins import rate_limit_headers, sign_in_allowance
from tickets.domain.errors import (
    FieldError,
    IdempotencyKeyReused,
    InvalidInput,
    NotAllowed,
    NotAuthenticated,
    Overloaded,
    RequestInProgress,
    StaleTicket,
    StoreUnavailable,
    ThreadGrown,
    TicketClosed,
    TicketNotFound,
    TicketsError,
    TooManyRequests,
)
from tickets.domain.message import Message
from tickets.domain.rate_limits import Allowance, Hit
from tickets.domain.text_rules import label

logger = logging.getLogger("tickets")

MEDIA_TYPE = "application/problem+json"

STATUS_BY_ERROR: Mapping[type[TicketsError], HTTPStatus] = {
    InvalidInput: HTTPStatus.BAD_REQUEST,
    TicketClosed: HTTPStatus.BAD_REQUEST,
    NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    NotAllowed: HTTPStatus.FORBIDDEN,
    TicketNotFound: HTTPStatus.NOT_FOUND,
    ThreadGrown: HTTPStatus.CONFLICT,
    RequestInProgress: HTTPStatus.CONFLICT,
    IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    StaleTicket: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Overloaded: HTTPStatus.SERVICE_UNAVAILABLE,
}

INTERNAL_ERROR_DETAIL = "Something went wrong on our side. It has been logged."

NOT_FOUND_DETAIL = "There is nothing at this address."

_DETAIL_BY_STATUS: Mapping[int, str] = {
    HTTPStatus.NOT_FOUND: NOT_FOUND_DETAIL,
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take that method.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "What was sent is too large: the limit is 64 KiB.",
}

_GONE = "client disconnected prematurely"
"""How the framework says that a client has left in the middle of its body, which is no defect of ours."""

RETRY_AFTER_SECONDS = 5
"""What a client is told to wait when the fault is ours and will pass."""


class Problem(msgspec.Struct, omit_defaults=True):
    """What went wrong, as RFC 9457 has it. `detail` is a sentence that a person can be shown."""

    type: str
    title: str
    status: int
    detail: str
    errors: Sequence[FieldError] = ()
    request_id: str | None = None


def problem(
    status: int,
    detail: str,
    *,
    code: str | None = None,
    errors: Sequence[FieldError] = (),
    request_id: str | None = None,
) -> Problem:
    """Return a problem; `code` names its kind, where the status alone does not say it.

    `request_id` is for defects alone, whose log line support will look for: any other two answers to
    the same question have the same bytes.
    """
    return Problem(
        type="about:blank" if code is None else f"urn:tickets:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=errors,
        request_id=request_id,
    )


class Conflict(Problem, omit_defaults=True):
    """A problem that may come with the messages which the writer has not been shown, oldest first."""

    message_count: int | None = None
    messages: Sequence[Message] | None = None


def problem_response(
    status: int,
    detail: str,
    *,
    code: str | None = None,
    errors: Sequence[FieldError] = (),
    request_id: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response[Problem]:
    """Return a problem as an answer."""
    body = problem(status, detail, code=code, errors=errors, request_id=request_id)
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def on_tickets_error(request: Request[Any, Any, Any], error: TicketsError) -> Response[Problem]:
    """Answer with the status that the table has for the error."""
    status = STATUS_BY_ERROR[type(error)]
    headers = {}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        logger.warning("answered 503: %r", error.__cause__ or error, extra={"status": int(status)})
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = str(request.route_handler.opt["challenge"])
        headers |= _limit_headers(sign_in_allowance(request))
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(error.allowance.retry_after)
        headers |= _limit_headers((error.hit, error.allowance))
    if isinstance(error, RequestInProgress):
        headers["Retry-After"] = "1"
    errors = error.errors if isinstance(error, InvalidInput) else ()
    response = problem_response(status, str(error), code=error.code, errors=errors, headers=headers)
    if isinstance(error, ThreadGrown):
        response.content = Conflict(
            **msgspec.structs.asdict(response.content),
            message_count=error.message_count,
            messages=error.unseen,
        )
    return response


def _limit_headers(known: tuple[Hit, Allowance] | None) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in rate_limit_headers(known)}


def on_validation_error(
    request: Request[Any, Any, Any], error: ValidationException
) -> Response[Problem]:
    """Answer for what the framework found wrong with path or query, and for a body that is absent."""
    errors = []
    for found in error.extra if isinstance(error.extra, list) else []:
        field = found.get("key", "body")
        if field == "data":
            errors.append(FieldError("body", "A JSON object is needed as the body."))
        else:
            errors.append(FieldError(field, f"{label(field)} {found['message']}."))
    return on_tickets_error(request, InvalidInput(errors))


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """Answer for the framework's own errors: no such route, method, media type, or too large."""
    if error.detail == _GONE:
        return problem_response(HTTPStatus.BAD_REQUEST, "The request ended half-way.")
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_unhandled_exception(request, error)
    detail = _DETAIL_BY_STATUS.get(error.status_code, error.detail)
    return problem_response(error.status_code, detail, headers=error.headers)


def on_unhandled_exception(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Answer for a defect of ours: the log has everything, the client is told that it was us."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    logger.error("a defect", exc_info=error, extra={"status": int(status)})
    return problem_response(
        status, INTERNAL_ERROR_DETAIL, request_id=request.scope["state"].get("request_id")
    )


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    TicketsError: on_tickets_error,
    ValidationException: on_validation_error,
    HTTPException: on_http_error,
    Exception: on_unhandled_exception,
}
"""For the application: the closest class of an error decides."""
