"""The port `RateLimiter`, and what `Tickets` counts with what it stores: one suite over every adapter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

import pytest

from tests.world import ADMIN, World
from tickets.application.rate_limits import UserRateLimits
from tickets.domain.errors import StaleTicket, TicketNotFound, TooManyRequests
from tickets.domain.idempotency import IdempotencyKey
from tickets.domain.people import Actor
from tickets.domain.rate_limits import MICROSECOND, Hit, RateLimit
from tickets.domain.write_context import WriteContext

MINUTE = timedelta(minutes=1)
THREE = Hit("anything", "somebody", RateLimit(3, MINUTE))


async def refused(work: Awaitable[object]) -> TooManyRequests:
    with pytest.raises(TooManyRequests) as raised:
        await work
    return raised.value


async def test_as_many_as_the_limit_are_counted_and_then_none(world: World) -> None:
    left = [(await world.rate_limiter.record(THREE)).remaining for _ in range(3)]

    assert left == [2, 1, 0]
    error = await refused(world.rate_limiter.record(THREE))
    assert error.hit == THREE
    assert error.allowance.remaining == 0
    assert 0 < error.allowance.wait <= MINUTE / 3 / MICROSECOND


async def test_after_the_wait_that_is_told_exactly_one_more_is_possible(world: World) -> None:
    for _ in range(3):
        await world.rate_limiter.record(THREE)
    error = await refused(world.rate_limiter.record(THREE))

    await world.later(timedelta(seconds=error.allowance.retry_after))

    assert (await world.rate_limiter.record(THREE)).remaining == 0
    await refused(world.rate_limiter.record(THREE))


async def test_a_little_before_the_wait_is_over_it_is_not(world: World) -> None:
    for _ in range(3):
        await world.rate_limiter.record(THREE)
    error = await refused(world.rate_limiter.record(THREE))

    await world.later(error.allowance.wait * MICROSECOND - timedelta(seconds=2))

    await refused(world.rate_limiter.record(THREE))


async def test_after_the_period_all_are_possible_again_and_not_more(world: World) -> None:
    for _ in range(3):
        await world.rate_limiter.record(THREE)
    await world.later(10 * MINUTE)

    for _ in range(3):
        await world.rate_limiter.record(THREE)
    await refused(world.rate_limiter.record(THREE))


async def test_one_does_not_count_for_another_nor_for_something_else(world: World) -> None:
    for _ in range(3):
        await world.rate_limiter.record(THREE)

    assert (
        await world.rate_limiter.record(Hit("anything", "another", THREE.rate_limit))
    ).remaining == 2
    assert (
        await world.rate_limiter.record(Hit("else", "somebody", THREE.rate_limit))
    ).remaining == 2


async def test_who_was_refused_is_known_until_the_time_has_come(world: World) -> None:
    world.rate_limiter.check(THREE)
    for _ in range(3):
        await world.rate_limiter.record(THREE)
    world.rate_limiter.check(Hit("anything", "another", THREE.rate_limit))
    error = await refused(world.rate_limiter.record(THREE))

    await world.later(timedelta(seconds=error.allowance.retry_after))
    world.rate_limiter.check(THREE)
    await world.rate_limiter.record(THREE)


async def test_a_limit_with_another_period_starts_afresh_and_bans_nobody(world: World) -> None:
    generous = Hit("anything", "somebody", RateLimit(1000, timedelta(days=1)))
    for _ in range(1000):
        await world.rate_limiter.record(generous)

    assert [(await world.rate_limiter.record(THREE)).remaining for _ in range(3)] == [2, 1, 0]
    assert (
        await refused(world.rate_limiter.record(THREE))
    ).allowance.wait <= MINUTE / 3 / MICROSECOND


async def test_what_has_come_back_is_forgotten_and_nothing_else(world: World) -> None:
    await world.rate_limiter.record(Hit("anything", "early", THREE.rate_limit))
    await world.later(MINUTE)
    for _ in range(3):
        await world.rate_limiter.record(THREE)

    assert await world.rate_limiter.delete_expired() == 1
    assert await world.rate_limiter.delete_expired() == 0
    await refused(world.rate_limiter.record(THREE))


async def test_fifty_at_once_at_the_edge_are_exactly_the_limit(world: World) -> None:
    hit = Hit("anything", "somebody", RateLimit(20, timedelta(hours=1)))

    results = await asyncio.gather(
        *(world.rate_limiter.record(hit) for _ in range(50)), return_exceptions=True
    )

    assert sum(not isinstance(result, BaseException) for result in results) == 20
    assert sum(isinstance(result, TooManyRequests) for result in results) == 30


def limit(world: World, *, creates: int = 100, replies: int = 100) -> None:
    world.limits = UserRateLimits(
        world.rate_limiter,
        creates=RateLimit(creates, timedelta(hours=1)),
        replies=RateLimit(replies, timedelta(hours=1)),
    )


async def test_a_user_opens_as_many_tickets_as_possible_and_the_next_is_not_stored(
    world: World,
) -> None:
    user_id, other = await world.user(), await world.user()
    limit(world, creates=2)

    for _ in range(2):
        await world.ticket(user_id)
    error = await refused(world.ticket(user_id))

    assert (await world.views.admin_stats()).total_count == 2
    await world.ticket(other)
    await world.later(timedelta(seconds=error.allowance.retry_after))
    await world.ticket(user_id)
    assert (await world.views.admin_stats()).total_count == 4


async def test_a_user_replies_as_often_as_possible_and_the_next_leaves_the_ticket_alone(
    world: World,
) -> None:
    ticket = await world.ticket()
    other = await world.ticket(ticket.user_id)
    user = Actor.user(ticket.user_id)
    limit(world, replies=2)

    await world.reply(ticket.id, user, "One.")
    await world.reply(other.id, user, "Two.")
    before = await world.tickets.get(ticket.id)
    await refused(world.reply(ticket.id, user, "Three."))

    assert await world.tickets.get(ticket.id) == before
    assert await world.texts(ticket.id) == [ticket.last_message, "One."]
    await world.ticket(ticket.user_id)


async def test_the_admin_team_is_not_limited(world: World) -> None:
    ticket = await world.ticket()
    limit(world, replies=1)

    for _ in range(5):
        await world.reply(ticket.id, ADMIN)

    assert (await world.tickets.get(ticket.id)).message_count == 6


async def test_what_does_not_go_through_is_not_counted(world: World) -> None:
    ticket = await world.ticket()
    user = Actor.user(ticket.user_id)
    limit(world, replies=2)
    stale = await world.tickets.get(ticket.id)
    await world.reply(ticket.id, ADMIN)

    assert world.limits is not None
    hit = world.limits.hit("replies", by=user)
    for _ in range(5):
        with pytest.raises(StaleTicket):
            await world.tickets.save(stale, WriteContext(hit=hit))
        with pytest.raises(TicketNotFound):
            await world.reply(ticket.id + 1000, user)

    for _ in range(2):
        await world.reply(ticket.id, user)
    await refused(world.reply(ticket.id, user))


async def test_fifty_replies_at_once_at_the_edge_are_exactly_the_limit(world: World) -> None:
    user_id = await world.user()
    tickets = [await world.ticket(user_id) for _ in range(10)]
    limit(world, replies=20)

    results = await asyncio.gather(
        *(world.reply(tickets[n % 10].id, Actor.user(user_id)) for n in range(50)),
        return_exceptions=True,
    )

    assert sum(not isinstance(result, BaseException) for result in results) == 20
    assert sum(isinstance(result, TooManyRequests) for result in results) == 30
    counts = [(await world.tickets.get(ticket.id)).message_count for ticket in tickets]
    assert sum(counts) == 10 + 20


async def test_a_replayed_answer_counts_nothing_and_comes_beyond_the_limit_too(
    world: World,
) -> None:
    ticket = await world.ticket()
    user = Actor.user(ticket.user_id)
    limit(world, replies=2)
    idempotency_key = IdempotencyKey(user, "the-key", bytes(32))

    def again() -> Awaitable[object]:
        return world.service.reply(ticket.id, "Once.", by=user, idempotency_key=idempotency_key)

    first = await again()
    assert [await again() for _ in range(5)] == [first] * 5
    await world.reply(ticket.id, user)
    await refused(world.reply(ticket.id, user))
    assert await again() == first


@pytest.mark.parametrize("number", [1, 2])
async def test_equal_requests_at_once_for_the_last_use_all_get_the_first_answer(
    world: World, number: int
) -> None:
    user_id = await world.user()
    tickets = [await world.ticket(user_id) for _ in range(2)]
    user = Actor.user(user_id)
    limit(world, creates=number, replies=number)

    async def opens(idempotency_key: IdempotencyKey) -> object:
        return await world.service.open(
            by=Actor.user(user_id),
            category="support",
            other_category=None,
            subject="Only one",
            message="There is to be only one of this.",
            idempotency_key=idempotency_key,
        )

    async def replies(idempotency_key: IdempotencyKey) -> object:
        return await world.service.reply(
            tickets[0].id, "Only one.", by=user, idempotency_key=idempotency_key
        )

    for name, attempt in {"opens": opens, "replies": replies}.items():
        keys = [f"{name}-{n}" for n in range(number)]
        answers = await asyncio.gather(
            *(attempt(IdempotencyKey(user, key, bytes(32))) for key in keys for _ in range(25))
        )
        distinct = {str(answer) for answer in answers}
        assert len(distinct) == number
