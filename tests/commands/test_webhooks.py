"""`tickets webhook`: added, listed, tried, stopped, rotated, and deliveries replayed."""

from __future__ import annotations

import re

import pytest

from tests.commands.conftest import Shell
from tests.delivery.receiver import a_receiver, answer
from tests.world import ADMIN, PostgresWorld
from tickets.domain.deliveries import LEASE, Channel, Outcome

SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=\n")
"""All that is on standard output where a command prints a secret."""

HOOK = "http://127.0.0.1:9999/hook"


class WebhookCommand:
    """Runs `tickets webhook` on one database; returns exit code, output and errors."""

    def __init__(self, shell: Shell, url: str) -> None:
        self._shell = shell
        self._settings = {"TICKETS_DATABASE_URL": url, "TICKETS_WEBHOOK_ALLOW": "127.0.0.0/8"}

    def __call__(self, *arguments: str, **settings: str) -> tuple[int, str, str]:
        result = self._shell.run("webhook", *arguments, **self._settings | settings)
        return result.returncode, result.stdout, result.stderr

    def refusal(self, *arguments: str, **settings: str) -> str:
        """Return the one line with which a command is refused."""
        code, output, error = self(*arguments, **settings)
        assert (code, output, error.count("\n")) == (1, "", 1)
        return error


@pytest.fixture
def tickets_webhook(shell: Shell, database_url: str) -> WebhookCommand:
    return WebhookCommand(shell, database_url)


async def test_add_prints_the_secret_alone_and_list_never_does(
    tickets_webhook: WebhookCommand, postgres_world: PostgresWorld
) -> None:
    await postgres_world.ticket()
    code, secret, message = tickets_webhook("add", HOOK, "--event", "message.created")

    assert code == 0
    assert SECRET.fullmatch(secret)
    assert secret.strip() not in message
    code, output, _ = tickets_webhook("list")
    assert code == 0
    assert re.search(rf"^1 +enabled +0 +0 +message.created +{HOOK}$", output, re.MULTILINE)
    assert secret.strip() not in output
    # nothing of before, and of what happens now what it wants
    ticket = await postgres_world.ticket()
    await postgres_world.reply(ticket.id, ADMIN)
    assert [each.event for each in await postgres_world.deliveries()] == ["message.created"]
    assert "already" in tickets_webhook.refusal("add", HOOK)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://127.0.0.1/hook", "not public"),
        ("https://user:secret@a.example/", "no user name"),
        ("http://93.184.216.34/", "https://"),
        ("https://93.184.216.34:25/", "port"),
    ],
)
def test_an_unusable_url_is_refused_without_repeating_credentials(
    tickets_webhook: WebhookCommand, url: str, reason: str
) -> None:
    error = tickets_webhook.refusal("add", url, TICKETS_WEBHOOK_ALLOW="")

    assert reason in error
    assert "secret" not in error


async def test_a_disabled_webhook_goes_on_with_new_events_and_replays_old_ones(
    tickets_webhook: WebhookCommand, postgres_world: PostgresWorld
) -> None:
    tickets_webhook("add", HOOK)
    assert "is disabled" in tickets_webhook("disable", "1")[2]
    assert "disabled already" in tickets_webhook("disable", "1")[2]
    assert "disabled by an operator" in tickets_webhook("list")[1]
    await postgres_world.ticket()
    delivery_id = await postgres_world.database.fetchval("select id from ticket_deliveries")

    assert "1 deliveries were not sent" in tickets_webhook("enable", "1")[2]

    assert await postgres_world.outcomes() == [("held", 0, None)]
    assert "held" in tickets_webhook("deliveries", "1")[1]
    assert "sent again" in tickets_webhook("replay", str(delivery_id))[2]
    assert await postgres_world.outcomes() == [(None, 0, None)]
    assert "There is no delivery" in tickets_webhook.refusal("replay", str(delivery_id))
    assert "enabled already" in tickets_webhook("enable", "1")[2]


async def test_a_replay_of_a_disabled_webhook_is_refused(
    tickets_webhook: WebhookCommand, postgres_world: PostgresWorld
) -> None:
    tickets_webhook("add", HOOK)
    await postgres_world.ticket()
    at = postgres_world.clock.now()
    (delivery,) = await postgres_world.outbox.claim(
        Channel.WEBHOOK, at=at, until=at + LEASE, busy={}, share=1, limit=1
    )
    await postgres_world.outbox.close(delivery, Outcome.FAILED, at=at, error="HTTP 500")
    tickets_webhook("disable", "1")

    assert "enabled webhook" in tickets_webhook.refusal("replay", str(delivery.id))


async def test_rotate_lets_the_old_secret_sign_as_well(
    tickets_webhook: WebhookCommand, postgres_world: PostgresWorld
) -> None:
    _, first, _ = tickets_webhook("add", HOOK)
    code, second, message = tickets_webhook("rotate", "1")

    assert code == 0
    assert SECRET.fullmatch(second)
    assert second.strip() not in message
    at = await postgres_world.database.fetchval("select now()")
    webhook = await postgres_world.webhooks.by_url(HOOK, at=at)
    assert webhook is not None
    assert webhook.secrets == [second.strip(), first.strip()]
    later = await postgres_world.database.fetchval("select now() + interval '25 hours'")
    webhook = await postgres_world.webhooks.by_url(HOOK, at=later)
    assert webhook is not None
    assert webhook.secrets == [second.strip()]


def test_an_unknown_webhook_is_named(tickets_webhook: WebhookCommand) -> None:
    for command in ("disable", "enable", "rotate", "test", "deliveries"):
        assert "There is no webhook 7" in tickets_webhook.refusal(command, "7")


async def test_test_posts_at_once_and_prints_the_answer(tickets_webhook: WebhookCommand) -> None:
    import asyncio  # noqa: PLC0415 - a command that the receiver of this process answers

    async with a_receiver(None) as receiver:
        url = f"http://127.0.0.1:{receiver.port}/hook"
        await asyncio.to_thread(tickets_webhook, "add", url)
        receiver.responses = [answer(200, "hello"), answer(500, "oops")]

        good = await asyncio.to_thread(tickets_webhook, "test", "1")
        bad = await asyncio.to_thread(tickets_webhook, "test", "1")

    assert good[:2] == (0, "HTTP 200: hello\n")
    assert bad[:2] == (1, "HTTP 500: oops\n")
    assert [b"webhook.test" in each.body for each in receiver.received] == [True, True]
