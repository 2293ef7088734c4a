"""`tickets webhook`: adds, lists, tries and stops webhooks, rotates secrets, replays deliveries.

A secret is the only thing on standard output, so that a script can read it; sentences are on
standard error.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import click

from tickets.adapters.postgres.repositories.webhooks import (
    DeliveryEntry,
    PostgresWebhooks,
    WebhookEntry,
)
from tickets.adapters.webhooks.addresses import AddressPolicy, RefusedUrl, WebhookUrl
from tickets.adapters.webhooks.poster import HttpPoster
from tickets.bootstrap import database_of
from tickets.cli import operations
from tickets.cli.tables import table
from tickets.clock import SystemClock
from tickets.domain.webhooks import (
    EVENTS,
    MAX_WEBHOOKS,
    Answer,
    PostFailed,
    Webhook,
    new_secret,
    trial_message,
)
from tickets.settings.settings import Settings

SECRET_BYTES = 32

SHOWN_DELIVERIES = 50
"""Deliveries that `tickets webhook deliveries` lists: the newest."""

BY_HAND = "disabled by an operator"

Result = TypeVar("Result")


@click.group()
def webhook() -> None:
    """Manage the webhooks: endpoints of yours that are told of tickets."""


@webhook.command(name="add")
@click.argument("url")
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice(EVENTS),
    help="An event to be told of; may be given several times. All of them by default.",
)
@click.pass_obj
def add_webhook(settings: Settings, url: str, events: Sequence[str]) -> None:
    """Add a webhook and print its secret, once. It is told of what happens from now on."""
    secret = new_secret(secrets.token_bytes(SECRET_BYTES))
    webhook_id = _run(settings, lambda s: _add(s, url, events or EVENTS, secret))
    click.echo(f"added webhook {webhook_id}. The secret is shown this once:", err=True)
    click.echo(secret)


@webhook.command(name="list")
@click.pass_obj
def list_webhooks(settings: Settings) -> None:
    """List the webhooks: id, state, what waits and what failed, events and URL."""
    entries = _run(settings, _entries)
    click.echo("\n".join(table(_rows(entries))) if entries else "there are no webhooks")


@webhook.command(name="disable")
@click.argument("webhook_id", metavar="ID", type=int)
@click.pass_obj
def disable_webhook(settings: Settings, webhook_id: int) -> None:
    """Disable a webhook: what happens is kept for 30 days, and is not sent."""
    was_on = _run(settings, lambda s: _disable(s, webhook_id))
    state = "disabled" if was_on else "was disabled already"
    click.echo(f"webhook {webhook_id} {'is ' if was_on else ''}{state}", err=True)


@webhook.command(name="enable")
@click.argument("webhook_id", metavar="ID", type=int)
@click.pass_obj
def enable_webhook(settings: Settings, webhook_id: int) -> None:
    """Enable a webhook again, from now on. What was missed can be replayed."""
    held = _run(settings, lambda s: _enable(s, webhook_id))
    if held is None:
        click.echo(f"webhook {webhook_id} is enabled already", err=True)
    else:
        click.echo(f"webhook {webhook_id} is enabled; {held} deliveries were not sent", err=True)


@webhook.command(name="rotate")
@click.argument("webhook_id", metavar="ID", type=int)
@click.pass_obj
def rotate_secret(settings: Settings, webhook_id: int) -> None:
    """Print a new secret, once. For 24 hours the old one signs as well."""
    secret = new_secret(secrets.token_bytes(SECRET_BYTES))
    _run(settings, lambda s: _rotate(s, webhook_id, secret))
    click.echo(f"webhook {webhook_id} has a new secret, which is shown this once:", err=True)
    click.echo(secret)


@webhook.command(name="test")
@click.argument("webhook_id", metavar="ID", type=int)
@click.pass_obj
def test_webhook(settings: Settings, webhook_id: int) -> None:
    """Send the event webhook.test at once, and print what was answered."""
    answer = _run(settings, lambda s: _try(s, webhook_id))
    click.echo(str(answer))
    if not answer.is_success:
        raise click.ClickException("The endpoint did not answer with a 2xx.")


@webhook.command(name="deliveries")
@click.argument("webhook_id", metavar="ID", type=int)
@click.pass_obj
def list_deliveries(settings: Settings, webhook_id: int) -> None:
    """List the newest deliveries of a webhook, with their outcomes and errors."""
    entries = _run(settings, lambda s: _deliveries(s, webhook_id))
    click.echo("\n".join(table(_delivery_rows(entries))) if entries else "there are no deliveries")


@webhook.command(name="replay")
@click.argument("delivery_id", metavar="DELIVERY", type=int)
@click.pass_obj
def replay_delivery(settings: Settings, delivery_id: int) -> None:
    """Send a delivery again: the same id and body, with a fresh timestamp and signature."""
    if not _run(settings, lambda s: _replay(s, delivery_id)):
        raise click.ClickException(
            f"There is no delivery {delivery_id} of an enabled webhook that has ended. "
            "`tickets webhook deliveries ID` lists them."
        )
    click.echo(f"delivery {delivery_id} will be sent again", err=True)


def _run(settings: Settings, work: Callable[[Settings], Coroutine[Any, Any, Result]]) -> Result:
    with operations.database(settings) as target:
        asyncio.run(operations.migrate(target.settings, take_over=False))
        return asyncio.run(work(target.settings))


@asynccontextmanager
async def _webhooks(settings: Settings) -> AsyncIterator[PostgresWebhooks]:
    async with database_of(settings).open() as database:
        yield PostgresWebhooks(database)


async def _find(webhooks: PostgresWebhooks, webhook_id: int) -> Webhook:
    found = await webhooks.by_id(webhook_id, at=SystemClock().now())
    if found is None:
        raise click.ClickException(
            f"There is no webhook {webhook_id}. `tickets webhook list` shows all of them."
        )
    return found


async def _add(settings: Settings, url: str, events: Sequence[str], secret: str) -> int:
    try:
        await AddressPolicy(settings.webhook_allow).resolve(WebhookUrl.parse(url))
    except RefusedUrl as error:
        raise click.ClickException(str(error)) from error
    async with _webhooks(settings) as webhooks:
        at = SystemClock().now()
        webhook_id = await webhooks.add(url, events=events, secret=secret, at=at)
    if webhook_id is None:
        raise click.ClickException(
            f"There is a webhook with this URL already, or there are {MAX_WEBHOOKS}, the most."
        )
    return webhook_id


async def _entries(settings: Settings) -> Sequence[WebhookEntry]:
    async with _webhooks(settings) as webhooks:
        return await webhooks.entries()


async def _disable(settings: Settings, webhook_id: int) -> bool:
    async with _webhooks(settings) as webhooks:
        found = await _find(webhooks, webhook_id)
        return await webhooks.stop(found.url, because=BY_HAND, at=SystemClock().now())


async def _enable(settings: Settings, webhook_id: int) -> int | None:
    async with _webhooks(settings) as webhooks:
        found = await _find(webhooks, webhook_id)
        return await webhooks.start(found.url, at=SystemClock().now())


async def _rotate(settings: Settings, webhook_id: int, secret: str) -> None:
    async with _webhooks(settings) as webhooks:
        found = await _find(webhooks, webhook_id)
        await webhooks.rotate(found.url, secret=secret, at=SystemClock().now())


async def _try(settings: Settings, webhook_id: int) -> Answer:
    async with _webhooks(settings) as webhooks:
        found = await _find(webhooks, webhook_id)
    clock = SystemClock()
    message = trial_message(found.id, clock.now())
    headers = message.headers(found.secrets, clock.now())
    poster = HttpPoster(AddressPolicy(settings.webhook_allow), clock)
    try:
        return await poster.post(found.url, headers, message.body)
    except PostFailed as error:
        raise click.ClickException(f"There was no answer: {error}") from error


async def _deliveries(settings: Settings, webhook_id: int) -> Sequence[DeliveryEntry]:
    async with _webhooks(settings) as webhooks:
        found = await _find(webhooks, webhook_id)
        return await webhooks.deliveries(found.url, limit=SHOWN_DELIVERIES)


async def _replay(settings: Settings, delivery_id: int) -> bool:
    async with _webhooks(settings) as webhooks:
        return await webhooks.replay(delivery_id, at=SystemClock().now())


def _rows(entries: Sequence[WebhookEntry]) -> Sequence[Sequence[str]]:
    return [
        ("id", "state", "waiting", "failed", "events", "url"),
        *(
            (
                str(entry.id),
                _state(entry),
                str(entry.waiting),
                str(entry.failed),
                "all" if set(entry.events) == set(EVENTS) else ",".join(entry.events),
                entry.url,
            )
            for entry in entries
        ),
    ]


def _state(entry: WebhookEntry) -> str:
    if entry.stopped_because is not None:
        return f"disabled ({entry.stopped_because})"
    if entry.failing_since is not None:
        return f"failing since {entry.failing_since:%Y-%m-%d %H:%M}"
    return "enabled"


def _delivery_rows(entries: Sequence[DeliveryEntry]) -> Sequence[Sequence[str]]:
    return [
        ("id", "event", "ticket", "attempts", "outcome", "at", "error"),
        *(
            (
                str(entry.id),
                entry.event,
                str(entry.ticket_id),
                str(entry.attempts),
                entry.outcome or "waiting",
                f"{entry.at:%Y-%m-%d %H:%M:%S}",
                entry.last_error or "",
            )
            for entry in entries
        ),
    ]
