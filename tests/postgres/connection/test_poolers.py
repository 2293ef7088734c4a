"""Behind a connection pooler: right, or refused or switched off in one clear line, never stale.

The poolers: PgBouncer where it is installed, as in CI (Debian's 1.18, without prepared statements
in transaction mode), and a stand-in that behaves like it, with and without the prepared statements
of 1.21 and later.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import asyncpg
import pytest

from tests.postgres.pgbouncer import PGBOUNCER, pgbouncer
from tests.postgres.processes import Process, a_process
from tests.postgres.transaction_pooler import transaction_pooler
from tests.postgres.waiting import until, until_returns
from tests.world import ADMIN
from tickets.adapters.postgres.connection import listener as module
from tickets.adapters.postgres.connection.connect import CannotConnect
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.listener import CAUGHT_UP_SECONDS
from tickets.cli import operations
from tickets.domain.errors import StoreUnavailable
from tickets.domain.people import Actor
from tickets.settings.settings import Settings

Pooler = Callable[..., AbstractAsyncContextManager[str]]

STAND_INS: dict[str, Pooler] = {
    "stand-in": partial(transaction_pooler, prepared_statements=False),
    "stand-in with prepared statements": partial(transaction_pooler, prepared_statements=True),
}
POOLERS = STAND_INS | ({"PgBouncer": pgbouncer} if PGBOUNCER else {})
WITHOUT_PREPARED_STATEMENTS = [name for name in POOLERS if "with" not in name]

IGNORED = (
    "statement_timeout",
    "plan_cache_mode",
    "idle_in_transaction_session_timeout",
    "lock_timeout",
)
"""The parameters of the service's connections, as `ignore_startup_parameters` would name them."""

PREPARING = "TICKETS_DATABASE_STATEMENT_CACHE=0"
LISTENING = "TICKETS_LISTEN=off"


async def a_user(process: Process) -> int:
    """Create a user; all tests of this module share one database."""
    return await process.user(f"{secrets.token_hex(8)}@example.com")


async def converse(process: Process) -> None:
    """Open a ticket, reply from both sides, and read it; check what each side then sees."""
    ticket = await process.ticket(await a_user(process))
    owner = Actor.user(ticket.user_id)
    token = await process.token(ticket.user_id)
    for number in range(1, 4):
        await process.reply(ticket.id, ADMIN, f"Answer {number}.")
        assert await process.token_lookup.by_token(token) == ticket.user_id
        assert await process.unread_count(ticket.user_id) == 1
        assert (await process.texts(ticket.id))[-1] == f"Answer {number}."
        await process.service.read(ticket.id, by=owner)
        assert await process.unread_count(ticket.user_id) == 0
        await process.reply(ticket.id, owner, f"Question {number}.")
    await process.revoke(token)
    process.time.seconds += CAUGHT_UP_SECONDS
    assert await process.token_lookup.by_token(token) is None


def warnings_of(caplog: pytest.LogCaptureFixture, part: str) -> list[str]:
    return [record.message for record in caplog.records if part in record.message]


@pytest.mark.parametrize("name", POOLERS)
async def test_two_processes_behind_a_pooler_are_right_with_the_settings_as_they_are(
    own_cluster: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        POOLERS[name](own_cluster, ignored=IGNORED) as url,
        a_process(url, is_caught_up=False) as here,
        a_process(url, is_caught_up=False) as there,
    ):
        await asyncio.gather(*(converse(process) for process in (here, there) * 8))

    # one line for each process, or none
    expected = 2 if name in WITHOUT_PREPARED_STATEMENTS else 0
    assert len(warnings_of(caplog, PREPARING)) == expected


@pytest.mark.parametrize("name", POOLERS)
async def test_behind_a_pooler_that_drops_notifications_nothing_is_stale_and_one_line_says_why(
    own_cluster: str,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "RESPONSE_TIMEOUT", 0.5)
    monkeypatch.setattr(module, "POOLER_RETRY_DELAY", 0.01)
    async with (
        POOLERS[name](own_cluster, ignored=IGNORED) as url,
        a_process(url, token_cache=10, is_caught_up=False) as here,
        Database(own_cluster).open() as elsewhere,
    ):
        user_id = await a_user(here)
        token = await here.token(user_id)
        ticket = await here.ticket(user_id)

        async def look() -> tuple[int | None, int]:
            here.listener.is_caught_up()
            by_token = await here.token_lookup.by_token(token)
            return by_token, await here.unread_count(user_id)

        assert await look() == (user_id, 0)
        # it has tried several times
        await until(lambda: here.listener.is_caught_up() or len(here.heartbeats) > 3)
        assert await look() == (user_id, 0)
        await elsewhere.fetch("update tickets set user_unread = true where id = $1", ticket.id)
        await elsewhere.fetch("delete from ticket_tokens where user_id = $1", user_id)
        here.time.seconds += CAUGHT_UP_SECONDS

        for _ in range(2):
            assert await look() == (None, 1)
        assert not here.listener.is_connected()
        (line,) = warnings_of(caplog, "not listening")
        assert LISTENING in line


@pytest.mark.parametrize("name", POOLERS)
async def test_a_pooler_that_refuses_the_time_outs_is_named_at_the_start_and_in_the_log(
    own_cluster: str, name: str
) -> None:
    async with POOLERS[name](own_cluster) as url:
        with pytest.raises(CannotConnect, match=PREPARING):
            await operations.migrate(Settings(database_url=url))
        async with Database(url).open() as database:
            with pytest.raises(StoreUnavailable) as raised:
                await database.fetchval("select 1")

    assert PREPARING in str(raised.value.__cause__)
    assert "unsupported startup parameter: statement_timeout" in str(raised.value.__cause__)


@pytest.mark.parametrize("name", POOLERS)
async def test_with_the_setting_for_poolers_everything_works_and_the_start_warns_of_time_outs(
    own_cluster: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with POOLERS[name](own_cluster) as url:
        settings = Settings(database_url=url, database_statement_cache=0)
        await operations.migrate(settings)
        assert len(warnings_of(caplog, "statement_timeout")) == 1
        async with Database(url, statement_cache_size=0).open() as database:
            await asyncio.gather(
                *(database.fetchval("select $1::int", number) for number in range(50))
            )


async def test_without_a_pooler_the_start_warns_of_nothing(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    await operations.migrate(Settings(database_url=database_url))

    assert not caplog.records


@pytest.mark.parametrize("name", ["PgBouncer"] if PGBOUNCER else [])
async def test_pgbouncer_in_session_mode_passes_notifications_on(
    own_cluster: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    del name
    async with (
        pgbouncer(own_cluster, mode="session", size=20, ignored=IGNORED) as url,
        a_process(url) as here,
        a_process(url) as there,
    ):
        ticket = await here.ticket(await a_user(here))
        assert await there.unread_count(ticket.user_id) == 0
        assert await there.statements_of(there.unread_count(ticket.user_id)) == 0
        await here.reply(ticket.id, ADMIN)

        await until_returns(lambda: there.unread_count(ticket.user_id), 1)
    assert not caplog.records


async def test_prepared_statements_have_names_of_their_own(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a pooler, a backend may hold a statement that another process has prepared."""
    names = []
    for _ in range(2):
        # as a process begins
        monkeypatch.setattr(asyncpg.connection, "_uid", 0)
        async with Database(database_url, pool_size=1).open() as database:
            await database.fetchval("select 1")
            names += [
                row["name"]
                for row in await database.fetch("select name from pg_prepared_statements")
            ]

    assert len(names) > 2
    assert len(set(names)) == len(names)
