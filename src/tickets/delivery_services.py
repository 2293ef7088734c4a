"""Composes the background services that drain the outbox, one for each channel that is on."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from email.utils import parseaddr
from operator import attrgetter
from typing import Any

from tickets.adapters.mail.rendering import MailSettings
from tickets.adapters.mail.smtp import SmtpMailer
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.repositories.deliveries import PostgresDeliveries
from tickets.adapters.postgres.repositories.mailbook import PostgresMailbook
from tickets.adapters.postgres.repositories.webhooks import PostgresWebhooks
from tickets.adapters.webhooks.addresses import AddressPolicy
from tickets.adapters.webhooks.poster import HttpPoster
from tickets.application.drain import RETRY_SECONDS, Drain
from tickets.application.mail_delivery import SENDERS as MAIL_SENDERS
from tickets.application.mail_delivery import MailDelivery
from tickets.application.mail_plans import MailPlans
from tickets.application.webhook_delivery import SENDERS, OnOutcome, WebhookDelivery
from tickets.background import background_task
from tickets.domain.errors import TicketsError
from tickets.domain.ports import Clock
from tickets.settings.settings import Settings
from tickets.settings.smtp_url import SmtpServer

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
    webhooks_drain = Drain(
        "webhooks",
        webhooks.claim,
        webhooks.deliver,
        target_of=attrgetter("target"),
        senders=SENDERS,
    )
    return [_service(webhooks_drain.run), _service(mail_run(settings, database, clock, on_outcome))]


def mail_run(
    settings: Settings, database: Database, clock: Clock, on_outcome: OnOutcome
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the service of mail, which switches mail on or off and then drains its outbox."""
    mailbook = PostgresMailbook(database)
    mailer = mailer_of(settings, clock)
    if mailer is None:
        return lambda: _until_done(lambda: mailbook.switch_off(at=clock.now()))
    mail_settings = mail_settings_of(settings)
    plans = MailPlans(
        mailbook,
        domain=mail_settings.domain,
        sender=parseaddr(mail_settings.sender)[1],
        team=settings.mail_admins,
    )
    delivery = MailDelivery(
        PostgresDeliveries(database),
        mailbook,
        mailer,
        plans,
        clock,
        quiet_period=timedelta(minutes=settings.mail_after),
        on_outcome=on_outcome,
    )
    drain = Drain(
        "mail", delivery.claim, delivery.deliver, target_of=lambda _work: "", senders=MAIL_SENDERS
    )

    async def run() -> None:
        key = secrets.token_urlsafe(32)
        await _until_done(lambda: mailbook.switch_on(key=key, at=clock.now()))
        await drain.run()

    return run


def mail_settings_of(settings: Settings) -> MailSettings:
    """Return what mails are made with; the settings must have mail switched on."""
    assert settings.mail_from is not None  # noqa: S101 - the settings have been checked
    assert settings.public_url is not None  # noqa: S101 - the same
    return MailSettings(
        sender=settings.mail_from,
        public_url=settings.public_url,
        reply_to=settings.mail_reply_to,
        has_content=settings.mail_content,
    )


def mailer_of(settings: Settings, clock: Clock) -> SmtpMailer | None:
    """Return the mailer of these settings, None where mail is off."""
    if settings.smtp_url is None:
        return None
    envelope = settings.mail_envelope_from
    return SmtpMailer(
        SmtpServer.parse(settings.smtp_url),
        mail_settings_of(settings),
        clock,
        envelope_sender=None if envelope is None else parseaddr(envelope)[1],
    )


async def _until_done(work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Do this once, as soon as the database can."""
    while True:
        try:
            await work()
        except TicketsError:
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


def _service(run: Callable[[], Coroutine[Any, Any, None]]) -> Service:
    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with background_task(run()):
            yield

    return lifespan
