"""What watches the service asks here: is the process alive, can it do its work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from litestar import Controller, HttpMethod, route
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from tickets.adapters.http.openapi import problems

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
    async def ready(self, readiness: NamedDependency[SkipValidation[ReadinessCheck]]) -> Health:
        """Tell that the database answers too. Send no traffic while this fails."""
        await readiness()
        return Health()
