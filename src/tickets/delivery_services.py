"""Composes the background services that drain the outbox, one for each channel that is on."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from operator import attrgetter
from typing import Any

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.repositories.deliveries import PostgresDeliveries
from tickets.adapters.postgres.repositories.webhooks import PostgresWebhooks
from tickets.adapters.webhooks.addresses import AddressPolicy
from tickets.adapters.webhooks.poster import HttpPoster
from tickets.application.drain import Drain
from tickets.application.webhook_delivery import SENDERS, OnOutcome, WebhookDelivery
from tickets.background import background_task
from tickets.domain.ports import Clock
from tickets.settings.settings import Settings

Service = Callable[[object], AbstractAsyncContextManager[None]]
"""A lifespan of the application."""


def ignore_outcome(_channel: str, _outcome: str) -> None:
    """Do nothing after an attempt."""


def delivery_services(
    settings: Settings, database: Database, clock: Clock, on_outcome: OnOutcome
) -> Sequence[Service]:
    """Return the services; each runs while the application does."""
    webhooks = WebhookDelivery(
        PostgresDeliveries(database),
        PostgresWebhooks(database),
        HttpPoster(AddressPolicy(settings.webhook_allow), clock),
        clock,
        chance=random.random,
        on_outcome=on_outcome,
    )
    drain = Drain(
        "webhooks",
        webhooks.claim,
        webhooks.deliver,
        target_of=attrgetter("target"),
        senders=SENDERS,
    )
    return [_service(drain.run)]


def _service(run: Callable[[], Coroutine[Any, Any, None]]) -> Service:
    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with background_task(run()):
            yield

    return lifespan
