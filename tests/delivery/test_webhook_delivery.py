"""Webhooks over every adapter: what is posted, retried, given up, parked, held and stopped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from standardwebhooks import Webhook as Verifier

from tests.world import ADMIN, World
from tickets.adapters.memory.webhooks import SECRET
from tickets.application.delivery_expiry import DeliveryExpiry
from tickets.application.webhook_delivery import SHARE, WebhookDelivery
from tickets.domain.deliveries import Delivery
from tickets.domain.webhooks import (
    EVENTS,
    SCHEDULE,
    Answer,
    PostFailed,
    SignedMessage,
    message_of,
)

HOOK, OTHER_HOOK = "https://a.example/hook", "https://b.example/hook"
OK = Answer(200)


class FakePoster:
    """Answers by URL, and keeps what was posted."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | str] = {}
        self.posted: list[tuple[str, Mapping[str, str], bytes]] = []

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.posted.append((url, headers, body))
        answer = self.answers.get(url, OK)
        if isinstance(answer, str):
            raise PostFailed(answer)
        return answer

    def events(self, url: str = HOOK) -> list[str]:
        return [msgspec.json.decode(body)["type"] for to, _, body in self.posted if to == url]


class Delivering:
    """One process that delivers webhooks, one claim after the other."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.poster = FakePoster()
        self.outcomes: list[str] = []
        self.delivery = WebhookDelivery(
            world.outbox,
            world.webhooks,
            self.poster,
            world.clock,
            chance=lambda: 0.0,
            on_outcome=lambda _channel, outcome: self.outcomes.append(outcome),
        )

    async def until_idle(self) -> None:
        """Deliver until nothing is due."""
        while claimed := await self.delivery.claim({}, 10):
            for each in claimed:
                await self.delivery.deliver(each)


@pytest.fixture
async def delivering(world: World) -> Delivering:
    await world.channel("webhook", HOOK, *EVENTS)
    return Delivering(world)


async def test_a_ticket_is_told_of_in_its_order_once_each(
    delivering: Delivering, world: World
) -> None:
    ticket = await world.ticket()
    await world.reply(ticket.id, ADMIN, "Done.")
    await world.service.change_status(ticket.id, "resolved", by=ADMIN)
    await world.service.set_priority(ticket.id, "low", by=ADMIN)

    await delivering.until_idle()
    await delivering.until_idle()

    assert delivering.poster.events() == [
        "ticket.created",
        "message.created",
        "ticket.status_changed",
        "ticket.priority_changed",
    ]
    for _url, headers, body in delivering.poster.posted:
        # its time is that of the test, not of the library's clock
        message = body.decode()
        signed = Verifier(SECRET).sign(headers["webhook-id"], _time(headers), message)
        assert headers["webhook-signature"] == signed
    data = msgspec.json.decode(delivering.poster.posted[1][2])["data"]
    assert data["message"]["message"] == "Done."
    assert data["ticket"]["user_email"].endswith("@example.com")
    assert not {"user_unread", "admin_unread", "notes", "events"} & set(data["ticket"])
    assert delivering.outcomes == ["sent"] * 4


def _time(headers: Mapping[str, str]) -> datetime:
    return datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)


async def test_a_failure_is_retried_with_the_same_id_and_body(
    delivering: Delivering, world: World
) -> None:
    await world.ticket()
    delivering.poster.answers[HOOK] = Answer(500, "oops")
    await delivering.until_idle()
    assert await world.outcomes() == [(None, 1, "HTTP 500: oops")]
    world.clock.pass_time(seconds=6)
    delivering.poster.answers[HOOK] = "no answer within 10 seconds"
    await delivering.until_idle()
    world.clock.pass_time(seconds=16)
    delivering.poster.answers[HOOK] = OK
    await delivering.until_idle()

    assert [outcome for outcome, _, _ in await world.outcomes()] == ["sent"]
    posted = delivering.poster.posted
    assert len(posted) == 3
    assert len({(headers["webhook-id"], body) for _, headers, body in posted}) == 1
    assert len({headers["webhook-timestamp"] for _, headers, _ in posted}) == 3
    assert delivering.outcomes == ["retried", "retried", "sent"]


async def test_retry_after_counts_instead_of_the_schedule(
    delivering: Delivering, world: World
) -> None:
    await world.ticket()
    delivering.poster.answers[HOOK] = Answer(429, retry_after=timedelta(minutes=5))
    await delivering.until_idle()

    world.clock.pass_time(minutes=4)
    await delivering.until_idle()
    assert len(delivering.poster.posted) == 1
    world.clock.pass_time(minutes=1)
    await delivering.until_idle()
    assert len(delivering.poster.posted) == 2


async def test_a_delivery_is_given_up_after_a_day_and_the_next_one_goes(
    delivering: Delivering, world: World
) -> None:
    ticket = await world.ticket()
    await world.reply(ticket.id, ADMIN)
    delivering.poster.answers[HOOK] = Answer(500)
    for _ in range(len(SCHEDULE.waits) + 1):
        await delivering.until_idle()
        world.clock.pass_time(hours=1, seconds=1)

    assert delivering.outcomes.count("failed") == 1
    assert delivering.poster.events()[-1] == "message.created"
    assert (await world.outcomes())[0][0] == "failed"


async def test_a_webhook_that_fails_for_three_days_is_disabled(
    delivering: Delivering, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    delivering.poster.answers[HOOK] = Answer(500)
    for _ in range(4):
        await world.ticket()
        await delivering.until_idle()
        world.clock.pass_time(days=1)

    webhook = await world.webhooks.by_url(HOOK, at=world.clock.now())
    assert webhook is not None
    assert webhook.stopped_because == "all attempts have failed since 2026-02-03"
    assert "is disabled: all attempts have failed" in caplog.text
    assert HOOK not in caplog.text


async def test_one_success_ends_the_series_of_failures(
    delivering: Delivering, world: World
) -> None:
    for day in range(6):
        delivering.poster.answers[HOOK] = OK if day == 2 else Answer(500)
        await world.ticket()
        await delivering.until_idle()
        world.clock.pass_time(days=1)
        if day == 4:
            webhook = await world.webhooks.by_url(HOOK, at=world.clock.now())
            assert webhook is not None
            assert webhook.stopped_because is None


async def test_410_disables_a_webhook_and_what_happens_meanwhile_is_held(
    delivering: Delivering, world: World
) -> None:
    ticket = await world.ticket()
    delivering.poster.answers[HOOK] = Answer(410)
    await delivering.until_idle()
    await world.reply(ticket.id, ADMIN)
    await delivering.until_idle()
    assert len(delivering.poster.posted) == 1

    await DeliveryExpiry(world.outbox, world.clock).delete_expired()

    assert await world.outcomes() == [("failed", 1, "HTTP 410"), ("held", 0, None)]


async def test_a_delivery_that_was_claimed_when_its_webhook_was_stopped_is_held(
    delivering: Delivering, world: World
) -> None:
    await world.ticket()
    (claimed,) = await delivering.delivery.claim({}, 10)
    await world.stop(HOOK)

    await delivering.delivery.deliver(claimed)

    assert delivering.poster.posted == []
    assert [outcome for outcome, _, _ in await world.outcomes()] == ["held"]


async def test_a_body_that_cannot_be_built_is_parked_and_the_next_one_goes(
    delivering: Delivering, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await world.ticket()
    await world.reply(ticket.id, ADMIN)

    def broken(delivery: Delivery) -> SignedMessage:
        if delivery.event == "ticket.created":
            raise KeyError("ticket")
        return message_of(delivery)

    monkeypatch.setattr("tickets.application.webhook_delivery.message_of", broken)
    for _ in range(4):
        await delivering.until_idle()
        world.clock.pass_time(minutes=2)

    assert await world.outcomes() == [("parked", 3, "KeyError: 'ticket'"), ("sent", 1, None)]
    assert delivering.outcomes == ["retried", "retried", "parked", "sent"]


async def test_a_target_that_fails_delays_no_other(delivering: Delivering, world: World) -> None:
    await world.channel("webhook", OTHER_HOOK, *EVENTS)
    delivering.poster.answers[HOOK] = "no answer within 10 seconds"
    for _ in range(5):
        await world.ticket()

    await delivering.until_idle()

    assert len(delivering.poster.events(OTHER_HOOK)) == 5
    assert [outcome for outcome, _, _ in await world.outcomes()].count("sent") == 5


async def test_a_claim_leaves_a_busy_target_alone(delivering: Delivering, world: World) -> None:
    for _ in range(SHARE + 1):
        await world.ticket()

    assert len(await delivering.delivery.claim({}, 100)) == SHARE
    assert await delivering.delivery.claim({HOOK: SHARE}, 100) == []


async def test_what_the_team_does_among_itself_is_not_delivered(
    delivering: Delivering, world: World
) -> None:
    ticket = await world.ticket()
    await delivering.until_idle()
    await world.note_service.add(ticket.id, "Careful.", by=ADMIN)
    await world.service.read(ticket.id, by=ADMIN)
    await world.service.mark_handled(ticket.id, 1, by=ADMIN)
    await delivering.until_idle()

    assert delivering.poster.events() == ["ticket.created"]
