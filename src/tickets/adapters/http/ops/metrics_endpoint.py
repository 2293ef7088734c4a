"""`/metrics`, for Prometheus: on the service's own port, and not for whoever comes through a proxy."""

from __future__ import annotations

import hmac
from typing import Any

from litestar import Response, Router, get
from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard
from prometheus_client import CONTENT_TYPE_LATEST

from tickets.domain.errors import NotAuthenticated
from tickets.observability.metrics import Metrics

CHALLENGE = 'Bearer realm="tickets-metrics"'

FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""What a proxy adds to what it passes on: such a request comes from outside."""

NOT_FROM_OUTSIDE = "Metrics are for who asks the service itself. Through a proxy, TICKETS_METRICS_TOKEN opens them."


def scraper_guard(token: str | None) -> Guard:
    """Return what lets a scraper in: who holds the token, or, where there is none, who asks directly."""
    known = None if token is None else f"Bearer {token}".encode()

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        if known is None:
            if any(name in connection.headers for name in FORWARDED):
                raise PermissionDeniedException(NOT_FROM_OUTSIDE)
            return
        given = connection.headers.getall("authorization", [])
        if len(given) != 1 or not hmac.compare_digest(given[0].encode(), known):
            raise NotAuthenticated

    return guard


def metrics_router(metrics: Metrics, token: str | None) -> Router:
    """Return what serves the metrics."""

    @get("/metrics", include_in_schema=False)
    async def scrape() -> Response[bytes]:
        """Show all metrics in Prometheus's text format."""
        return Response(await metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    return Router(
        "/", route_handlers=[scrape], guards=[scraper_guard(token)], opt={"challenge": CHALLENGE}
    )
