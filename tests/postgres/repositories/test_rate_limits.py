"""Limits that several processes share, on PostgreSQL: what each remembers, and what each asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from tests.contracts.test_rate_limiter import THREE, limit, refused
from tests.postgres.waiting import until_returns
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.repositories import rate_limits as rates_module
from tickets.adapters.postgres.repositories.rate_limits import PostgresRateLimiter
from tickets.application.rate_limits import UserRateLimits
from tickets.bootstrap import application
from tickets.domain.errors import StoreUnavailable, TooManyRequests
from tickets.domain.people import Actor
from tickets.domain.rate_limits import Hit, RateLimit
from tickets.settings.settings import Settings


@pytest.fixture
async def other_world(database_url: str) -> AsyncIterator[PostgresWorld]:
    """Return another process, as far as PostgreSQL and this service can tell."""
    async with Database(database_url).open() as database:
        yield PostgresWorld(database)


async def test_two_processes_share_one_limit(
    postgres_world: PostgresWorld, other_world: PostgresWorld
) -> None:
    ours, theirs = postgres_world.rate_limiter, other_world.rate_limiter

    results = await asyncio.gather(
        *(rate_limiter.record(THREE) for _ in range(25) for rate_limiter in (ours, theirs)),
        return_exceptions=True,
    )

    assert sum(isinstance(result, TooManyRequests) for result in results) == 47
    assert len(results) == 50


async def test_two_processes_share_one_limit_on_replies(
    postgres_world: PostgresWorld, other_world: PostgresWorld
) -> None:
    user_id = await postgres_world.user()
    tickets = [await postgres_world.ticket(user_id) for _ in range(8)]
    for world in (postgres_world, other_world):
        limit(world, replies=10)

    results = await asyncio.gather(
        *(
            world.reply(tickets[n % 8].id, Actor.user(user_id))
            for n in range(25)
            for world in (postgres_world, other_world)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(result, TooManyRequests) for result in results) == 40
    assert sum([(await postgres_world.tickets.get(t.id)).message_count for t in tickets]) == 8 + 10


async def test_who_waited_while_another_was_counted_does_not_count_for_more(
    database: Database, database_url: str
) -> None:
    hit = Hit("anything", "somebody", RateLimit(2, timedelta(hours=1)))
    rate_limiter = PostgresRateLimiter(database)
    first = await asyncpg.connect(database_url)
    async with first.transaction():
        await first.execute(
            """insert into ticket_rates (subject, arrival, seen_at, tolerance)
               values ($1, now(), now(), '1 hour')""",
            hit.subject,
        )
        second = asyncio.create_task(rate_limiter.record(hit))
        waiting = """select exists (select from pg_stat_activity
                                     where datname = current_database() and wait_event_type = 'Lock')"""
        await until_returns(lambda: database.fetchval(waiting), expected=True)
        await first.execute(
            "update ticket_rates set arrival = clock_timestamp() + $1", hit.rate_limit.interval
        )

    # the second has come before the first was counted, and is the last for which there is room
    assert (await second).remaining == 0
    await first.close()


async def test_a_limit_survives_a_restart(
    database: Database, postgres_world: PostgresWorld
) -> None:
    for _ in range(3):
        await postgres_world.rate_limiter.record(THREE)

    await refused(PostgresRateLimiter(database).record(THREE))


async def test_who_was_refused_is_refused_again_without_a_statement_until_the_time_has_come(
    database: Database,
) -> None:
    moment = 0.0
    rate_limiter = PostgresRateLimiter(database, monotonic=lambda: moment)
    for _ in range(3):
        await rate_limiter.record(THREE)
    rate_limiter.check(THREE)
    error = await refused(rate_limiter.record(THREE))

    # the database would let it pass by now, if it were asked
    await database.fetch("delete from ticket_rates")
    moment = error.allowance.wait / 1_000_000 - 0.1
    with pytest.raises(TooManyRequests) as raised:
        rate_limiter.check(THREE)
    assert raised.value.allowance.retry_after == 1
    moment = error.allowance.wait / 1_000_000 + 0.1
    rate_limiter.check(THREE)
    assert (await rate_limiter.record(THREE)).remaining == 2


async def test_a_user_who_was_refused_is_refused_again_without_a_statement(
    database: Database, postgres_world: PostgresWorld
) -> None:
    ticket = await postgres_world.ticket()
    user = Actor.user(ticket.user_id)
    limit(postgres_world, creates=1, replies=1)
    for work in (
        lambda: postgres_world.reply(ticket.id, user),
        lambda: postgres_world.ticket(ticket.user_id),
    ):
        await work()
        await refused(work())
        # who is asked now would let it pass
        await database.fetch("delete from ticket_rates")
        await refused(work())


async def test_a_ticket_that_is_refused_takes_no_id(
    database: Database, postgres_world: PostgresWorld
) -> None:
    def one_more_process() -> None:
        """Be one that has been refused nothing yet, and so has to ask."""
        postgres_world.limits = UserRateLimits(
            PostgresRateLimiter(database), creates=RateLimit(1, timedelta(hours=1)), replies=None
        )

    user_id = await postgres_world.user()
    one_more_process()
    first = await postgres_world.ticket(user_id)
    for _ in range(3):
        one_more_process()
        await refused(postgres_world.ticket(user_id))

    one_more_process()
    await database.fetch("delete from ticket_rates")
    assert (await postgres_world.ticket(user_id)).id == first.id + 1


async def test_the_running_service_removes_what_has_come_back(
    database: Database, database_url: str
) -> None:
    rate_limiter = PostgresRateLimiter(database)
    await rate_limiter.record(THREE)
    spent = Hit("anything", "early", RateLimit(1_000_000, timedelta(seconds=1)))
    await rate_limiter.record(spent)

    async with application(Settings(database_url=database_url)).lifespan():
        async with asyncio.timeout(30):
            while await database.fetchval("select count(*) from ticket_rates") > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    assert await database.fetchval("select subject from ticket_rates") == THREE.subject


async def test_a_process_remembers_so_many_and_no_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates_module, "MAX_ENTRIES", 2)
    rate_limiter = PostgresRateLimiter(database)
    uses = [Hit("anything", str(n), RateLimit(1, timedelta(hours=1))) for n in range(3)]
    for hit in uses:
        await rate_limiter.record(hit)
        await refused(rate_limiter.record(hit))

    rate_limiter.check(uses[0])
    for hit in uses[1:]:
        with pytest.raises(TooManyRequests):
            rate_limiter.check(hit)
    assert rate_limiter.allowance(uses[0]) is None
    assert rate_limiter.allowance(uses[2]) is not None
    # and is right where it has forgotten
    await refused(rate_limiter.record(uses[0]))


async def test_a_statement_that_breaks_another_constraint_is_no_refusal(
    database: Database, postgres_world: PostgresWorld
) -> None:
    limit(postgres_world)
    await database.fetch("alter table tickets add constraint odd check (subject <> 'An odd one')")

    with pytest.raises(asyncpg.CheckViolationError):
        await postgres_world.ticket(subject="An odd one")


async def test_guesses_are_not_answered_while_they_cannot_be_counted() -> None:
    async with Database("postgresql://someone@127.0.0.1:1/tickets").open() as database:
        with pytest.raises(StoreUnavailable):
            await PostgresRateLimiter(database).record(THREE)
