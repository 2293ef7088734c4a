"""The cleaning jobs work in short statements, and never wait for a row that somebody has locked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.token_admin import EXPIRED_TOKEN_RETENTION, TokenAdmin
from tickets.adapters.postgres.repositories.idempotency import PostgresIdempotencyStore
from tickets.adapters.postgres.repositories.rate_limits import PostgresRateLimiter
from tickets.adapters.postgres.repositories.ticket_counts import BATCH_SIZE, PostgresTicketCounts
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.application.key_expiry import KeyExpiry
from tickets.clock import SystemClock

EXPIRED = 6000


class Statements:
    """A database that keeps what each statement returned first."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.deleted: list[int] = []

    async def fetchrow(self, *query: object) -> asyncpg.Record | None:
        row = await self.database.fetchrow(*query)  # type: ignore[arg-type]
        self.deleted.append(row["deleted"] if row else 0)
        return row

    async def fetchval(self, *query: object) -> int:
        value: int = await self.database.fetchval(*query)  # type: ignore[arg-type]
        self.deleted.append(value)
        return value


@dataclass(frozen=True)
class Cleaning:
    """A job, rows of which most are expired, a lock on one expired row, and what is left."""

    fill: str
    lock: str
    count: str
    job: Callable[[Statements], Awaitable[int]]
    largest: int


def _rates(database: Statements) -> Awaitable[int]:
    return PostgresRateLimiter(database).delete_expired()  # type: ignore[arg-type]


def _tokens(database: Statements) -> Awaitable[int]:
    return TokenAdmin(database, SystemClock()).delete_expired()  # type: ignore[arg-type]


def _keys(database: Statements) -> Awaitable[int]:
    store = PostgresIdempotencyStore(database)  # type: ignore[arg-type]
    return KeyExpiry(store, SystemClock()).delete_expired()


CLEANINGS = {
    "rate limits": Cleaning(
        f"""insert into ticket_rates (subject, arrival, seen_at, tolerance)
            select 'replies:' || n, now() + case when n > {EXPIRED} then 1 else -1 end
                   * interval '1 minute', now(), '1 hour'
              from generate_series(1, {EXPIRED} + 100) n""",  # noqa: S608 - a constant
        "select 1 from ticket_rates where subject = 'replies:7' for update",
        "select count(*) from ticket_rates",
        _rates,
        EXPIRED // 2,
    ),
    "tokens": Cleaning(
        f"""insert into users (email) values ('mara@example.com');
            insert into ticket_tokens (token_sha256, user_id, expires_at)
            select sha256(n::text::bytea), (select max(id) from users),
                   now() - case when n > {EXPIRED} then 1 else 1000 end * interval '1 day'
              from generate_series(1, {EXPIRED} + 100) n""",  # noqa: S608 - a constant
        "select 1 from ticket_tokens where token_sha256 = sha256('7') for update",
        "select count(*) from ticket_tokens",
        _tokens,
        EXPIRED // 2,
    ),
    "idempotency keys": Cleaning(
        f"""insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at)
            select 'user:7', 'key ' || n, sha256(n::text::bytea), 'true',
                   now() - case when n > {EXPIRED} then 0 else 2 end * interval '1 day'
              from generate_series(1, {EXPIRED} + 100) n""",  # noqa: S608 - a constant
        "select 1 from ticket_idempotency_keys where key = 'key 7' for update",
        "select count(*) from ticket_idempotency_keys",
        _keys,
        500,
    ),
}


@pytest.fixture
async def impatient(database_url: str) -> AsyncIterator[Database]:
    """Return a database whose statements fail where they would wait for a lock."""
    separator = "&" if "?" in database_url else "?"
    async with Database(f"{database_url}{separator}lock_timeout=50ms").open() as database:
        yield database


@pytest.mark.parametrize("case", CLEANINGS)
async def test_a_job_deletes_in_batches_and_skips_what_somebody_has_locked(
    impatient: Database, database_url: str, case: str
) -> None:
    cleaning = CLEANINGS[case]
    other = await asyncpg.connect(database_url)
    await other.execute(cleaning.fill)
    async with other.transaction():
        await other.execute(cleaning.lock)
        statements = Statements(impatient)

        assert await cleaning.job(statements) == sum(statements.deleted) == EXPIRED - 1
        assert len([deleted for deleted in statements.deleted if deleted]) > 1
        assert max(statements.deleted) <= cleaning.largest

    assert await cleaning.job(Statements(impatient)) == 1
    assert await other.fetchval(cleaning.count) == 100
    await other.close()


async def test_counts_are_folded_in_batches(
    postgres_world: PostgresWorld, database: Database
) -> None:
    await postgres_world.ticket()
    before = await postgres_world.views.admin_stats()
    # sums of zero: as many went as came
    await database.fetch(
        """insert into ticket_counts (slot, status, category, total, admin_unread)
           select n / 2 + 1000000, 'open', case n % 2 when 0 then 'other' else 'billing' end,
                  case n / 2 % 2 when 0 then 1 else -1 end, 0
             from generate_series(0, 2399) n"""
    )
    statements = Statements(database)

    await PostgresTicketCounts(statements).fold()  # type: ignore[arg-type]

    assert statements.deleted[:4] == [BATCH_SIZE] * 4
    assert max(statements.deleted) == BATCH_SIZE
    assert {row["slot"] for row in await database.fetch("select slot from ticket_counts")} == {0}
    assert await postgres_world.views.admin_stats() == before


@pytest.mark.parametrize(
    ("case", "file", "query", "values"),
    [
        ("rate limits", "rate_limits", "delete_expired_rate_limits", {}),
        ("tokens", "token_admin", "delete_expired_tokens", {"moment": SystemClock().now()}),
    ],
)
async def test_a_statement_of_a_sweep_reads_its_blocks_alone(
    database: Database, database_url: str, case: str, file: str, *, query: str, values: Any
) -> None:
    filler = await asyncpg.connect(database_url)
    await filler.execute(CLEANINGS[case].fill)
    await filler.execute("analyze ticket_rates, ticket_tokens")
    await filler.close()
    statement = load_queries(file)[query].bind(from_row=(32, 0), to_row=(64, 0), **values)

    plan = await database.fetch(f"explain {statement[0]}", *statement[1:])

    text = "\n".join(row[0] for row in plan)
    assert "Tid Range Scan" in text
    assert "Seq Scan" not in text


async def test_a_user_has_at_most_a_hundred_tokens_and_the_oldest_goes_first(
    postgres_world: PostgresWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickets.adapters.postgres.identity.token_admin.MAX_TOKENS_PER_USER", 3)
    admin, lookup = postgres_world.token_admin, postgres_world.token_lookup
    mara, otto = await postgres_world.user(), await postgres_world.user()
    ottos = await postgres_world.token(otto)
    first, second = await postgres_world.token(mara), await postgres_world.token(mara)
    await admin.new_token(mara, lifetime=-EXPIRED_TOKEN_RETENTION / 2)

    third = await postgres_world.token(mara)
    # the expired one made room
    assert [await lookup.by_token(token) for token in (first, second, third)] == [mara] * 3
    fourth = await admin.new_token(mara, lifetime=timedelta(hours=1))

    found = [await lookup.by_token(token) for token in (first, second, third, fourth, ottos)]
    assert found == [None, mara, mara, mara, otto]
    assert len(await admin.tokens(mara)) == 3
