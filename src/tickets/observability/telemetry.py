"""OpenTelemetry: sends traces to a collector, which OpenTelemetry's own variables configure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tickets.settings.errors import SettingsError
from tickets.settings.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

REQUIRED_MODULES = (
    "opentelemetry.sdk",
    "opentelemetry.instrumentation.asgi",
    "opentelemetry.exporter.otlp.proto.http",
)
"""What the extra `tickets[otel]` installs."""


def check_extra(settings: Settings) -> None:
    """Raise `SettingsError` if tracing is on and the extra is not installed."""
    if settings.opentelemetry and not all(_is_installed(module) for module in REQUIRED_MODULES):
        message = (
            "TICKETS_OPENTELEMETRY is on, but OpenTelemetry is not installed: "
            "install tickets with its extra, as in `pip install 'tickets[otel]'`."
        )
        raise SettingsError(message)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        # one of its parent packages is missing
        return False


def tracer_provider() -> TracerProvider:
    """Return the tracer provider of this process, which sends spans in batches from a thread."""
    from opentelemetry.exporter.otlp.proto.http import trace_exporter  # noqa: PLC0415 - the extra
    from opentelemetry.sdk import resources  # noqa: PLC0415 - the same
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - the same
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - the same

    defaults = {"service.name": "tickets", "service.version": version("tickets")}
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence
    detected = resources.OTELResourceDetector().detect()
    resource = resources.Resource.create({**defaults, **detected.attributes})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(trace_exporter.OTLPSpanExporter()))
    return provider


def flush_on_shutdown(
    provider: TracerProvider,
) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """Return a lifespan that sends the remaining spans when the application stops."""

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        try:
            yield
        finally:
            # in a thread, since it waits for the collector
            await asyncio.to_thread(provider.shutdown)

    return lifespan
