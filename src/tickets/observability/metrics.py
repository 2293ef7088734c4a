"""Prometheus metrics: requests, connection pool, listener and periodic jobs of this process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from tickets.background import background_task
from tickets.domain.ports import PoolUsage, StoreHealth
from tickets.observability.store_metrics import CollectedMetrics, build_info, store_metrics

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable of the folder in which several processes share their metrics.

The client library reads it.
"""

PUBLISH_INTERVAL = 1.0
"""Seconds between two updates of the gauges that another process may return at a scrape."""

DURATION_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: from a cached response to the longest wait for a database that is down."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Any other method is counted as OTHER, since a client may send any text."""

BATCH_SIZE = 100
"""Responses that are counted in a row, at the latest every `PUBLISH_INTERVAL`.

The client library takes several times as long for the first of them as for the next, since it finds
the processor's caches full of other data. Counted one by one, they cost an unread count from the
cache a tenth of its CPU time (`just bench --before`).
"""

UNMATCHED = "unmatched"
"""The route of requests to an unknown address, or with a method that the address lacks."""


class Metrics:
    """The metrics of one process; with `SHARED_FOLDER` set, a scrape of any process returns all."""

    def __init__(
        self,
        *,
        pool_usage: Callable[[], PoolUsage] | None = None,
        is_listening: Callable[[], bool] | None = None,
        store_health: StoreHealth | None = None,
    ) -> None:
        """Start at zero. A source that is None has no samples.

        `pool_usage` and `is_listening` are read every second and at each scrape, `store_health` at
        each scrape.
        """
        disable_created_metrics()
        self._pool_usage = pool_usage
        self._is_listening = is_listening
        self._store_health = store_health
        self._shared_folder = os.environ.get(SHARED_FOLDER)
        if self._shared_folder:
            # a process that was killed may have had the same process id
            mark_process_dead(os.getpid(), self._shared_folder)
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "tickets_http_requests",
            "Requests, by method, route template and status.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._durations = Histogram(
            "tickets_http_request_duration_seconds",
            "Time from a request's arrival to the end of its response.",
            ["method", "route"],
            buckets=DURATION_BUCKETS,
            registry=registry,
        )
        self._admin_requests = Counter(
            "tickets_admin_requests",
            "Requests of admins, by the id of a named admin, or team for the shared token.",
            ["admin"],
            registry=registry,
        )
        self._uncounted: list[tuple[str, str, int, float]] = []
        # to look the children up by labels takes the client library three times as long as counting
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.in_progress = 0
        """Requests that have no complete response yet; a gauge shows it, every second."""
        self._in_progress = self._gauge(
            "tickets_http_requests_in_progress", "Requests that have no complete response yet."
        )
        self._pool_connections = self._gauge(
            "tickets_pool_connections", "Open connections to the database."
        )
        self._pool_idle = self._gauge(
            "tickets_pool_connections_idle", "Open connections to the database that are not in use."
        )
        self._pool_waiting = self._gauge(
            "tickets_pool_waiting", "Requests that wait for a connection to the database."
        )
        self._listening = self._gauge(
            "tickets_listening",
            "Processes that listen for changes (LISTEN/NOTIFY), so that they may use their caches.",
        )
        self._job_runs = Counter(
            "tickets_job_runs",
            "Runs of the periodic jobs, by job and outcome (success or failure).",
            ["name", "outcome"],
            registry=registry,
        )
        self._job_items = Counter(
            "tickets_job_items",
            "What the periodic jobs closed or deleted, by job.",
            ["name"],
            registry=registry,
        )
        self._delivery_attempts = Counter(
            "tickets_delivery_attempts",
            "Deliveries that were attempted, by channel and outcome.",
            ["channel", "outcome"],
            registry=registry,
        )
        self._job_last_success = Gauge(
            "tickets_job_last_success_timestamp_seconds",
            "When a periodic job last succeeded, by job.",
            ["name"],
            registry=registry,
            multiprocess_mode="max",
        )

    def _gauge(self, name: str, help_text: str) -> Gauge:
        return Gauge(name, help_text, registry=self._registry, multiprocess_mode="livesum")

    def record_admin_request(self, admin_id: int | None) -> None:
        """Count a request of an admin; None for the shared token."""
        self._admin_requests.labels("team" if admin_id is None else str(admin_id)).inc()

    def record_response(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a response, in a batch; `route` is a template, never a path."""
        self._uncounted.append((method, route, status, seconds))
        if len(self._uncounted) >= BATCH_SIZE:
            self._count_responses()

    def _count_responses(self) -> None:
        for method, route, status, seconds in self._uncounted:
            requests, durations = self._children_of(method, route, status)
            requests.inc()
            durations.observe(seconds)
        self._uncounted.clear()

    def _children_of(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        labels = (method if method in METHODS else "OTHER", route, status)
        children = self._children.get(labels)
        if children is None:
            children = self._children[labels] = (
                self._requests.labels(labels[0], route, str(status)),
                self._durations.labels(labels[0], route),
            )
        return children

    def record_job_run(self, name: str, count: int | None) -> None:
        """Count a run of a periodic job and what it did; None where it failed."""
        self._job_runs.labels(name, "failure" if count is None else "success").inc()
        if count is not None:
            self._job_items.labels(name).inc(count)
            self._job_last_success.labels(name).set_to_current_time()

    def record_delivery(self, channel: str, outcome: str) -> None:
        """Count an attempt of a delivery."""
        self._delivery_attempts.labels(channel, outcome).inc()

    @asynccontextmanager
    async def publishing(self, _app: object) -> AsyncIterator[None]:
        """Update the gauges every second while the application runs."""
        async with background_task(self._publish_periodically()):
            yield
        # the last values of a process remain after it has ended
        self._publish()

    async def _publish_periodically(self) -> None:
        while True:
            self._publish()
            await asyncio.sleep(PUBLISH_INTERVAL)

    def _publish(self) -> None:
        self._count_responses()
        self._in_progress.set(self.in_progress)
        if self._is_listening is not None:
            self._listening.set(self._is_listening())
        if self._pool_usage is not None:
            usage = self._pool_usage()
            self._pool_connections.set(usage.size)
            self._pool_idle.set(usage.idle)
            self._pool_waiting.set(usage.waiting)

    async def exposition(self) -> bytes:
        """Return all metrics in Prometheus's text format, after `STORE_TIMEOUT` at the latest."""
        self._publish()
        collected = CollectorRegistry(auto_describe=False)
        collected.register(
            CollectedMetrics((build_info(), *await store_metrics(self._store_health)))
        )
        if self._shared_folder:
            collected.register(MultiProcessCollector(None, self._shared_folder))
            return generate_latest(collected)
        return generate_latest(collected) + generate_latest(self._registry)
