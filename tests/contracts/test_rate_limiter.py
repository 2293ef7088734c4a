"""The port `RateLimiter`, and hits that `Tickets` records with a change, on every adapter."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable
from datetime import timedelta

import pytest

from tests.world import ADMIN, World
from tickets.application.user_rate_limits import UserRateLimits
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


async def test_hits_up_to_the_limit_are_recorded_and_the_next_is_refused(world: World) -> None:
    remaining = [(await world.rate_limiter.record(THREE)).remaining for _ in range(3)]

    assert remaining == [2, 1, 0]
    error = await refused(world.rate_limiter.record(THREE))
    assert error.hit == THREE
    assert error.allowance.remaining == 0
    assert 0 < error.allowance.wait <= MINUTE / 3 / MICROSECOND


async def test_after_retry_after_exactly_one_more_hit_is_allowed(world: World) -> None:
    for _ in range(3):
        await world.rate_limiter.record(THREE)
    error = await refused(world.rate_limiter.record(THREE))

    await world.later(timedelta(seconds=error.allowance.retry_after))

    assert (await world.rate_limiter.record(THREE)).remaining == 0
    await refused(world.rate_limiter.record(THREE))


async def test_a_hit_just_before_the_wait_is_over_is_refused(world: World) -> None:
    for _ in range(3):
        await world.rate_limiter.record(THREE)
    error = await refused(world.rate_limiter.record(THREE))

    await world.later(error.allowance.wait * MICROSECOND - timedelta(seconds=2))

    await refused(world.rate_limiter.record(THREE))


async def test_after_a_period_the_whole_limit_is_allowed_again_and_not_more(world: World) -> None:
    for _ in range(3):
        await world.rate_limiter.record(THREE)
    await world.later(10 * MINUTE)

    for _ in range(3):
        await world.rate_limiter.record(THREE)
    await refused(world.rate_limiter.record(THREE))


async def test_subjects_are_counted_separately_by_policy_and_by_who(world: World) -> None:
    for _ in range(3):
        await world.rate_limiter.record(THREE)

    assert (
        await world.rate_limiter.record(Hit("anything", "another", THREE.rate_limit))
    ).remaining == 2
    assert (
        await world.rate_limiter.record(Hit("else", "somebody", THREE.rate_limit))
    ).remaining == 2


async def test_check_lets_a_hit_pass_again_after_retry_after(world: World) -> None:
    world.rate_limiter.check(THREE)
    for _ in range(3):
        await world.rate_limiter.record(THREE)
    world.rate_limiter.check(Hit("anything", "another", THREE.rate_limit))
    error = await refused(world.rate_limiter.record(THREE))

    await world.later(timedelta(seconds=error.allowance.retry_after))
    world.rate_limiter.check(THREE)
    await world.rate_limiter.record(THREE)


async def test_a_limit_whose_period_was_changed_starts_afresh(world: World) -> None:
    generous = Hit("anything", "somebody", RateLimit(1000, timedelta(days=1)))
    for _ in range(1000):
        await world.rate_limiter.record(generous)

    assert [(await world.rate_limiter.record(THREE)).remaining for _ in range(3)] == [2, 1, 0]
    assert (
        await refused(world.rate_limiter.record(THREE))
    ).allowance.wait <= MINUTE / 3 / MICROSECOND


async def test_only_subjects_with_their_full_allowance_are_deleted(world: World) -> None:
    await world.rate_limiter.record(Hit("anything", "early", THREE.rate_limit))
    await world.later(MINUTE)
    for _ in range(3):
        await world.rate_limiter.record(THREE)

    assert await world.rate_limiter.delete_expired() == 1
    assert await world.rate_limiter.delete_expired() == 0
    await refused(world.rate_limiter.record(THREE))


async def test_exactly_the_limit_passes_of_fifty_concurrent_hits(world: World) -> None:
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


async def test_a_ticket_over_the_limit_of_its_user_is_not_stored(
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


async def test_a_reply_over_the_limit_of_its_user_does_not_change_the_ticket(
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


@pytest.mark.parametrize("use_case", ["open", "reply"])
@pytest.mark.parametrize("keyed", [False, True], ids=["without a key", "with a key"])
async def test_a_changed_period_starts_afresh_for_tickets_and_replies(
    world: World,
    use_case: str,
    keyed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Each write records its hit in a statement of its own."""
    user = Actor.user(await world.user())
    ticket = await world.ticket(user.user_id)
    keys = (IdempotencyKey(user, f"key {number}", bytes(32)) for number in itertools.count())

    async def write() -> object:
        key = next(keys) if keyed else None
        if use_case == "reply":
            return await world.service.reply(ticket.id, "Hello?", by=user, idempotency_key=key)
        return await world.service.open(
            by=user,
            category="support",
            other_category=None,
            subject="Once more",
            message="As often as the limit allows.",
            idempotency_key=key,
        )

    def limit_to(rate_limit: RateLimit) -> None:
        world.limits = UserRateLimits(world.rate_limiter, creates=rate_limit, replies=rate_limit)

    limit_to(RateLimit(20, timedelta(days=1)))
    for _ in range(20):
        await write()

    limit_to(RateLimit(2, MINUTE))
    for _ in range(2):
        await write()
    assert (await refused(write())).allowance.wait <= MINUTE / 2 / MICROSECOND


async def test_admins_have_no_rate_limit(world: World) -> None:
    ticket = await world.ticket()
    limit(world, replies=1)

    for _ in range(5):
        await world.reply(ticket.id, ADMIN)

    assert (await world.tickets.get(ticket.id)).message_count == 6


async def test_a_change_that_is_not_stored_does_not_count_against_the_limit(world: World) -> None:
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


async def test_exactly_the_limit_passes_of_fifty_concurrent_replies(world: World) -> None:
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


async def test_a_replayed_response_does_not_count_and_is_returned_over_the_limit_too(
    world: World,
) -> None:
    ticket = await world.ticket()
    user = Actor.user(ticket.user_id)
    limit(world, replies=2)
    idempotency_key = IdempotencyKey(user, "the-key", bytes(32))

    def reply_once() -> Awaitable[object]:
        return world.service.reply(ticket.id, "Once.", by=user, idempotency_key=idempotency_key)

    first = await reply_once()
    assert [await reply_once() for _ in range(5)] == [first] * 5
    await world.reply(ticket.id, user)
    await refused(world.reply(ticket.id, user))
    assert await reply_once() == first


@pytest.mark.parametrize("number", [1, 2])
async def test_concurrent_duplicates_of_the_last_allowed_hit_all_get_the_first_response(
    world: World, number: int
) -> None:
    user_id = await world.user()
    tickets = [await world.ticket(user_id) for _ in range(2)]
    user = Actor.user(user_id)
    limit(world, creates=number, replies=number)

    async def open_ticket(idempotency_key: IdempotencyKey) -> object:
        return await world.service.open(
            by=Actor.user(user_id),
            category="support",
            other_category=None,
            subject="Only one",
            message="There is to be only one of this.",
            idempotency_key=idempotency_key,
        )

    async def reply(idempotency_key: IdempotencyKey) -> object:
        return await world.service.reply(
            tickets[0].id, "Only one.", by=user, idempotency_key=idempotency_key
        )

    for name, use_case in {"open": open_ticket, "reply": reply}.items():
        keys = [f"{name}-{n}" for n in range(number)]
        responses = await asyncio.gather(
            *(use_case(IdempotencyKey(user, key, bytes(32))) for key in keys for _ in range(25))
        )
        distinct = {str(response) for response in responses}
        assert len(distinct) == number
