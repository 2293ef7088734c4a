"""What a scrape asks the store, for all processes together, within a bounded time; and which version asks."""

from __future__ import annotations

import asyncio
import logging
import platform
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tickets.domain.errors import TicketsError

logger = logging.getLogger("tickets")

STORE_SECONDS = 2.0
"""How long a scrape waits for the store before it tells that there was no answer."""


class StoreFigures(Protocol):
    """What only the store knows, for all processes together."""

    @property
    def unread_by_users(self) -> int:
        """Tickets that hold something unread for their user."""

    @property
    def unread_by_admins(self) -> int:
        """Tickets that hold something unread for the admins."""

    @property
    def migrations_applied(self) -> int:
        """Migrations of this version that the store has."""

    @property
    def migrations_due(self) -> int:
        """Migrations of this version that the store lacks."""


FetchStoreFigures = Callable[[], Awaitable[StoreFigures]]
"""Returns the store's figures; raises `StoreUnavailable`."""


@dataclass(frozen=True, slots=True, eq=False)
class Known(Collector):
    """Samples that are complete when a scrape begins."""

    metrics: tuple[Metric, ...]

    def collect(self) -> Iterator[Metric]:
        """Return them."""
        return iter(self.metrics)


async def store_metrics(store: FetchStoreFigures | None) -> tuple[Metric, ...]:
    """Return what the store says of itself, and that it is away where it says nothing in time."""
    if store is None:
        return ()
    up = GaugeMetricFamily(
        "tickets_database_up", "1 where the database answered this scrape in time, else 0."
    )
    started = time.perf_counter()
    try:
        async with asyncio.timeout(STORE_SECONDS):
            figures = await store()
    except (TicketsError, TimeoutError) as error:
        seconds = time.perf_counter() - started
        logger.warning("a scrape had no answer from the database in %.1f s: %r", seconds, error)
        up.add_metric([], 0)
        return (up,)
    up.add_metric([], 1)
    unread = GaugeMetricFamily(
        "tickets_unread", "Tickets that hold something unread, by side.", labels=["side"]
    )
    unread.add_metric(["user"], figures.unread_by_users)
    unread.add_metric(["admin"], figures.unread_by_admins)
    migrations = GaugeMetricFamily(
        "tickets_migrations", "Migrations of this version, by state.", labels=["state"]
    )
    migrations.add_metric(["applied"], figures.migrations_applied)
    migrations.add_metric(["due"], figures.migrations_due)
    return (up, unread, migrations)


def build_info() -> Metric:
    """Return which version this is."""
    info = GaugeMetricFamily(
        "tickets_build_info", "Which version runs, on which Python.", labels=["version", "python"]
    )
    info.add_metric([version("tickets"), platform.python_version()], 1)
    return info
