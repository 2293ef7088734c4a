"""The port `Rates`, and what `Tickets` counts with what it stores: one suite over every adapter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

import pytest

from tests.world import ADMIN, World
from tickets.application.limits import UserLimits
from tickets.domain.errors import StaleTicket, TicketNotFound, TooManyRequests
from tickets.domain.once import Once
from tickets.domain.rates import MICROSECOND, Rate, Use
from tickets.domain.ticket import Actor

MINUTE = timedelta(minutes=1)
THREE = Use("anything", "somebody", Rate(3, MINUTE))


async def refused(work: Awaitable[object]) -> TooManyRequests:
    with pytest.raises(TooManyRequests) as raised:
        await work
    return raised.value


async def test_as_many_as_the_limit_are_counted_and_then_none(world: World) -> None:
    left = [(await world.rates.count(THREE)).remaining for _ in range(3)]

    assert left == [2, 1, 0]
    error = await refused(world.rates.count(THREE))
    assert error.use == THREE
    assert error.standing.remaining == 0
    assert 0 < error.standing.wait <= MINUTE / 3 / MICROSECOND


async def test_after_the_wait_that_is_told_exactly_one_more_is_possible(world: World) -> None:
    for _ in range(3):
        await world.rates.count(THREE)
    error = await refused(world.rates.count(THREE))

    await world.later(timedelta(seconds=error.standing.seconds))

    assert (await world.rates.count(THREE)).remaining == 0
    await refused(world.rates.count(THREE))


async def test_a_little_before_the_wait_is_over_it_is_not(world: World) -> None:
    for _ in range(3):
        await world.rates.count(THREE)
    error = await refused(world.rates.count(THREE))

    await world.later(error.standing.wait * MICROSECOND - timedelta(seconds=2))

    await refused(world.rates.count(THREE))


async def test_after_the_period_all_are_possible_again_and_not_more(world: World) -> None:
    for _ in range(3):
        await world.rates.count(THREE)
    await world.later(10 * MINUTE)

    for _ in range(3):
        await world.rates.count(THREE)
    await refused(world.rates.count(THREE))


async def test_one_does_not_count_for_another_nor_for_something_else(world: World) -> None:
    for _ in range(3):
        await world.rates.count(THREE)

    assert (await world.rates.count(Use("anything", "another", THREE.rate))).remaining == 2
    assert (await world.rates.count(Use("else", "somebody", THREE.rate))).remaining == 2


async def test_who_was_refused_is_known_until_the_time_has_come(world: World) -> None:
    world.rates.check(THREE)
    for _ in range(3):
        await world.rates.count(THREE)
    world.rates.check(Use("anything", "another", THREE.rate))
    error = await refused(world.rates.count(THREE))

    await world.later(timedelta(seconds=error.standing.seconds))
    world.rates.check(THREE)
    await world.rates.count(THREE)


async def test_a_limit_with_another_period_starts_afresh_and_bans_nobody(world: World) -> None:
    generous = Use("anything", "somebody", Rate(1000, timedelta(days=1)))
    for _ in range(1000):
        await world.rates.count(generous)

    assert [(await world.rates.count(THREE)).remaining for _ in range(3)] == [2, 1, 0]
    assert (await refused(world.rates.count(THREE))).standing.wait <= MINUTE / 3 / MICROSECOND


async def test_what_has_come_back_is_forgotten_and_nothing_else(world: World) -> None:
    await world.rates.count(Use("anything", "early", THREE.rate))
    await world.later(MINUTE)
    for _ in range(3):
        await world.rates.count(THREE)

    assert await world.rates.forget_unused() == 1
    assert await world.rates.forget_unused() == 0
    await refused(world.rates.count(THREE))


async def test_fifty_at_once_at_the_edge_are_exactly_the_limit(world: World) -> None:
    use = Use("anything", "somebody", Rate(20, timedelta(hours=1)))

    results = await asyncio.gather(
        *(world.rates.count(use) for _ in range(50)), return_exceptions=True
    )

    assert sum(not isinstance(result, BaseException) for result in results) == 20
    assert sum(isinstance(result, TooManyRequests) for result in results) == 30


def limit(world: World, *, creates: int = 100, replies: int = 100) -> None:
    world.limits = UserLimits(
        world.rates,
        creates=Rate(creates, timedelta(hours=1)),
        replies=Rate(replies, timedelta(hours=1)),
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
    await world.later(timedelta(seconds=error.standing.seconds))
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

    for _ in range(5):
        with pytest.raises(StaleTicket):
            await world.tickets.save(stale, use=world.limits.use("replies", by=user))
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
    once = Once(user, "the-key", bytes(32))

    def again() -> Awaitable[object]:
        return world.desk.reply(ticket.id, "Once.", by=user, once=once)

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

    async def opens(once: Once) -> object:
        return await world.desk.open(
            by=Actor.user(user_id),
            category="support",
            other_category=None,
            subject="Only one",
            message="There is to be only one of this.",
            once=once,
        )

    async def replies(once: Once) -> object:
        return await world.desk.reply(tickets[0].id, "Only one.", by=user, once=once)

    for name, attempt in {"opens": opens, "replies": replies}.items():
        keys = [f"{name}-{n}" for n in range(number)]
        answers = await asyncio.gather(
            *(attempt(Once(user, key, bytes(32))) for key in keys for _ in range(25))
        )
        distinct = {str(answer) for answer in answers}
        assert len(distinct) == number
