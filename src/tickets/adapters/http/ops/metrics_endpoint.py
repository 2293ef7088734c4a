"""The metrics endpoint `/metrics`, for Prometheus: direct requests, or a token of its own."""

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

PROXY_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers that proxies add. A request with one of them comes from outside."""

PROXIED_DETAIL = (
    "Metrics are not served through a proxy. Send the request to the service directly, or set "
    "TICKETS_METRICS_TOKEN."
)

# the framework adds the charset itself
MEDIA_TYPE = CONTENT_TYPE_LATEST.replace("; charset=utf-8", "")


def metrics_guard(token: str | None) -> Guard:
    """Return the guard of `/metrics`: the bearer token, or without one, direct requests only."""
    expected = None if token is None else f"Bearer {token}".encode()

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        if expected is None:
            if any(name in connection.headers for name in PROXY_HEADERS):
                raise PermissionDeniedException(PROXIED_DETAIL)
            return
        given = connection.headers.getall("authorization", [])
        if len(given) != 1 or not hmac.compare_digest(given[0].encode(), expected):
            raise NotAuthenticated

    return guard


def metrics_router(metrics: Metrics, token: str | None) -> Router:
    """Return the router that serves the metrics."""

    @get("/metrics", include_in_schema=False)
    async def scrape() -> Response[bytes]:
        """Return all metrics in Prometheus's text format."""
        return Response(await metrics.exposition(), media_type=MEDIA_TYPE)

    return Router(
        "/", route_handlers=[scrape], guards=[metrics_guard(token)], opt={"challenge": CHALLENGE}
    )
