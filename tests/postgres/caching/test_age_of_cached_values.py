"""Cached values are at most a second old, whatever stops: a backend, a network, the pool, a server.

A second by the process's own clock, which is a `FakeTime` here.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import psutil
import pytest

from tests.postgres.network import proxy_to
from tests.postgres.processes import LISTENERS, Process, a_process
from tests.postgres.waiting import ADVISORY_LOCK_WAITERS, until, until_returns, until_sql
from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.connection import listener as module
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.listener import CAUGHT_UP_SECONDS

TOKEN_CACHE = 10.0
"""The default of TICKETS_TOKEN_CACHE."""


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop an operating system process for the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
            pass
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class Visitor:
    """A user whose token and unread count a process has cached, and who loses the token."""

    def __init__(self, process: Process) -> None:
        self.process = process

    async def come(self) -> None:
        """Have both cached."""
        self.user_id = await self.process.user()
        self.token = await self.process.token(self.user_id)
        self.ticket = await self.process.ticket(self.user_id)
        await self.look()
        assert await self.process.statements_of(self.look()) == 0

    async def look(self) -> tuple[int | None, int]:
        """Return what the process responds with: whose the token is, and the unread count."""
        return (
            await self.process.token_lookup.by_token(self.token),
            await self.process.unread_count(self.user_id),
        )

    async def change(self, url: str) -> None:
        """Change both through another process."""
        async with Database(url).open() as database:
            elsewhere = PostgresWorld(database)
            await elsewhere.revoke(self.token)
            await elsewhere.reply(self.ticket.id, ADMIN)

    async def check_after_a_second(self) -> None:
        """Check that what the process responds with is true, though it received no notification."""
        self.process.time.seconds += CAUGHT_UP_SECONDS
        for _ in range(2):
            assert await self.look() == (None, 1)

    async def check_after_recovery(self) -> None:
        """Check that the caches are used again, and are right."""
        await self.process.until_caught_up()
        await until_returns(self.look, (None, 1))
        badge = self.process.unread_count
        await until_returns(lambda: self.process.statements_of(badge(self.user_id)), 0)
        assert await badge(self.user_id) == 1


async def test_while_the_listeners_backend_is_stopped(
    own_cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_process(own_cluster, token_cache=TOKEN_CACHE) as process:
        visitor = Visitor(process)
        await visitor.come()
        pid = await process.database.fetchval(f"select pid {LISTENERS}")
        with stopped(pid):
            await visitor.change(own_cluster)

            await visitor.check_after_a_second()
            monkeypatch.setattr(module, "RESPONSE_TIMEOUT", 0.5)
            # the listener connects again, to a backend that is not stopped
            await visitor.check_after_recovery()


async def test_while_the_listeners_connection_is_silently_dead(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        proxy_to(database_url) as proxy,
        a_process(database_url, listener_url=proxy.url, token_cache=TOKEN_CACHE) as process,
    ):
        visitor = Visitor(process)
        await visitor.come()
        proxy.fall_silent()
        await visitor.change(database_url)

        await visitor.check_after_a_second()
        monkeypatch.setattr(module, "RESPONSE_TIMEOUT", 0.5)
        await until(lambda: not process.listener.is_connected())
        proxy.recover()
        await visitor.check_after_recovery()


async def test_while_the_pool_is_exhausted(database_url: str) -> None:
    blocker = await asyncpg.connect(database_url)
    await blocker.execute("select pg_advisory_lock(4)")
    wait_for_lock = "select pg_advisory_lock_shared(4), pg_advisory_unlock_shared(4)"
    async with a_process(database_url, token_cache=TOKEN_CACHE, pool_size=2) as process:
        visitor = Visitor(process)
        await visitor.come()
        holding = [asyncio.create_task(process.database.fetchval(wait_for_lock)) for _ in range(20)]
        await until_returns(lambda: blocker.fetchval(ADVISORY_LOCK_WAITERS), 2)
        process.time.seconds += CAUGHT_UP_SECONDS
        sent = len(process.heartbeats)

        # a heartbeat is wanted, and waits for a connection
        await until(lambda: not process.listener.is_caught_up() and waiting(process) == 19)
        assert len(process.heartbeats) == sent
        await visitor.change(database_url)
        looking = asyncio.create_task(visitor.look())
        await blocker.execute("select pg_advisory_unlock(4)")
        assert await looking == (None, 1)
        await asyncio.gather(*holding)
        await visitor.check_after_recovery()
    await blocker.close()


def waiting(process: Process) -> int:
    """Return how many statements wait for a connection of the pool."""
    return process.database.usage().waiting


async def test_while_the_pool_has_failed_over_to_another_server(
    database_url: str, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notifications stay in their database, so that another one is as far as another server."""
    monkeypatch.setattr(module, "RESPONSE_TIMEOUT", 0.2)
    async with a_process(
        database_url,
        listener_url=empty_database_url,
        token_cache=TOKEN_CACHE,
        is_caught_up=False,
    ) as process:
        visitor = Visitor(process)
        visitor.user_id = await process.user()
        visitor.token = await process.token(visitor.user_id)
        visitor.ticket = await process.ticket(visitor.user_id)
        await until(lambda: process.listener.is_caught_up() or len(process.heartbeats) > 0)
        assert await visitor.look() == (visitor.user_id, 0)
        await visitor.change(database_url)

        await visitor.check_after_a_second()
        assert not process.listener.is_connected()


async def test_while_the_whole_server_is_paused(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        proxy_to(database_url) as proxy,
        a_process(proxy.url, token_cache=TOKEN_CACHE) as process,
    ):
        visitor = Visitor(process)
        await visitor.come()
        proxy.fall_silent()
        await visitor.change(database_url)
        process.time.seconds += CAUGHT_UP_SECONDS

        looking = asyncio.create_task(visitor.look())
        await until(lambda: process.database.usage().idle < process.database.usage().size)
        assert not looking.done()
        proxy.recover()
        assert await looking == (None, 1)
        monkeypatch.setattr(module, "RESPONSE_TIMEOUT", 0.5)
        await visitor.check_after_recovery()


async def test_heartbeats_wait_for_no_disk_and_no_replica(own_cluster: str) -> None:
    connection = await asyncpg.connect(own_cluster)
    await connection.execute("alter database tickets set synchronous_commit = 'on'")
    await connection.execute("alter system set synchronous_standby_names = 'nobody'")
    await connection.execute("select pg_reload_conf()")
    await until_sql(connection, "current_setting('synchronous_standby_names') = 'nobody'")
    await connection.execute("set synchronous_commit = 'on'")
    writing = asyncio.create_task(connection.execute("insert into users (email) values ('a@b.c')"))
    async with a_process(own_cluster) as process:
        wait_of = "select wait_event from pg_stat_activity where pid = $1"
        pid = connection.get_server_pid()
        await until_returns(lambda: process.database.fetchval(wait_of, pid), "SyncRep")

        await process.catch_up()
        assert not writing.done()
        # the other tests of this module need no replica
        await process.database.fetch("alter system reset synchronous_standby_names")
        await process.database.fetch("select pg_reload_conf()")
        await writing
    await connection.close()
