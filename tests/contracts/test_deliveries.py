"""The outbox on every adapter: claims, leases, order per ticket, outcomes, pruning, figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.world import ADMIN, START, World
from tickets.application.delivery_expiry import DeliveryExpiry
from tickets.domain.deliveries import LEASE, Channel, ChannelFigures, Delivery, Outcome
from tickets.domain.people import Actor, Side
from tickets.domain.ticket import Status

EVERYTHING = ("ticket.created", "message.created", "ticket.status_changed", "ticket.assigned")
HOOK, OTHER_HOOK = "https://a.example/hook", "https://b.example/hook"
LATER = START + timedelta(hours=1)
MINUTE = timedelta(minutes=1)


async def claim(
    world: World, at: datetime = LATER, *, limit: int = 100, **options: Any
) -> Sequence[Delivery]:
    """Claim webhooks; by default any number of them for each target."""
    options.setdefault("busy", {})
    options.setdefault("share", 100)
    return await world.outbox.claim(
        Channel.WEBHOOK, at=at, until=at + LEASE, limit=limit, **options
    )


async def claim_mail(
    world: World, at: datetime = LATER, fresh_before: datetime | None = None
) -> Sequence[Delivery]:
    return await world.outbox.claim_mail(at=at, until=at + LEASE, fresh_before=fresh_before or at)


def places(deliveries: Sequence[Delivery]) -> list[tuple[str, int, str]]:
    return [(each.target, each.ticket_id, each.event) for each in deliveries]


async def test_a_claim_tells_of_the_event_and_its_author(world: World) -> None:
    await world.channel("webhook", HOOK, *EVERYTHING)
    ticket, anna = await world.ticket(), await world.admin("Anna")
    message = await world.reply(ticket.id, Actor.named(anna), "Done.")
    (created,) = await claim(world)
    await world.outbox.close(created, Outcome.SENT, at=LATER)
    (answered,) = await claim(world)

    assert (created.event, created.by, created.attempts) == ("ticket.created", Side.USER, 1)
    assert created.at == ticket.created_at
    assert (answered.by, answered.admin_id) == (Side.ADMIN, anna.id)
    assert answered.message_id == message.id
    assert msgspec.json.decode(answered.body)["message"]["message"] == "Done."
    assert answered.lease == LATER + LEASE


async def test_a_claimed_delivery_is_claimed_once_until_its_lease_has_ended(world: World) -> None:
    await world.channel("webhook", HOOK, *EVERYTHING)
    await world.ticket()
    (first,) = await claim(world)

    assert await claim(world) == []
    assert await claim(world, LATER + LEASE - MINUTE) == []
    (second,) = await claim(world, LATER + LEASE)

    assert (second.id, second.attempts) == (first.id, 2)
    # the process that was stopped past its lease changes nothing
    assert not await world.outbox.close(first, Outcome.SENT, at=LATER)
    assert not await world.outbox.retry(first, due_at=LATER, error="late")
    assert not await world.outbox.release(first, error="late")
    assert await world.outcomes() == [(None, 2, None)]
    assert await world.outbox.close(second, Outcome.SENT, at=LATER)
    assert await world.outcomes() == [("sent", 2, None)]
    # nor does the one whose delivery is closed
    assert not await world.outbox.close(second, Outcome.FAILED, at=LATER)


async def test_only_the_oldest_open_delivery_of_a_target_and_ticket_is_claimed(
    world: World,
) -> None:
    await world.channel("webhook", HOOK, *EVERYTHING)
    await world.channel("webhook", OTHER_HOOK, *EVERYTHING)
    one, two = await world.ticket(), await world.ticket()
    await world.reply(one.id, ADMIN)

    claimed = await claim(world)

    assert set(places(claimed)) == {
        (hook, ticket.id, "ticket.created") for hook in (HOOK, OTHER_HOOK) for ticket in (one, two)
    }
    assert await claim(world) == []
    closed = next(each for each in claimed if (each.target, each.ticket_id) == (HOOK, one.id))
    await world.outbox.close(closed, Outcome.SENT, at=LATER)
    assert places(await claim(world)) == [(HOOK, one.id, "message.created")]


async def test_what_is_retried_holds_back_its_own_ticket_alone(world: World) -> None:
    await world.channel("webhook", HOOK, *EVERYTHING)
    one, two = await world.ticket(), await world.ticket()
    await world.reply(one.id, ADMIN)
    (first, second) = await claim(world)
    await world.outbox.retry(first, due_at=LATER + MINUTE, error="500", unconfirmed=True)
    await world.outbox.close(second, Outcome.SENT, at=LATER)
    await world.reply(two.id, ADMIN)

    assert places(await claim(world)) == [(HOOK, two.id, "message.created")]
    (again,) = await claim(world, LATER + MINUTE)

    assert (again.id, again.attempts, again.unconfirmed) == (first.id, 2, 1)
    assert (await world.outcomes())[0] == (None, 2, "500")


async def test_a_released_delivery_counts_as_not_attempted(world: World) -> None:
    await world.channel("webhook", HOOK, *EVERYTHING)
    await world.ticket()
    (first,) = await claim(world)

    assert await world.outbox.release(first, error="the mail server is away")

    assert await world.outcomes() == [(None, 0, "the mail server is away")]
    (second,) = await claim(world)
    assert second.attempts == 1


async def test_a_target_gets_no_more_than_its_share(world: World) -> None:
    for hook in (HOOK, OTHER_HOOK):
        await world.channel("webhook", hook, *EVERYTHING)
    for _ in range(5):
        await world.ticket()

    first = await claim(world, share=2)
    second = await claim(world, share=2, busy={HOOK: 2, OTHER_HOOK: 1})

    assert sorted(each.target for each in first) == [HOOK] * 2 + [OTHER_HOOK] * 2
    assert [each.target for each in second] == [OTHER_HOOK]


async def test_what_waits_behind_a_failing_target_takes_no_place_in_a_claim(world: World) -> None:
    await world.channel("webhook", HOOK, *EVERYTHING)
    ticket = await world.ticket()
    for _ in range(5):
        await world.reply(ticket.id, ADMIN)
    (first,) = await claim(world)
    await world.outbox.retry(first, due_at=LATER + LEASE, error="500")
    await world.channel("webhook", OTHER_HOOK, *EVERYTHING)
    await world.reply(ticket.id, ADMIN)

    assert places(await claim(world, limit=1)) == [(OTHER_HOOK, ticket.id, "message.created")]


async def test_the_longest_due_are_claimed_first(world: World) -> None:
    await world.channel("webhook", HOOK, *EVERYTHING)
    tickets = [await world.ticket() for _ in range(3)]

    assert [each.ticket_id for each in await claim(world, limit=2)] == [
        ticket.id for ticket in tickets[:2]
    ]


async def test_nothing_is_claimed_before_it_is_due_or_of_a_channel_that_is_stopped(
    world: World,
) -> None:
    await world.channel("webhook", HOOK, *EVERYTHING)
    await world.channel("mail", "customer", *EVERYTHING)
    await world.ticket()

    assert await claim(world, START) == []
    await world.stop(HOOK)
    await world.stop("customer")
    assert await claim(world) == []
    assert await claim_mail(world) == []
    assert await world.outcomes() == [(None, 0, None)] * 2


async def test_a_mail_claim_has_all_messages_of_its_ticket_and_what_else_is_due(
    world: World,
) -> None:
    await world.channel("mail", "customer", *EVERYTHING)
    ticket, other = await world.ticket(), await world.ticket()
    await world.reply(ticket.id, ADMIN)
    fresh_before = world.clock.now()
    world.clock.pass_time(minutes=4)
    await world.service.change_status(ticket.id, "resolved", by=ADMIN)
    await world.reply(ticket.id, ADMIN)

    claimed = await claim_mail(world, fresh_before=fresh_before)
    others = await claim_mail(world, fresh_before=fresh_before)

    assert places(claimed) == [
        ("customer", ticket.id, "ticket.created"),
        ("customer", ticket.id, "message.created"),
        ("customer", ticket.id, "message.created"),
    ]
    assert places(others) == [("customer", other.id, "ticket.created")]
    for delivery in claimed:
        await world.outbox.close(delivery, Outcome.SENT, at=LATER)
    assert await claim_mail(world, fresh_before=fresh_before) == []
    assert places(await claim_mail(world)) == [("customer", ticket.id, "ticket.status_changed")]


async def test_a_mail_claim_holds_all_tickets_of_one_recipient(world: World) -> None:
    await world.channel("mail", "customer", "ticket.status_changed")
    await world.channel("mail", "admins", "ticket.created", "ticket.assigned")
    anna, users = await world.admin("Anna"), [await world.user(), await world.user()]
    tickets = [await world.ticket(user_id) for user_id in (*users, *users)]
    for ticket in tickets:
        await world.service.change_status(ticket.id, Status.RESOLVED, by=ADMIN)
    team = places(await claim_mail(world))
    ones = places(await claim_mail(world))
    twos = places(await claim_mail(world))
    await world.service.assign(tickets[0].id, anna.id, by=ADMIN)

    assert team == [("admins", ticket.id, "ticket.created") for ticket in tickets]
    assert ones == [("customer", ticket.id, "ticket.status_changed") for ticket in tickets[::2]]
    assert twos == [("customer", ticket.id, "ticket.status_changed") for ticket in tickets[1::2]]
    # the creation of the ticket is the older one, and is claimed
    assert await claim_mail(world) == []


async def test_a_retried_mail_is_due_at_its_time(world: World) -> None:
    await world.channel("mail", "customer", *EVERYTHING)
    await world.ticket()
    (first,) = await claim_mail(world)
    due_at = LATER + MINUTE
    await world.outbox.retry(first, due_at=due_at, error="450")

    assert await claim_mail(world, due_at - timedelta(seconds=1)) == []
    assert len(await claim_mail(world, due_at, fresh_before=START)) == 1


async def test_closed_deliveries_are_deleted_in_batches_the_oldest_first(world: World) -> None:
    await world.channel("webhook", HOOK, *EVERYTHING)
    for _ in range(3):
        await world.ticket()
    for days, delivery in enumerate(await claim(world, limit=2)):
        await world.outbox.close(delivery, Outcome.SENT, at=LATER + timedelta(days=days))

    before = LATER + timedelta(days=2)
    assert await world.outbox.delete_closed(LATER, limit=10) == 0
    assert await world.outbox.delete_closed(before, limit=1) == 1
    assert await world.outbox.delete_closed(before, limit=10) == 1
    assert await world.outbox.delete_closed(before, limit=10) == 0
    assert await world.outcomes() == [(None, 0, None)]


async def test_the_figures_count_what_waits_and_what_is_parked(world: World) -> None:
    assert await world.outbox.figures(at=LATER) == []
    await world.channel("webhook", HOOK, *EVERYTHING)
    await world.channel("webhook", OTHER_HOOK, "ticket.created")
    await world.channel("mail", "customer", "ticket.created")
    ticket = await world.ticket()
    (first, _second) = await claim(world)
    await world.outbox.close(first, Outcome.PARKED, at=LATER, error="no body")
    await world.stop("customer")

    age = (LATER - ticket.created_at).total_seconds()
    assert await world.outbox.figures(at=LATER) == [
        ChannelFigures("mail", 0, 0, 0),
        ChannelFigures("webhook", 1, age, 1),
    ]


@pytest.mark.parametrize("change", [{"id": 99999}, {"lease": START}])
async def test_an_unknown_delivery_or_lease_is_refused(
    world: World, change: dict[str, Any]
) -> None:
    await world.channel("webhook", HOOK, *EVERYTHING)
    await world.ticket()
    (delivery,) = await claim(world)

    assert not await world.outbox.close(replace(delivery, **change), Outcome.SENT, at=LATER)


async def test_what_was_closed_a_month_ago_expires(world: World) -> None:
    await world.channel("webhook", HOOK, *EVERYTHING)
    await world.ticket()
    (delivery,) = await claim(world)
    await world.outbox.close(delivery, Outcome.SENT, at=world.clock.now())
    expiry = DeliveryExpiry(world.outbox, world.clock)

    world.clock.pass_time(days=29)
    assert await expiry.delete_expired() == 0
    world.clock.pass_time(days=1)
    assert await expiry.delete_expired() == 1
