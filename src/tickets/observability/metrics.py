"""Prometheus metrics: what is counted and measured in this process, and in those beside it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from tickets.observability.store_metrics import FetchStoreFigures, Known, build_info, store_metrics

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where several processes of one service share their figures; the client library reads it from the environment."""

PUBLISHING_SECONDS = 1.0
"""How old the figures of one process may be in a scrape that another one answers, or when it is killed."""

TOGETHER = 100
"""Requests that are counted in a row, in a fraction of a millisecond, which holds nobody up."""

BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: from an answer out of the cache to the longest wait for a database that is away."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Any other is counted as OTHER, since a client may send whatever it likes."""

UNMATCHED = "unmatched"
"""The route of a request that none has taken: an unknown address, or a method that it does not take."""


class PoolUsage(Protocol):
    """How a connection pool is doing at this moment."""

    @property
    def size(self) -> int:
        """Connections that are open."""

    @property
    def idle(self) -> int:
        """Those of them that nobody uses."""

    @property
    def waiting(self) -> int:
        """Requests that wait for one."""


class Metrics:
    """One process's metrics; with `PROMETHEUS_MULTIPROC_DIR` set, a scrape of any shows all together."""

    def __init__(
        self,
        *,
        pool: Callable[[], PoolUsage] | None = None,
        listening: Callable[[], bool] | None = None,
        store: FetchStoreFigures | None = None,
    ) -> None:
        """Begin at nought; `pool`, `listening` and `store` are asked at each scrape, where there are any."""
        disable_created_metrics()
        self._pool, self._listening, self._store = pool, listening, store
        self._shared = os.environ.get(SHARED_FOLDER)
        if self._shared:
            # a process that was killed may have had this number before
            mark_process_dead(os.getpid(), self._shared)
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "tickets_http_requests",
            "Requests that have been answered, by route template.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._durations = Histogram(
            "tickets_http_request_duration_seconds",
            "How long requests took, from their first byte being read to their answer being sent.",
            ["method", "route"],
            buckets=BUCKETS,
            registry=registry,
        )
        self.in_progress = 0
        """Requests that are being answered."""
        self._in_progress = self._gauge(
            "tickets_http_requests_in_progress", "Requests that are being answered."
        )
        self._pool_gauges = {
            name: self._gauge(f"tickets_pool_{name}", help_text)
            for name, help_text in (
                ("connections", "Connections to the database that are open."),
                ("connections_idle", "Connections to the database that nobody uses."),
                ("waiting", "Requests that wait for a connection to the database."),
            )
        }
        self._processes_listening = self._gauge(
            "tickets_listening",
            "Processes that hear what others change, and may answer from memory.",
        )
        self._job_runs = Counter(
            "tickets_chores",
            "Times that something was done which the service does by itself, by outcome.",
            ["chore", "outcome"],
            registry=registry,
        )
        self._job_items = Counter(
            "tickets_chore_items",
            "What came of it: tickets closed, tokens and keys forgotten.",
            ["chore"],
            registry=registry,
        )
        self._last_success = Gauge(
            "tickets_chore_last_success_timestamp_seconds",
            "When it was last done without failing.",
            ["chore"],
            registry=registry,
            multiprocess_mode="max",
        )
        self._uncounted: list[tuple[tuple[str, str, int], float]] = []

    def _gauge(self, name: str, help_text: str) -> Gauge:
        return Gauge(name, help_text, registry=self._registry, multiprocess_mode="livesum")

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that has been answered, now or together with some that follow.

        What the client library does for one request finds the processor's caches full of other things, and
        takes several times as long as for the next one in a row.
        """
        self._uncounted.append(((method, route, status), seconds))
        if len(self._uncounted) >= TOGETHER:
            self._count()

    def _count(self) -> None:
        alike: dict[tuple[str, str, int], list[float]] = {}
        for kind, seconds in self._uncounted:
            alike.setdefault(kind, []).append(seconds)
        self._uncounted.clear()
        for (method, route, status), durations in alike.items():
            labels = (method if method in METHODS else "OTHER", route)
            self._requests.labels(*labels, str(status)).inc(len(durations))
            observe = self._durations.labels(*labels).observe
            for seconds in durations:
                observe(seconds)

    def job_done(self, name: str, count: int | None) -> None:
        """Count something that the service does by itself, and what came of it; None where it failed."""
        self._job_runs.labels(name, "failure" if count is None else "success").inc()
        if count is not None:
            self._job_items.labels(name).inc(count)
            self._last_success.labels(name).set_to_current_time()

    @asynccontextmanager
    async def published(self, _app: object) -> AsyncIterator[None]:
        """Put down every second what this process is at, while the application runs."""

        async def publish() -> None:
            while True:
                self.publish()
                await asyncio.sleep(PUBLISHING_SECONDS)

        task = asyncio.create_task(publish())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            # what is put down of a process stays there when it is gone
            self.publish()

    def publish(self) -> None:
        """Put down what this process has done and is at, and how it uses the database, for a scrape that another answers."""
        self._count()
        self._in_progress.set(self.in_progress)
        if self._listening is not None:
            self._processes_listening.set(self._listening())
        if self._pool is None:
            return
        usage = self._pool()
        self._pool_gauges["connections"].set(usage.size)
        self._pool_gauges["connections_idle"].set(usage.idle)
        self._pool_gauges["waiting"].set(usage.waiting)

    async def exposition(self) -> bytes:
        """Return everything in Prometheus's text format; takes little longer than the store is waited for."""
        self.publish()
        told = CollectorRegistry(auto_describe=False)
        told.register(Known((build_info(), *await store_metrics(self._store))))
        if self._shared:
            told.register(MultiProcessCollector(None, self._shared))
            return generate_latest(told)
        return generate_latest(told) + generate_latest(self._registry)
