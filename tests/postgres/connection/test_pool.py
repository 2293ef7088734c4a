"""The connection pool: FIFO queue, bounds, time-outs, lost connections, shutdown."""

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


async def test_a_request_beyond_the_queue_is_refused_at_once(
    database_url: str,
) -> None:
    async with Database(database_url, pool_size=2, pool_queue=3).open() as database:
        blocker = await asyncpg.connect(database_url)
        await blocker.execute("select pg_advisory_lock(1)")
        accepted = [
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

        assert len(await asyncio.gather(*accepted)) == 5
        assert await database.fetchval("select 1") == 1


async def test_without_a_queue_a_request_needs_a_free_connection(database_url: str) -> None:
    async with Database(database_url, pool_size=1, pool_queue=0).open() as database:
        first = asyncio.create_task(database.fetchval("select 1"))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await database.fetchval("select 2")
        assert await first == 1


async def test_failed_statements_and_cancelled_requests_free_their_slots(
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


async def test_waiting_requests_are_served_in_fifo_order(database_url: str) -> None:
    async with Database(database_url, pool_size=1).open() as database:
        started: list[int] = []
        served: list[int] = []

        async def run_query(number: int) -> None:
            # one starts in each iteration of the loop, also when the connection becomes free
            for _ in range(number):
                await asyncio.sleep(0)
            started.append(number)
            await database.fetchval("select 1")
            served.append(number)

        await asyncio.gather(*(run_query(number) for number in range(400)))

        assert served == started


async def test_an_urgent_statement_is_ahead_of_all_that_wait_and_of_the_bound(
    database_url: str,
) -> None:
    async with Database(database_url, pool_size=1, pool_queue=3).open() as database:
        served: list[object] = []

        async def run_query(value: int, *, urgent: bool = False) -> None:
            fetch = database.fetchval_urgently if urgent else database.fetchval
            served.append(await fetch("select $1::int", value))

        async with asyncio.TaskGroup() as tasks:
            for value in range(4):
                tasks.create_task(run_query(value))
                await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await database.fetchval("select 1")
            tasks.create_task(run_query(7, urgent=True))

        assert served == [0, 7, 1, 2, 3]


async def test_the_server_has_timeouts_for_abandoned_statements(
    database_url: str,
) -> None:
    async with Database(database_url, timeout=3).open() as database:
        names = ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout")

        assert [await database.fetchval(SHOW, name) for name in names] == ["4s", "4s", "2s"]


async def test_generic_plans_are_forced(database: Database) -> None:
    assert await database.fetchval(SHOW, "plan_cache_mode") == "force_generic_plan"


async def test_behind_pgbouncer_time_outs_and_plans_are_left_to_the_role(database_url: str) -> None:
    async with Database(database_url, statement_cache_size=0).open() as database:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout"):
            assert await database.fetchval(SHOW, name) == "0"
        assert await database.fetchval(SHOW, "plan_cache_mode") == "auto"
        assert await database.fetchval(SHOW, "timezone") == "UTC"


async def test_waiting_for_a_locked_table_ends_as_store_unavailable(
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
    """Wait until this number of connections is open."""
    async with asyncio.timeout(20):
        while connections.usage().size != number:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def check_slots(database: Database, url: str, *, size: int, queue: int) -> None:
    """Check that `size` statements run at once, that `queue` more wait, and that no more may."""
    blocker = await asyncpg.connect(url)
    await blocker.execute("select pg_advisory_lock(2)")
    wait_for_lock = "select pg_advisory_lock_shared(2), pg_advisory_unlock_shared(2)"
    accepted = [asyncio.create_task(database.fetchval(wait_for_lock)) for _ in range(size + queue)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await database.fetchval("select 1")
    await until_returns(lambda: blocker.fetchval(ADVISORY_LOCK_WAITERS), size)
    assert database.usage() == pool.PoolUsage(size=size, idle=0, waiting=queue)
    await blocker.execute("select pg_advisory_unlock(2)")
    await asyncio.gather(*accepted)
    await blocker.close()
    assert database.usage() == pool.PoolUsage(size=size, idle=size, waiting=0)


async def test_no_slot_is_lost_or_gained_by_failures_and_cancellations(
    database_url: str,
) -> None:
    at_random = random.Random(8)  # noqa: S311 - repeatable
    statements = ("select 1", "select 1 / 0", "select pg_sleep(0.01)", "select pg_sleep(0.3)")

    async def run_queries(database: Database) -> None:
        for _ in range(8):
            query = asyncio.create_task(database.fetchval(at_random.choice(statements)))
            # cancelled at any point: before the start, in the queue, connecting, in the statement
            for _ in range(at_random.randrange(3)):
                await asyncio.sleep(at_random.choice((0, 0, 0.001, 0.02)))
                query.cancel()
            await asyncio.gather(query, return_exceptions=True)

    for _ in range(3):
        async with Database(database_url, pool_size=3, pool_queue=4).open() as database:
            await asyncio.gather(*(run_queries(database) for _ in range(9)))
            await check_slots(database, database_url, size=3, queue=4)


async def test_a_cancelled_connection_attempt_frees_its_slot(
    database_url: str,
) -> None:
    async with Database(database_url, pool_size=1, pool_queue=0).open() as database:
        for iterations in range(15):
            query = asyncio.create_task(database.fetchval("select 1"))
            for _ in range(iterations):
                await asyncio.sleep(0)
            query.cancel()
            await asyncio.gather(query, return_exceptions=True)

        assert await database.fetchval("select 1") == 1


async def test_closed_connections_are_neither_counted_nor_used(
    database_url: str,
) -> None:
    async with Database(database_url, pool_size=3, pool_queue=0).open() as database:
        for _ in range(2):
            await check_slots(database, database_url, size=3, queue=0)
            await database.fetchval(
                """select count(pg_terminate_backend(pid)) from pg_stat_activity
                    where datname = current_database() and pid <> pg_backend_pid()"""
            )
            await until_open(database, 1)
            assert database.usage() == pool.PoolUsage(size=1, idle=1, waiting=0)

        assert await asyncio.gather(*(database.fetchval("select 7") for _ in range(3))) == [7, 7, 7]


async def test_a_broken_connection_is_closed(
    database_url: str,
) -> None:
    connections = Pool(size=1, queue=0, timeout=10)
    async with connections.open(database_url):
        for _ in range(3):
            await connections.discard(await connections.acquire(), broken=True)
            assert connections.usage() == pool.PoolUsage(0, 0, 0)


async def test_idle_connections_are_closed(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "RELEASE_INTERVAL", 0.05)
    connections = Pool(size=3, queue=0, timeout=10)
    async with connections.open(database_url, max_inactive_connection_lifetime=0.05):
        for _ in range(2):
            connections.release(await connections.acquire())
            assert connections.usage().size == 1
            await until_open(connections, 0)
    # and no background task is left
    assert asyncio.all_tasks() == {asyncio.current_task()}


class StuckConnection(asyncpg.Connection):  # type: ignore[misc] # asyncpg has no types
    """A connection whose server does not respond to a close."""

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg
        del timeout
        self.terminate()
        raise TimeoutError


@pytest.mark.parametrize("seconds", [0.01, 60])
async def test_a_connection_that_cannot_be_closed_blocks_nothing(
    database_url: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "RELEASE_INTERVAL", seconds)
    connections = Pool(size=3, queue=0, timeout=10)
    # longer than the waits inside, since closing the pool is what would block
    async with (
        asyncio.timeout(40),
        connections.open(database_url, connection_class=StuckConnection, max_queries=1),
    ):
        for _ in range(2):
            used = [await connections.acquire() for _ in range(3)]
            for connection in used:
                assert await connection.fetchval("select 7") == 7
                connections.release(connection)
            if seconds < 1:
                await until_open(connections, 0)


async def test_discarding_a_connection_that_cannot_be_closed_raises_nothing(
    database_url: str,
) -> None:
    connections = Pool(size=1, queue=0, timeout=10)
    async with connections.open(database_url, connection_class=StuckConnection, max_queries=1):
        for _ in range(3):
            connection = await connections.acquire()
            await connection.fetchval("select 7")
            await connections.discard(connection, broken=False)


async def test_requests_during_shutdown_get_a_response_or_store_unavailable(
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
            accepted = [asyncio.create_task(ask_twice(database)) for _ in range(2)]
            cancelled = asyncio.create_task(database.fetchval("select pg_sleep(30)"))
            waiting = asyncio.create_task(database.fetchval("select 9"))
            await asyncio.sleep(0)
            cancelled.cancel()
        outcomes = await asyncio.gather(*accepted, waiting, return_exceptions=True)

    assert outcomes[:2] == [7, 7]
    # its slot became free before the pool was closed, or after it
    assert outcomes[2] == 9 or isinstance(outcomes[2], StoreUnavailable)
    assert cancelled.cancelled()
    assert database.usage() == pool.PoolUsage(0, 0, 0)
    observer = await asyncpg.connect(database_url)
    others = "select count(*) from pg_stat_activity where datname = current_database()"
    await until_returns(lambda: observer.fetchval(others), 1)
    await observer.close()


async def test_a_slot_that_is_given_to_a_request_cancelled_at_that_moment_is_not_lost(
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
