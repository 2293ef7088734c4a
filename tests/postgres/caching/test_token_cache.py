"""The token cache in several processes: which notifications invalidate an entry."""

from __future__ import annotations

from hashlib import sha256

from tests.postgres.processes import Process
from tests.postgres.waiting import until_returns
from tickets.adapters.postgres.connection.listener import (
    CAUGHT_UP_SECONDS,
)


async def test_a_token_is_cached_until_any_process_revokes_it(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    user_id = await here.user()
    token = await here.token(user_id)
    assert await there.token_lookup.by_token(token) == user_id
    assert await there.statements_of(there.token_lookup.by_token(token)) == 0

    await here.revoke(token)

    await until_returns(lambda: there.token_lookup.by_token(token), None)


async def test_a_token_given_to_another_user_invalidates_its_entry(process: Process) -> None:
    first, second = await process.user(), await process.user()
    token = await process.token(first)
    assert await process.token_lookup.by_token(token) == first

    await process.database.fetch("update ticket_tokens set user_id = $1", second)

    await until_returns(lambda: process.token_lookup.by_token(token), second)


async def test_truncating_the_tokens_clears_the_cache(process: Process) -> None:
    user_id = await process.user()
    token = await process.token(user_id)
    assert await process.token_lookup.by_token(token) == user_id

    await process.database.fetch("truncate ticket_tokens")

    await until_returns(lambda: process.token_lookup.by_token(token), None)


async def test_a_cached_token_is_not_used_while_the_listener_is_behind(
    process: Process,
) -> None:
    user_id = await process.user()
    token = await process.token(user_id)
    await process.token_lookup.by_token(token)
    assert await process.statements_of(process.token_lookup.by_token(token)) == 0

    process.time.seconds += CAUGHT_UP_SECONDS

    assert await process.statements_of(process.token_lookup.by_token(token)) == 1


async def test_a_cached_token_is_not_valid_after_it_expires(process: Process) -> None:
    user_id = await process.user()
    token = await process.token(user_id)
    await process.database.fetch(
        """update ticket_tokens set expires_at = now() + interval '30 seconds'
            where token_sha256 = $1""",
        sha256(token.encode()).digest(),
    )
    assert await process.token_lookup.by_token(token) == user_id

    process.time.seconds += 30
    await process.until_caught_up()

    # expired by this process's clock; so the lookup queries the database, whose clock has not moved
    assert await process.statements_of(process.token_lookup.by_token(token)) == 1
