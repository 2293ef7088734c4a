"""Health checks: liveness (the process responds) and readiness (it can do its work)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Controller, HttpMethod, Request, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import Method, OperationIDCreator

from tickets.adapters.http.api.problem_responses import READINESS_PROBLEMS
from tickets.domain.ports import StoreHealth


class Health(msgspec.Struct):
    """The check succeeded."""

    status: str = "ok"


def _by_method(name: str) -> OperationIDCreator:
    """Return the operation id of a check: `getLiveness`, or `headLiveness` without the body."""

    def operation_id(_handler: HTTPRouteHandler, method: Method, _path: Sequence[object]) -> str:
        return f"{method.lower()}{name}"

    return operation_id


class HealthController(Controller):
    """Liveness and readiness, without authentication."""

    path = "/health"
    tags = ["health"]  # noqa: RUF012 - as the framework declares it

    @route(
        "/live",
        http_method=[HttpMethod.GET, HttpMethod.HEAD],
        operation_id=_by_method("Liveness"),
    )
    async def live(self) -> Health:
        """Check that the process responds. Restart it when this fails."""
        return Health()

    @route(
        "/ready",
        http_method=[HttpMethod.GET, HttpMethod.HEAD],
        operation_id=_by_method("Readiness"),
        responses=READINESS_PROBLEMS,
    )
    async def ready(self, request: Request[Any, Any, Any]) -> Health:
        """Check that the service can do its work, writes included.

        Send no requests while this fails; the body says what is missing.
        """
        store_health: StoreHealth = request.app.state.store_health
        await store_health.ready()
        return Health()
