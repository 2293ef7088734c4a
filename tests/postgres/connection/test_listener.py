"""The LISTEN/NOTIFY listener: heartbeats, lost connections, malformed notifications."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic

import asyncpg
import pytest

from tests.postgres.processes import LISTENERS, Process, a_process, kill_listeners
from tests.postgres.waiting import ADVISORY_LOCK_WAITERS, until, until_returns
from tests.world import ADMIN, FakeTime
from tickets.adapters.postgres.connection import listener as module
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.listener import (
    CAUGHT_UP_SECONDS,
    HEARTBEAT_INTERVAL,
    RECONNECT_AFTER,
    RETRY_DELAY,
    Listener,
)
from tickets.domain.errors import StoreUnavailable
from tickets.domain.people import Actor


@asynccontextmanager
async def a_listener(url: str, *, now: Callable[[], float] = monotonic) -> AsyncIterator[Listener]:
    """Run a listener without a cache, and a pool for its heartbeats."""
    database = Database(url)
    async with database.open(), Listener(url, database, now=now).listening() as listener:
        yield listener


async def test_without_a_heartbeat_for_a_second_no_cached_value_is_used(
    process: Process,
) -> None:
    user_id = await process.user()
    await process.unread_count(user_id)
    assert await process.statements_of(process.unread_count(user_id)) == 0

    process.time.seconds += CAUGHT_UP_SECONDS

    assert await process.statements_of(process.unread_count(user_id)) == 1
    await process.until_caught_up()
    assert await process.statements_of(process.unread_count(user_id)) == 0


async def test_changes_during_a_lost_connection_are_not_missed(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    user_id = await here.user()
    token = await here.token(user_id)
    ticket = await here.ticket(user_id)
    await there.unread_count(user_id)
    await there.token_lookup.by_token(token)

    assert await kill_listeners(there) == 2
    await here.reply(ticket.id, ADMIN)
    await here.revoke(token)

    await until_returns(lambda: there.unread_count(user_id), 1)
    await until_returns(lambda: there.token_lookup.by_token(token), None)
    # and the caches are used again
    await until_returns(lambda: there.statements_of(there.unread_count(user_id)), 0)
    assert await there.unread_count(user_id) == 1
    await here.service.read(ticket.id, by=Actor.user(user_id))
    await until_returns(lambda: there.unread_count(user_id), 0)


async def test_values_cached_before_the_listener_connects_are_not_used(
    database_url: str,
) -> None:
    time = FakeTime()
    async with Database(database_url).open() as database:
        listener = Listener(database_url, database, now=time)
        process = Process(database, listener, time)
        user_id = await process.user()
        token = await process.token(user_id)
        assert await process.token_lookup.by_token(token) == user_id
        await process.revoke(token)
        time.seconds += 1

        async with listener.listening():
            await process.until_caught_up()

            assert await process.token_lookup.by_token(token) is None


async def test_an_idle_listener_sends_no_heartbeats_and_still_notices_a_lost_connection(
    process: Process,
) -> None:
    user_id = await process.user()
    token = await process.token(user_id)
    await process.token_lookup.by_token(token)

    await asyncio.sleep(2 * HEARTBEAT_INTERVAL)
    before = len(process.heartbeats)
    await asyncio.sleep(2 * HEARTBEAT_INTERVAL)
    assert len(process.heartbeats) == before > 0

    assert await kill_listeners(process) == 1

    await until(lambda: not process.listener.is_connected())
    assert await process.statements_of(process.token_lookup.by_token(token)) == 1
    await until(process.listener.is_connected)


async def test_changes_without_a_trigger_are_noticed_when_the_connection_is_renewed(
    process: Process, database_url: str
) -> None:
    user_id = await process.user()
    await process.ticket(user_id)
    assert await process.unread_count(user_id) == 0
    restoring = await asyncpg.connect(database_url)
    await restoring.execute("alter table tickets disable trigger user")
    await restoring.execute("update tickets set user_unread = true")
    await restoring.close()
    assert await process.statements_of(process.unread_count(user_id)) == 0

    process.time.seconds += RECONNECT_AFTER
    await process.until_caught_up()

    await until_returns(lambda: process.statements_of(process.unread_count(user_id)), 0)
    assert await process.unread_count(user_id) == 1
    # the old connection is closed: the pool's and the new one are left
    connections = "select count(*) from pg_stat_activity where datname = current_database()"
    await until_returns(lambda: process.database.fetchval(connections), 2)


@asynccontextmanager
async def replaced_pg_notify(
    url: str, body: str
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Replace pg_notify for connections that are opened later; yield one that was opened before."""
    connection = await asyncpg.connect(url)
    name = await connection.fetchval("select current_database()")
    await connection.execute(
        f"""create schema replaced;
            create function replaced.pg_notify(text, text) returns void
                language plpgsql as $$ begin {body} end $$;
            alter database {name} set search_path = replaced, pg_catalog, public"""
    )
    yield connection
    await connection.close()


