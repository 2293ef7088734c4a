"""The pool under pressure: who waits, in which order, for how long, and what the server itself gives up."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import asyncpg
import pytest

from tests.postgres.waiting import ADVISORY_LOCK_WAITERS, until_returns
from tickets.adapters.postgres.connection import pool
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.pool import Pool
from tickets.domain.errors import Overloaded, StoreUnavailable

SHOW = "select current_setting($1)"


async def test_beyond_the_queue_a_request_is_refused_at_once_and_those_in_it_are_served(
    database_url: str,
) -> None:
    async with Database(database_url, pool_size=2, pool_queue=3).open() as database:
        blocker = await asyncpg.connect(database_url)
        await blocker.execute("select pg_advisory_lock(1)")
        inside = [
            asyncio.create_task(
                database.fetchval("select pg_advisory_lock_shared(1), pg_advisory_unlock_shared(1)")
            )
            for _ in range(5)
        ]
        await asyncio.sleep(0)

        for _ in range(3):
            with pytest.raises(Overloaded, match="The service is busy"):
                await database.fetchval("select 1")
        await blocker.execute("select pg_advisory_unlock(1)")
        await blocker.close()

        assert len(await asyncio.gather(*inside)) == 5
        assert await database.fetchval("select 1") == 1


async def test_without_a_queue_there_is_a_connection_or_there_is_none(database_url: str) -> None:
    async with Database(database_url, pool_size=1, pool_queue=0).open() as database:
        first = asyncio.create_task(database.fetchval("select 1"))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await database.fetchval("select 2")
        assert await first == 1


async def test_places_come_back_from_statements_that_fail_and_from_requests_that_are_given_up(
    database_url: str,
) -> None:
    async with Database(database_url, pool_size=1, pool_queue=1, timeout=1).open() as database:
        for _ in range(5):
            with pytest.raises(asyncpg.DivisionByZeroError):
                await database.fetchval("select 1 / 0")
            holding = asyncio.create_task(database.fetchval("select pg_sleep(30)"))
            waiting = asyncio.create_task(database.fetchval("select 1"))
            await asyncio.sleep(0)
            waiting.cancel()
            holding.cancel()
            await asyncio.gather(holding, waiting, return_exceptions=True)

        assert await asyncio.gather(database.fetchval("select 1"), database.fetchval("select 2"))


async def test_those_who_wait_are_served_in_the_order_in_which_they_came(database_url: str) -> None:
    async with Database(database_url, pool_size=1).open() as database:
        came: list[int] = []
        served: list[int] = []

        async def ask(number: int) -> None:
            # somebody comes at every turn of the loop, so also at those at which the connection until_returns free
            for _ in range(number):
                await asyncio.sleep(0)
            came.append(number)
            await database.fetchval("select 1")
            served.append(number)

        await asyncio.gather(*(ask(number) for number in range(400)))

        assert served == came


async def test_the_server_gives_up_by_itself_what_nobody_waits_for_any_more(
    database_url: str,
) -> None:
    async with Database(database_url, timeout=3).open() as database:
        names = ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout")

        assert [await database.fetchval(SHOW, name) for name in names] == ["4s", "4s", "2s"]


async def test_statements_are_planned_once_per_connection(database: Database) -> None:
    assert await database.fetchval(SHOW, "plan_cache_mode") == "force_generic_plan"


async def test_behind_pgbouncer_these_are_left_to_the_role(database_url: str) -> None:
    async with Database(database_url, statement_cache_size=0).open() as database:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout"):
            assert await database.fetchval(SHOW, name) == "0"
        assert await database.fetchval(SHOW, "plan_cache_mode") == "auto"
        assert await database.fetchval(SHOW, "timezone") == "UTC"


async def test_a_table_that_somebody_holds_is_the_databases_absence_not_a_wait_without_end(
    database_url: str,
) -> None:
    holder = await asyncpg.connect(database_url)
    async with Database(database_url).open() as database, holder.transaction():
        await holder.execute("lock table tickets")

        with pytest.raises(StoreUnavailable) as raised:
            await database.fetchval("select count(*) from tickets")

    assert isinstance(raised.value.__cause__, asyncpg.LockNotAvailableError)
    await holder.close()


async def until_open(connections: Database | Pool, number: int) -> None:
    """Wait until so many connections are open."""
    async with asyncio.timeout(20):
        while connections.usage().size != number:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def all_places_are_there(database: Database, url: str, *, size: int, queue: int) -> None:
    """Check that as many statements go on at once as there are turns, that as many wait, and not one more."""
    blocker = await asyncpg.connect(url)
    await blocker.execute("select pg_advisory_lock(2)")
    pass_by = "select pg_advisory_lock_shared(2), pg_advisory_unlock_shared(2)"
    inside = [asyncio.create_task(database.fetchval(pass_by)) for _ in range(size + queue)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await database.fetchval("select 1")
    await until_returns(lambda: blocker.fetchval(ADVISORY_LOCK_WAITERS), size)
    assert database.usage() == pool.PoolUsage(size=size, idle=0, waiting=queue)
    await blocker.execute("select pg_advisory_unlock(2)")
    await asyncio.gather(*inside)
    await blocker.close()
    assert database.usage() == pool.PoolUsage(size=size, idle=size, waiting=0)


async def test_no_place_is_lost_or_gained_whatever_becomes_of_those_who_had_it(
    database_url: str,
) -> None:
    at_random = random.Random(8)  # noqa: S311 - the same ones each time
    statements = ("select 1", "select 1 / 0", "select pg_sleep(0.01)", "select pg_sleep(0.3)")

    async def ask(database: Database) -> None:
        for _ in range(8):
            asking = asyncio.create_task(database.fetchval(at_random.choice(statements)))
            # at every point: before it has begun, in the queue, while it connects, in the statement, while it is given up
            for _ in range(at_random.randrange(3)):
                await asyncio.sleep(at_random.choice((0, 0, 0.001, 0.02)))
                asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    for _ in range(3):
        async with Database(database_url, pool_size=3, pool_queue=4).open() as database:
            await asyncio.gather(*(ask(database) for _ in range(9)))
            await all_places_are_there(database, database_url, size=3, queue=4)


async def test_a_connection_that_nobody_waits_for_any_more_leaves_its_place(
    database_url: str,
) -> None:
    async with Database(database_url, pool_size=1, pool_queue=0).open() as database:
        for turns in range(15):
            asking = asyncio.create_task(database.fetchval("select 1"))
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

        assert await database.fetchval("select 1") == 1


async def test_connections_that_have_ended_are_neither_counted_nor_given_to_anybody(
    database_url: str,
) -> None:
    async with Database(database_url, pool_size=3, pool_queue=0).open() as database:
        for _ in range(2):
            await all_places_are_there(database, database_url, size=3, queue=0)
            await database.fetchval(
                """select count(pg_terminate_backend(pid)) from pg_stat_activity
                    where datname = current_database() and pid <> pg_backend_pid()"""
            )
            await until_open(database, 1)
            assert database.usage() == pool.PoolUsage(size=1, idle=1, waiting=0)

        assert await asyncio.gather(*(database.fetchval("select 7") for _ in range(3))) == [7, 7, 7]


async def test_a_connection_that_is_of_no_use_any_more_is_ended_whatever_the_server_thinks(
    database_url: str,
) -> None:
    connections = Pool(size=1, queue=0, timeout=10)
    async with connections.open(database_url):
        for _ in range(3):
            await connections.discard(await connections.acquire(), broken=True)
            assert connections.usage() == pool.PoolUsage(0, 0, 0)


async def test_what_nobody_uses_for_long_is_closed(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "RELEASE_INTERVAL", 0.05)
    connections = Pool(size=3, queue=0, timeout=10)
    async with connections.open(database_url, max_inactive_connection_lifetime=0.05):
        for _ in range(2):
            connections.release(await connections.acquire())
            assert connections.usage().size == 1
            await until_open(connections, 0)
    # and nobody looks after them any more
    assert asyncio.all_tasks() == {asyncio.current_task()}


class Stuck(asyncpg.Connection):  # type: ignore[misc] # of which mypy knows nothing
    """One whose server does not answer when it is closed."""

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as asyncpg has it
        del timeout
        self.terminate()
        raise TimeoutError


@pytest.mark.parametrize("seconds", [0.01, 60])
async def test_a_connection_that_cannot_be_closed_holds_up_nobody(
    database_url: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "RELEASE_INTERVAL", seconds)
    connections = Pool(size=3, queue=0, timeout=10)
    # for longer than for what is waited for inside, as the end is where it would be held up
    async with (
        asyncio.timeout(40),
        connections.open(database_url, connection_class=Stuck, max_queries=1),
    ):
        for _ in range(2):
            used = [await connections.acquire() for _ in range(3)]
            for connection in used:
                assert await connection.fetchval("select 7") == 7
                connections.release(connection)
            if seconds < 1:
                await until_open(connections, 0)


async def test_an_error_is_told_though_its_connection_cannot_be_closed(database_url: str) -> None:
    connections = Pool(size=1, queue=0, timeout=10)
    async with connections.open(database_url, connection_class=Stuck, max_queries=1):
        for _ in range(3):
            connection = await connections.acquire()
            await connection.fetchval("select 7")
            await connections.discard(connection, broken=False)


async def test_who_is_at_work_while_the_service_stops_is_answered_or_told_that_the_store_is_away(
    database_url: str,
) -> None:
    async def ask_twice(database: Database) -> Any:
        first = await database.fetchval("select 7 from pg_sleep(0.3)")
        with pytest.raises(StoreUnavailable):
            await database.fetchval("select 8")
        return first

    async with asyncio.timeout(20):
        async with Database(database_url, pool_size=3).open() as database:
            await asyncio.gather(*(database.fetchval("select pg_sleep(0.05)") for _ in range(3)))
            inside = [asyncio.create_task(ask_twice(database)) for _ in range(2)]
            broken_off = asyncio.create_task(database.fetchval("select pg_sleep(30)"))
            waiting = asyncio.create_task(database.fetchval("select 9"))
            await asyncio.sleep(0)
            broken_off.cancel()
        outcomes = await asyncio.gather(*inside, waiting, return_exceptions=True)

    assert outcomes[:2] == [7, 7]
    # its turn came before the end, or behind it
    assert outcomes[2] == 9 or isinstance(outcomes[2], StoreUnavailable)
    assert broken_off.cancelled()
    assert database.usage() == pool.PoolUsage(0, 0, 0)
    rest = await asyncpg.connect(database_url)
    others = "select count(*) from pg_stat_activity where datname = current_database()"
    await until_returns(lambda: rest.fetchval(others), 1)
    await rest.close()


async def test_a_turn_that_comes_to_somebody_who_is_given_up_at_that_moment_is_not_lost(
    database_url: str,
) -> None:
    connections = Pool(size=1, queue=1, timeout=10)
    async with connections.open(database_url):
        held = await connections.acquire()
        waiting = asyncio.create_task(connections.acquire())
        await asyncio.sleep(0)
        connections.release(held)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

        connections.release(await connections.acquire())
        assert connections.usage() == pool.PoolUsage(size=1, idle=1, waiting=0)
