"""Full-text search on PostgreSQL: its plans, its time-out, and what its time may tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, TypeAlias

import asyncpg
import msgspec
import pytest

from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.connection.database import Database, StatementTimeout
from tickets.adapters.postgres.repositories.ticket_search import AT_ONCE, PostgresTicketSearch
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.errors import SearchTooSlow
from tickets.domain.read_models import FoundPage
from tickets.domain.search import SearchQuery

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

INDEXES = ("ticket_messages_search", "tickets_search", "ticket_notes_search")

VALUES: dict[str, object] = {
    "words": "invoice",
    "number": None,
    "most": 5_000,
    "limit": 50,
    "after_updated_at": datetime.max.replace(tzinfo=UTC),
    "after_id": 2**31 - 1,
}


class DatabaseWithTimeouts:
    """A database that ends the first statements of a search, and records all of them."""

    def __init__(self, database: Database, ended: int) -> None:
        self._database = database
        self._ended = ended
        self.statements: list[str] = []

    async def fetchrow_within(self, seconds: float, query: str, *args: object) -> Any:
        self.statements.append(query.partition("\n")[0].removeprefix("-- "))
        if len(self.statements) <= self._ended:
            raise StatementTimeout
        return await self._database.fetchrow_within(seconds, query, *args)


def ids_of(page: FoundPage) -> list[int]:
    return [row["id"] for row in msgspec.json.decode(page.rows)]


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    """Return a connection that plans as the service's do, and reads no small table as a whole."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("set plan_cache_mode = force_generic_plan; set enable_seqscan = off")
    yield connection
    await connection.close()


async def plan(connection: Connection, query: str, **values: object) -> str:
    sql, *arguments = load_queries("search")[query].bind(**VALUES | values)
    return "\n".join(row[0] for row in await connection.fetch(f"explain {sql}", *arguments))


async def test_a_users_search_uses_no_index_of_everybodys_texts_and_no_notes(
    connection: Connection,
) -> None:
    """How long such an index takes depends on what others have written, notes included."""
    own = await plan(connection, "own", user_id=1, needle="invoice", looked_at=1_000)

    assert [name for name in (*INDEXES, "ticket_notes") if name in own] == []
    assert "tickets_of_user" in own


async def test_an_admins_search_uses_the_index_of_each_kind_of_text(
    connection: Connection,
) -> None:
    everywhere = await plan(connection, "everywhere", address=None, address_end=None)

    assert [name for name in INDEXES if name in everywhere] == list(INDEXES)


async def test_words_that_take_too_long_are_searched_in_the_newest_texts(
    database: Database, postgres_world: PostgresWorld
) -> None:
    user_id = await postgres_world.user()
    ticket = await postgres_world.ticket(user_id, message="The invoice is wrong.")
    await postgres_world.note(ticket.id, "An invoice.")
    query = SearchQuery.parse("invoice")

    slow = DatabaseWithTimeouts(database, ended=1)
    page = await PostgresTicketSearch(slow).everywhere(  # type: ignore[arg-type] # what it needs
        query, after=None, limit=50
    )
    assert (ids_of(page), page.is_truncated) == ([ticket.id], True)
    assert slow.statements == ["everywhere", "everywhere_recent"]

    slow = DatabaseWithTimeouts(database, ended=1)
    page = await PostgresTicketSearch(slow).own(  # type: ignore[arg-type] # the same
        user_id, query, after=None, limit=50
    )
    assert ids_of(page) == [ticket.id]
    assert slow.statements == ["own", "own"]


async def test_what_takes_too_long_even_then_is_refused(database: Database) -> None:
    slow = DatabaseWithTimeouts(database, ended=2)

    with pytest.raises(SearchTooSlow):
        await PostgresTicketSearch(slow).everywhere(  # type: ignore[arg-type] # the same
            SearchQuery.parse("in"), after=None, limit=50
        )


async def test_a_statement_is_ended_in_the_server_when_its_time_is_up(database: Database) -> None:
    with pytest.raises(StatementTimeout):
        await database.fetchrow_within(0.05, "select pg_sleep(60)")

    running = await database.fetchval(
        """select count(*) from pg_stat_activity
            where query like '%pg_sleep%' and state = 'active' and pid <> pg_backend_pid()"""
    )
    assert running == 0


async def test_a_time_out_of_the_server_itself_counts_as_one(database: Database) -> None:
    with pytest.raises(StatementTimeout):
        await database.fetchrow_within(
            30, "select pg_cancel_backend(pg_backend_pid()), pg_sleep(60)"
        )


async def test_a_few_searches_at_a_time_leave_connections_for_everything_else() -> None:
    running = most = 0

    class BusyDatabase:
        async def fetchrow_within(self, *_: object) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            raise StatementTimeout

    search = PostgresTicketSearch(BusyDatabase())  # type: ignore[arg-type] # what it needs
    query = SearchQuery.parse("invoice")
    searches = [search.own(1, query, after=None, limit=50) for _ in range(20)]

    results = await asyncio.gather(*searches, return_exceptions=True)

    assert {type(result) for result in results} == {SearchTooSlow}
    assert most == AT_ONCE


@pytest.mark.parametrize(("looked_at", "is_truncated"), [(1, True), (2, True), (3, False)], ids=str)
async def test_a_users_search_says_when_it_has_not_looked_at_everything(
    database: Database,
    postgres_world: PostgresWorld,
    monkeypatch: pytest.MonkeyPatch,
    looked_at: int,
    *,
    is_truncated: bool,
) -> None:
    monkeypatch.setattr(
        "tickets.adapters.postgres.repositories.ticket_search.MAX_OWN_MESSAGES", looked_at
    )
    user_id = await postgres_world.user()
    ticket = await postgres_world.ticket(user_id, message="The invoice is wrong.")
    await postgres_world.reply(ticket.id, ADMIN, "It is right.")

    page = await PostgresTicketSearch(database).own(
        user_id, SearchQuery.parse("invoice"), after=None, limit=50
    )

    assert page.is_truncated is is_truncated
    assert ids_of(page) == ([] if looked_at == 1 else [ticket.id])
