"""What watches the service asks here: is the process alive, can it do its work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import Controller, HttpMethod, Request, route

from tickets.adapters.http.openapi.config import problems

ReadinessCheck = Callable[[], Awaitable[None]]
"""Returns when the service can do its work; raises `StoreUnavailable` when it cannot."""


class Health(msgspec.Struct):
    """All is well."""

    status: str = "ok"


class HealthController(Controller):
    """Liveness and readiness, for anyone to ask."""

    path = "/health"
    tags = ["health"]  # noqa: RUF012 - as the framework declares it

    @route("/live", http_method=[HttpMethod.GET, HttpMethod.HEAD])
    async def live(self) -> Health:
        """Tell that the process answers. Restart it when this fails."""
        return Health()

    @route("/ready", http_method=[HttpMethod.GET, HttpMethod.HEAD], responses=problems(503))
    async def ready(self, request: Request[Any, Any, Any]) -> Health:
        """Tell that the database answers too. Send no traffic while this fails."""
        check: ReadinessCheck = request.app.state.readiness
        await check()
        return Health()
