"""Where traces go, when they are switched on: to a collector, as OpenTelemetry's own variables say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec

from litestar.types import Middleware

from tickets.adapters.http.app import Lifespan
from tickets.adapters.postgres.connection.database import QueryLogger
from tickets.adapters.postgres.sql_loader import query_names
from tickets.settings.errors import SettingsError
from tickets.settings.settings import Settings

NEEDED = (
    "opentelemetry.sdk",
    "opentelemetry.instrumentation.asgi",
    "opentelemetry.exporter.otlp.proto.http",
)


def check_extra(settings: Settings) -> None:
    """Raise `SettingsError` where tracing is switched on and what it needs is not installed."""
    if settings.opentelemetry and not all(_installed(module) for module in NEEDED):
        message = (
            "TICKETS_OPENTELEMETRY is on, but what it needs is not installed: "
            "install tickets with its extra, as in `pip install 'tickets[otel]'`."
        )
        raise SettingsError(message)


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        # a package above it is not there either
        return False


@dataclass(frozen=True, slots=True)
class Tracing:
    """What traces requests, what traces statements, and what sends the last spans when the service stops."""

    middleware: Middleware
    statements: QueryLogger
    lifespan: Lifespan


def tracing() -> Tracing:
    """Return what traces this process, and sends spans in batches from a thread of its own."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - the extra
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415 - the same
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - the same
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - the same

    from tickets.adapters.http.edge.tracing import StatementSpans, tracing_middleware  # noqa: PLC0415 - needs it

    named = {"service.name": "tickets", "service.version": version("tickets")}
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before ours
    resource = Resource.create({**named, **OTELResourceDetector().detect().attributes})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        try:
            yield
        finally:
            # it waits for the collector
            await asyncio.to_thread(provider.shutdown)

    return Tracing(tracing_middleware(provider), StatementSpans(provider, query_names()), lifespan)