async def test_a_late_heartbeat_counts_from_when_it_was_sent(
    database_url: str,
) -> None:
    delayed = """perform pg_advisory_lock_shared(3); perform pg_advisory_unlock_shared(3);
                perform pg_catalog.pg_notify($1, $2);"""
    async with replaced_pg_notify(database_url, delayed) as blocker:
        time = FakeTime()

        async def heartbeat_is_delayed() -> bool:
            listener.is_caught_up()
            return bool(await blocker.fetchval(ADVISORY_LOCK_WAITERS))

        await blocker.execute("select pg_advisory_lock(3)")
        async with a_listener(database_url, now=time) as listener:
            await until_returns(heartbeat_is_delayed, expected=True)
            time.seconds += CAUGHT_UP_SECONDS
            # this heartbeat arrives, and the next one waits
            await blocker.execute("select pg_advisory_unlock(3)")
            await blocker.execute("select pg_advisory_lock(3)")
            await until(listener.is_connected)
            await until_returns(heartbeat_is_delayed, expected=True)

            assert not listener.is_caught_up()
            await blocker.execute("select pg_advisory_unlock(3)")
            await until(listener.is_caught_up)


class HoldsHeartbeats(Database):
    """A database that keeps heartbeats, each as a channel and a number, instead of sending them."""

    def __init__(self, url: str, patience: Callable[[float], None]) -> None:
        super().__init__(url)
        self.held: list[tuple[object, ...]] = []
        self.wanted = 1
        self._patience = patience

    async def fetchval_urgently(self, _query: str, *args: object) -> None:
        self.held.append(args)
        # those before the one that is wanted are given up soon, which is waited for
        self._patience(60 if len(self.held) == self.wanted else 0.1)


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return what sets the listener's patience with a heartbeat, in seconds."""
    monkeypatch.setattr(module, "RETRY_DELAY", 0.01)
    return partial(monkeypatch.setattr, module, "RESPONSE_TIMEOUT")


@asynccontextmanager
async def waiting_for(
    database: HoldsHeartbeats, url: str, heartbeat: int
) -> AsyncIterator[Listener]:
    """Run a listener that waits for this heartbeat."""
    database.wanted = heartbeat
    async with database.open(), Listener(url, database).listening() as listener:

        def is_held() -> bool:
            listener.is_caught_up()
            return len(database.held) == heartbeat

        await until(is_held)
        yield listener


async def notify(database: Database, *notifications: tuple[object, ...]) -> None:
    for channel, number in notifications:
        await database.fetchval("select pg_notify($1, $2)", channel, number)


class CountsClears:
    """A cache that is never full."""

    def __init__(self) -> None:
        self.cleared = 0

    def invalidate(self, key: int) -> None:
        raise AssertionError(key)

    def clear(self) -> None:
        self.cleared += 1


async def until_received(listener: Listener, database: Database) -> None:
    """Wait until the listener has received what was sent until now."""
    cache = CountsClears()
    listener.invalidate_on(cache, "badge", int)
    await notify(database, ("tickets_changes", "badge:"))
    await until(lambda: cache.cleared > 0)


async def test_an_earlier_heartbeat_that_is_late_is_not_taken_for_the_last_one(
    database_url: str, patience: Callable[[float], None]
) -> None:
    database = HoldsHeartbeats(database_url, patience)
    async with waiting_for(database, database_url, heartbeat=3) as listener:
        await notify(database, *database.held[:2])
        await until_received(listener, database)
        assert not listener.is_caught_up()

        await notify(database, database.held[2])
        await until(listener.is_caught_up)


