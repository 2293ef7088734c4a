"""The pool under pressure: who waits, in which order, for how long, and what the server itself gives up."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from tickets.adapters.postgres.database import Database
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
            with pytest.raises(Overloaded, match="Too many others"):
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
            # somebody comes at every turn of the loop, so also at those at which the connection becomes free
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
