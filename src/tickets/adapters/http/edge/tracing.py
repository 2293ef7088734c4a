"""OpenTelemetry, by setting: a span per request and one per statement, which hold what is chosen here and nothing else.

Imported only where tracing is on, since it needs the extra `tickets[otel]`. The framework's plugin
puts its middleware around everything; what that is shown of a request is a copy without address,
query and credentials, so that no instrumentation, now or later, can put them into a span.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

from litestar.middleware import DefineMiddleware
from litestar.plugins.opentelemetry import (
    OpenTelemetryConfig,
    OpenTelemetryInstrumentationMiddleware,
)
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry import trace
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import SpanKind, Status, StatusCode, TracerProvider

TRACE_CONTEXT = frozenset({b"traceparent", b"tracestate"})
"""The headers that are shown: whose trace a request belongs to."""

_REAL = "tickets.scope"


class _Middleware(OpenTelemetryInstrumentationMiddleware):
    def __init__(self, app: ASGIApp, config: OpenTelemetryConfig) -> None:
        async def real(shown: Scope, receive: Receive, send: Send) -> None:
            scope: Any = shown[_REAL]  # type: ignore[literal-required] # put there below
            span = trace.get_current_span()
            span.set_attribute("tickets.request_id", scope["state"]["request_id"])

            async def named(message: Message) -> None:
                # by now the framework has found the route; before, a name would have had ids in it
                if message["type"] == "http.response.start" and "path_template" in scope:
                    span.update_name(f"{scope['method']} {scope['path_template']}")
                    span.set_attribute("http.route", scope["path_template"])
                await send(message)

            await app(scope, receive, named)

        super().__init__(real, config)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shown: Any = {
            "type": scope["type"],
            "method": scope.get("method", ""),
            "http_version": scope["http_version"],
            "headers": [header for header in scope["headers"] if header[0] in TRACE_CONTEXT],
            "path": "",
            "query_string": b"",
            _REAL: scope,
        }
        await super().__call__(shown, receive, send)


def _details(shown: Any) -> tuple[str, dict[str, Any]]:  # noqa: ANN401 - a scope that is not the framework's
    return str(shown["method"]), {}


def tracing_middleware(provider: TracerProvider) -> DefineMiddleware:
    """Return the framework's middleware, which traces requests with this provider and goes around everything."""
    return OpenTelemetryConfig(
        tracer_provider=provider,
        meter_provider=NoOpMeterProvider(),
        scope_span_details_extractor=_details,
        exclude_spans=["receive", "send"],
        middleware_class=_Middleware,
    ).middleware


class Statement(Protocol):
    """What a driver tells of a statement that it has run."""

    @property
    def query(self) -> str:
        """The SQL, without its arguments."""

    @property
    def elapsed(self) -> float:
        """How long it took, in seconds."""

    @property
    def exception(self) -> BaseException | None:
        """What it failed with."""


class StatementSpans:
    """Makes a span of each statement: its name from `sql/`, its time, the class of its error. Never an argument."""

    def __init__(self, provider: TracerProvider, names: Mapping[str, str]) -> None:
        """Take the queries' names by their SQL."""
        self._tracer = provider.get_tracer("tickets")
        self._names = names

    def __call__(self, statement: Statement) -> None:
        """Put a statement that has just been run into the trace of the request that it was run for."""
        if not trace.get_current_span().get_span_context().is_valid:
            # beside any request: the rounds of the service
            return
        name = self._names.get(statement.query, "statement")
        end = time.time_ns()
        span = self._tracer.start_span(
            name,
            kind=SpanKind.CLIENT,
            attributes={"db.system.name": "postgresql", "db.query.summary": name},
            start_time=end - int(statement.elapsed * 1e9),
        )
        if statement.exception is not None:
            # its text may quote what was written
            span.set_attribute("error.type", type(statement.exception).__name__)
            span.set_status(Status(StatusCode.ERROR))
        span.end(end)
