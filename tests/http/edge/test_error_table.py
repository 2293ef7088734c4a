"""The error table: every error of the core has its status, its headers and its problem details."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.http.conftest import Api, Caller
from tests.http.problems import problem, response_to
from tests.world import MemoryWorld
from tickets.adapters.http.edge.error_handlers import ERROR_TABLE
from tickets.adapters.http.edge.problem_details import RETRY_AFTER_SECONDS
from tickets.domain.errors import (
    FieldError,
    InvalidInput,
    Overloaded,
    StaleTicket,
    StoreExhausted,
    StoreUnavailable,
    ThreadGrown,
    TicketsError,
    TooManyRequests,
    ValueChanged,
)
from tickets.domain.rate_limits import Allowance, Hit, RateLimit


def every_error(kind: type[TicketsError] = TicketsError) -> list[type[TicketsError]]:
    """Return all classes below `kind` in the error tree."""
    children = kind.__subclasses__()
    return children + [leaf for child in children for leaf in every_error(child)]


EXAMPLES: dict[type[TicketsError], TicketsError] = {
    InvalidInput: InvalidInput([FieldError("x", "X is wrong.")]),
    ThreadGrown: ThreadGrown(2),
    ValueChanged: ValueChanged("closed"),
    TooManyRequests: TooManyRequests(
        Hit("creates", "7", RateLimit(6, timedelta(minutes=1))), Allowance(0, 9_500_000)
    ),
}
"""Errors whose constructor has arguments."""


def test_the_table_has_every_error_and_no_other_class() -> None:
    assert set(ERROR_TABLE) == set(every_error())


@pytest.mark.parametrize("kind", every_error())
async def test_every_error_has_its_status_its_code_and_its_sentence(
    memory_world: MemoryWorld, kind: type[TicketsError]
) -> None:
    error = EXAMPLES[kind] if kind in EXAMPLES else kind()

    response = await response_to(error, memory_world)

    body = problem(response, ERROR_TABLE[kind].status)
    assert body["detail"] == str(error)
    assert body["type"] == f"urn:tickets:problem:{kind.code}"
    assert ("www-authenticate" in response.headers) == (response.status_code == 401)


@pytest.mark.parametrize("kind", [StoreUnavailable, StoreExhausted, StaleTicket, Overloaded])
async def test_a_503_says_when_to_retry(
    memory_world: MemoryWorld, kind: type[TicketsError]
) -> None:
    response = await response_to(kind(), memory_world)

    problem(response, 503)
    assert response.headers["Retry-After"] == str(RETRY_AFTER_SECONDS)


async def test_an_unhandled_exception_is_a_500_that_reveals_nothing_and_is_logged(
    memory_world: MemoryWorld, caplog: pytest.LogCaptureFixture
) -> None:
    response = await response_to(ZeroDivisionError("the secret detail"), memory_world)

    assert "our side" in problem(response, 500)["detail"]
    assert "secret" not in response.text
    assert response.json()["request_id"] == response.headers["X-Request-ID"]
    assert "unhandled exception" in caplog.text
    assert "the secret detail" in caplog.text


async def test_an_unknown_address_is_a_404(api: Api) -> None:
    response = await api.client.get("/nothing/here")

    assert problem(response, 404)["detail"] == "There is nothing at this address."


async def test_an_unsupported_method_is_a_405_that_lists_the_supported_ones(user: Caller) -> None:
    response = await user.call("DELETE")

    problem(response, 405)
    assert {"GET", "POST"} <= set(response.headers["Allow"].replace(" ", "").split(","))
