"""Rate limits on PostgreSQL, shared by processes: what is in memory, what costs a statement."""

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
from tickets.application.user_rate_limits import UserRateLimits
from tickets.bootstrap import application
from tickets.domain.errors import StoreUnavailable, TooManyRequests, WriteRefused
from tickets.domain.people import Actor
from tickets.domain.rate_limits import Hit, RateLimit
from tickets.settings.settings import Settings


@pytest.fixture
async def other_world(database_url: str) -> AsyncIterator[PostgresWorld]:
    """Return the ports of another process on the same database."""
    async with Database(database_url).open() as database:
        yield PostgresWorld(database)


async def test_two_processes_share_one_rate_limit(
    postgres_world: PostgresWorld, other_world: PostgresWorld
) -> None:
    ours, theirs = postgres_world.rate_limiter, other_world.rate_limiter

    results = await asyncio.gather(
        *(rate_limiter.record(THREE) for _ in range(25) for rate_limiter in (ours, theirs)),
        return_exceptions=True,
    )

    assert sum(isinstance(result, TooManyRequests) for result in results) == 47
    assert len(results) == 50


async def test_two_processes_share_the_rate_limit_on_replies(
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


async def test_a_hit_that_waited_for_another_one_counts_once(
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
        waiting = """
            select exists (select from pg_stat_activity
                            where datname = current_database() and wait_event_type = 'Lock')
        """
        await until_returns(lambda: database.fetchval(waiting), expected=True)
        await first.execute(
            "update ticket_rates set arrival = clock_timestamp() + $1", hit.rate_limit.interval
        )

    # the second hit was sent before the first was recorded, and is the last that is allowed
    assert (await second).remaining == 0
    await first.close()


async def test_recorded_hits_survive_a_restart(
    database: Database, postgres_world: PostgresWorld
) -> None:
    for _ in range(3):
        await postgres_world.rate_limiter.record(THREE)

    await refused(PostgresRateLimiter(database).record(THREE))


async def test_a_refused_subject_is_refused_without_a_statement_until_its_wait_is_over(
    database: Database,
) -> None:
    moment = 0.0
    rate_limiter = PostgresRateLimiter(database, monotonic=lambda: moment)
    for _ in range(3):
        await rate_limiter.record(THREE)
    rate_limiter.check(THREE)
    error = await refused(rate_limiter.record(THREE))

    # the database would allow the hit, if it received it
    await database.fetch("delete from ticket_rates")
    moment = error.allowance.wait / 1_000_000 - 0.1
    with pytest.raises(TooManyRequests) as raised:
        rate_limiter.check(THREE)
    assert raised.value.allowance.retry_after == 1
    moment = error.allowance.wait / 1_000_000 + 0.1
    rate_limiter.check(THREE)
    assert (await rate_limiter.record(THREE)).remaining == 2


async def test_a_refused_user_is_refused_again_without_a_statement(
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
        # the database would allow the hit, if it received it
        await database.fetch("delete from ticket_rates")
        await refused(work())


async def test_a_ticket_over_the_limit_takes_no_id(
    database: Database, postgres_world: PostgresWorld
) -> None:
    def use_new_process() -> None:
        """Use a limiter with nothing in memory, which has to query the database."""
        postgres_world.limits = UserRateLimits(
            PostgresRateLimiter(database), creates=RateLimit(1, timedelta(hours=1)), replies=None
        )

    user_id = await postgres_world.user()
    use_new_process()
    first = await postgres_world.ticket(user_id)
    for _ in range(3):
        use_new_process()
        await refused(postgres_world.ticket(user_id))

    use_new_process()
    await database.fetch("delete from ticket_rates")
    assert (await postgres_world.ticket(user_id)).id == first.id + 1


async def test_the_service_deletes_subjects_with_their_full_allowance(
    database: Database, database_url: str
) -> None:
    rate_limiter = PostgresRateLimiter(database)
    await rate_limiter.record(THREE)
    refilled = Hit("anything", "early", RateLimit(1_000_000, timedelta(seconds=1)))
    await rate_limiter.record(refilled)

    async with application(Settings(database_url=database_url)).lifespan():
        await until_returns(lambda: database.fetchval("select count(*) from ticket_rates"), 1)

    assert await database.fetchval("select subject from ticket_rates") == THREE.subject


async def test_beyond_max_entries_the_oldest_subject_is_evicted_from_memory(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates_module, "MAX_ENTRIES", 2)
    rate_limiter = PostgresRateLimiter(database)
    hits = [Hit("anything", str(n), RateLimit(1, timedelta(hours=1))) for n in range(3)]
    for hit in hits:
        await rate_limiter.record(hit)
        await refused(rate_limiter.record(hit))

    rate_limiter.check(hits[0])
    for hit in hits[1:]:
        with pytest.raises(TooManyRequests):
            rate_limiter.check(hit)
    assert rate_limiter.allowance(hits[0]) is None
    assert rate_limiter.allowance(hits[2]) is not None
    # an evicted subject is still refused by the database
    await refused(rate_limiter.record(hits[0]))


async def test_another_violated_constraint_is_not_a_refusal(
    database: Database, postgres_world: PostgresWorld
) -> None:
    limit(postgres_world)
    await database.fetch("alter table tickets add constraint odd check (subject <> 'An odd one')")

    with pytest.raises(WriteRefused):
        await postgres_world.ticket(subject="An odd one")


async def test_without_a_database_a_hit_is_not_allowed() -> None:
    async with Database("postgresql://someone@127.0.0.1:1/tickets").open() as database:
        with pytest.raises(StoreUnavailable):
            await PostgresRateLimiter(database).record(THREE)
