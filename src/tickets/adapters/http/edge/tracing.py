"""OpenTelemetry middleware: one span per request, without anything secret in it.

Imported only where tracing is on, since it needs the extra `tickets[otel]`. The framework's plugin
puts its middleware around everything. That middleware receives a copy of the request without
address, query and credentials, so that no instrumentation, now or later, can put them into a span.
"""

from __future__ import annotations

from typing import Any

from litestar.middleware import DefineMiddleware
from litestar.plugins.opentelemetry import (
    OpenTelemetryConfig,
    OpenTelemetryInstrumentationMiddleware,
)
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry import trace
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import TracerProvider

TRACE_CONTEXT_HEADERS = frozenset({b"traceparent", b"tracestate"})
"""The only headers in the copy: they say which trace a request belongs to."""

_SCOPE_KEY = "tickets.scope"
"""Scope key under which the redacted copy carries the original scope."""


class _Middleware(OpenTelemetryInstrumentationMiddleware):
    def __init__(self, app: ASGIApp, config: OpenTelemetryConfig) -> None:
        async def app_in_span(redacted: Scope, receive: Receive, send: Send) -> None:
            scope: Any = redacted[_SCOPE_KEY]  # type: ignore[literal-required] # see `__call__`
            span = trace.get_current_span()
            span.set_attribute("tickets.request_id", scope["state"]["request_id"])

            async def name_span_and_send(message: Message) -> None:
                # The route is known only now, and a name made from the path would contain ids.
                if message["type"] == "http.response.start" and "path_template" in scope:
                    span.update_name(f"{scope['method']} {scope['path_template']}")
                    span.set_attribute("http.route", scope["path_template"])
                await send(message)

            await app(scope, receive, name_span_and_send)

        super().__init__(app_in_span, config)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        redacted: Any = {
            "type": scope["type"],
            "method": scope.get("method", ""),
            "http_version": scope["http_version"],
            "headers": [
                header for header in scope["headers"] if header[0] in TRACE_CONTEXT_HEADERS
            ],
            "path": "",
            "query_string": b"",
            _SCOPE_KEY: scope,
        }
        await super().__call__(redacted, receive, send)


def _span_details(redacted: Any) -> tuple[str, dict[str, Any]]:  # noqa: ANN401 - the copy above
    return str(redacted["method"]), {}


def tracing_middleware(provider: TracerProvider) -> DefineMiddleware:
    """Return the framework's middleware, which makes a span of each request with this provider."""
    return OpenTelemetryConfig(
        tracer_provider=provider,
        meter_provider=NoOpMeterProvider(),
        scope_span_details_extractor=_span_details,
        exclude_spans=["receive", "send"],
        middleware_class=_Middleware,
    ).middleware
