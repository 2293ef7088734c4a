"""SQL spans: one OpenTelemetry span per SQL statement, without its arguments.

Imported only where tracing is on, since it needs the extra `tickets[otel]`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode, TracerProvider


class LoggedStatement(Protocol):
    """A statement that a database driver has run."""

    @property
    def query(self) -> str:
        """The SQL, without its arguments."""

    @property
    def elapsed(self) -> float:
        """How long it took, in seconds."""

    @property
    def exception(self) -> BaseException | None:
        """The error that it failed with, if it did."""


class SqlSpans:
    """A query logger that makes a span of each statement: query name, time, class of the error."""

    def __init__(self, provider: TracerProvider, query_names: Mapping[str, str]) -> None:
        """Name spans by `query_names`, which maps SQL to the query's name."""
        self._tracer = provider.get_tracer("tickets")
        self._query_names = query_names

    def __call__(self, statement: LoggedStatement) -> None:
        """Add a statement that has ended to the trace of the current request."""
        if not trace.get_current_span().get_span_context().is_valid:
            # not part of a request: a periodic job, or the listener
            return
        name = self._query_names.get(statement.query, "statement")
        end = time.time_ns()
        span = self._tracer.start_span(
            name,
            kind=SpanKind.CLIENT,
            attributes={"db.system.name": "postgresql", "db.query.summary": name},
            start_time=end - int(statement.elapsed * 1e9),
        )
        if statement.exception is not None:
            # not its message, in which PostgreSQL may quote whole rows
            span.set_attribute("error.type", type(statement.exception).__name__)
            span.set_status(Status(StatusCode.ERROR))
        span.end(end)