async def test_the_heartbeat_of_another_process_is_not_taken_for_its_own(
    database_url: str, patience: Callable[[float], None]
) -> None:
    held_here, held_there = (HoldsHeartbeats(database_url, patience) for _ in range(2))
    async with (
        waiting_for(held_here, database_url, heartbeat=1) as here,
        waiting_for(held_there, database_url, heartbeat=1) as there,
    ):
        # both have the same number
        assert [database.held[0][1] for database in (held_here, held_there)] == ["1", "1"]
        await notify(held_there, held_there.held[0])
        await until(there.is_caught_up)
        await until_received(here, held_there)

        assert not here.is_caught_up()


class LosesHeartbeats(Database):
    """A database that cannot be reached by heartbeats, once `is_lossy` is set."""

    is_lossy = False

    async def fetchval_urgently(self, query: str, *args: object) -> object:
        if self.is_lossy:
            raise StoreUnavailable
        return await super().fetchval_urgently(query, *args)


async def test_while_no_heartbeat_can_be_sent_the_process_does_not_listen_but_keeps_its_connection(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    listening = f"select backend_start {LISTENERS}"
    database = LosesHeartbeats(database_url)
    async with database.open(), Listener(database_url, database).listening() as listener:
        await until(listener.is_caught_up)
        before = await database.fetch(listening)

        database.is_lossy = True
        await until(lambda: not listener.is_caught_up() and not listener.is_connected())
        database.is_lossy = False
        await until(listener.is_caught_up)

        assert listener.is_connected()
        assert await database.fetch(listening) == before
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert ["not listening" in record.message for record in warnings] == [True]


async def test_a_server_that_delivers_no_notifications_is_logged_and_disables_caches(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "RESPONSE_TIMEOUT", 0.5)
    async with replaced_pg_notify(database_url, "null;"), a_listener(database_url) as listener:
        await until(lambda: listener.is_caught_up() or bool(caplog.records))

        assert not listener.is_caught_up()
        assert "not listening for changes" in caplog.text
        assert "a heartbeat that was sent through the pool did not come back" in caplog.text


async def test_a_full_notification_queue_is_logged_once_and_disables_caches(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_INTERVAL", 0.01)
    full = "raise exception using errcode = '54000', message = 'too many notifications';"
    async with (
        replaced_pg_notify(database_url, full),
        a_process(database_url, is_caught_up=False) as process,
    ):
        await until(lambda: process.listener.is_caught_up() or len(process.heartbeats) > 3)

        assert not process.listener.is_caught_up()
        (record,) = caplog.records
        assert "not listening for changes" in record.message
        assert "too many notifications" in record.message


@asynccontextmanager
async def listening_at_a_refusing_server(attempts: list[int]) -> AsyncIterator[None]:
    """Run a listener against a server that closes each connection; append to `attempts`."""

    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attempts.append(1)
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with a_listener(f"postgresql://x@127.0.0.1:{port}/x?sslmode=disable"):
            yield


async def test_the_listener_pauses_between_two_attempts_to_connect() -> None:
    attempts: list[int] = []
    async with listening_at_a_refusing_server(attempts):
        await until(lambda: bool(attempts))
        await asyncio.sleep(RETRY_DELAY / 2)

        assert len(attempts) == 1


async def test_a_database_that_stays_unavailable_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "RETRY_DELAY", 0.01)
    attempts: list[int] = []
    async with listening_at_a_refusing_server(attempts):
        await until(lambda: len(attempts) > 5)

    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize(
    "payload",
    ["badge:", "badge:seven", f"badge:{'9' * 5000}", "token:", "token:xyz", "", "?"],
    ids=lambda payload: payload[:12],
)
async def test_a_malformed_notification_does_no_harm(
    process: Process, payload: str, caplog: pytest.LogCaptureFixture
) -> None:
    user_id = await process.user()
    token = await process.token(user_id)
    await process.unread_count(user_id)
    await process.token_lookup.by_token(token)

    await process.database.fetch("select pg_notify('tickets_changes', $1)", payload)
    ticket = await process.ticket(user_id)
    await process.reply(ticket.id, ADMIN)

    assert await process.unread_count(user_id) == 1
    assert await process.token_lookup.by_token(token) == user_id
    # once the malformed one has arrived: notifications keep their order
    process.time.seconds += CAUGHT_UP_SECONDS
    await process.until_caught_up()
    assert not caplog.records
