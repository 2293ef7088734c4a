"""Metrics that are read at each scrape: the store's figures, and build information."""

from __future__ import annotations

import asyncio
import logging
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tickets.domain.deliveries import ChannelFigures
from tickets.domain.errors import TicketsError
from tickets.domain.ports import StoreHealth

logger = logging.getLogger("tickets")

STORE_TIMEOUT = 2.0
"""Seconds that a scrape waits for the store before it reports it as down."""


@dataclass(frozen=True, slots=True, eq=False)
class CollectedMetrics(Collector):
    """A collector of metrics that were read before."""

    metrics: tuple[Metric, ...]

    def collect(self) -> Iterator[Metric]:
        """Return the metrics."""
        return iter(self.metrics)


async def store_metrics(store_health: StoreHealth | None) -> tuple[Metric, ...]:
    """Return the store's figures, or that it is down where it does not respond in time."""
    if store_health is None:
        return ()
    up = GaugeMetricFamily(
        "tickets_database_up", "1 if the database answered this scrape in time, else 0."
    )
    started = time.perf_counter()
    try:
        async with asyncio.timeout(STORE_TIMEOUT):
            figures = await store_health.figures()
    except (TicketsError, TimeoutError) as error:
        seconds = time.perf_counter() - started
        logger.warning("scrape without the database's figures after %.1f s: %r", seconds, error)
        up.add_metric([], 0)
        return (up,)
    up.add_metric([], 1)
    unread = GaugeMetricFamily("tickets_unread", "Unread tickets, by side.", labels=["side"])
    unread.add_metric(["user"], figures.unread_by_users)
    unread.add_metric(["admin"], figures.unread_by_admins)
    migrations = GaugeMetricFamily(
        "tickets_migrations", "Migrations of this version, by state.", labels=["state"]
    )
    migrations.add_metric(["applied"], figures.migrations_applied)
    migrations.add_metric(["due"], figures.migrations_due)
    remaining = GaugeMetricFamily(
        "tickets_verification_findings",
        "Findings of the last daily verification, or the present one, that were not repaired.",
    )
    remaining.add_metric([], figures.findings_remaining)
    outbox = _outbox(figures.deliveries)
    if figures.verified_at is None:
        return (up, unread, migrations, remaining, *outbox)
    verified = GaugeMetricFamily(
        "tickets_verification_last_run_timestamp_seconds",
        "When the daily verification of derived data last ended.",
    )
    verified.add_metric([], figures.verified_at)
    return (up, unread, migrations, remaining, *outbox, verified)


def _outbox(channels: Sequence[ChannelFigures]) -> tuple[Metric, ...]:
    waiting = GaugeMetricFamily(
        "tickets_deliveries_waiting",
        "Deliveries in the outbox that were not sent yet, by channel.",
        labels=["channel"],
    )
    oldest = GaugeMetricFamily(
        "tickets_deliveries_oldest_seconds",
        "For how long the oldest of them has been due, by channel.",
        labels=["channel"],
    )
    parked = GaugeMetricFamily(
        "tickets_deliveries_parked",
        "Deliveries that could not be built, by channel.",
        labels=["channel"],
    )
    for figures in channels:
        waiting.add_metric([figures.channel], figures.waiting)
        oldest.add_metric([figures.channel], max(0.0, figures.oldest_seconds))
        parked.add_metric([figures.channel], figures.parked)
    return (waiting, oldest, parked)


def build_info() -> Metric:
    """Return the versions of the service and of Python, as labels."""
    info = GaugeMetricFamily(
        "tickets_build_info",
        "Version of the service and of Python, as labels; always 1.",
        labels=["version", "python"],
    )
    info.add_metric([version("tickets"), platform.python_version()], 1)
    return info
