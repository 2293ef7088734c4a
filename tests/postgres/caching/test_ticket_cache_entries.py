"""The entries of the ticket cache: versions, copies, eviction, clearing."""

from __future__ import annotations

from dataclasses import replace

from tests.postgres.processes import Process, kill_listeners
from tests.postgres.waiting import until
from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.caching.ticket_cache import PostgresTicketCache
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.listener import Listener
from tickets.domain.ticket import Status


def ticket_cache(max_entries: int = 2) -> PostgresTicketCache:
    listener = Listener("postgresql://nowhere", Database("postgresql://nowhere"))
    listener.is_caught_up = lambda: True  # type: ignore[method-assign]
    return PostgresTicketCache(listener, max_entries=max_entries)


async def test_an_older_version_does_not_replace_a_newer_one(postgres_world: PostgresWorld) -> None:
    older = await postgres_world.ticket()
    await postgres_world.reply(older.id, ADMIN)
    later = await postgres_world.tickets.get(older.id)
    cache = ticket_cache()

    cache.put(later, later.version, cache.generation)
    cache.put(older, older.version, cache.generation)

    assert cache.get(older.id) == later
    repaired = replace(later, status=Status.CLOSED)
    cache.put(repaired, later.version, cache.generation)
    assert cache.get(older.id) == repaired
    cache.invalidate(older.id)
    cache.put(older, older.version, cache.generation)
    assert cache.get(older.id) == older


async def test_a_cached_ticket_is_returned_as_a_copy(postgres_world: PostgresWorld) -> None:
    ticket = await postgres_world.ticket()
    cache = ticket_cache()
    cache.put(ticket, ticket.version, cache.generation)

    returned = cache.get(ticket.id)
    assert returned is not None
    returned.reply("Changed my mind.", by=ADMIN, at=ticket.updated_at)

    assert cache.get(ticket.id) == ticket


async def test_beyond_max_entries_the_oldest_ticket_is_evicted(
    postgres_world: PostgresWorld,
) -> None:
    cache = ticket_cache(max_entries=2)
    tickets = [await postgres_world.ticket() for _ in range(3)]
    for ticket in tickets:
        cache.put(ticket, ticket.version, cache.generation)

    assert [cache.get(ticket.id) for ticket in tickets] == [None, *tickets[1:]]


async def test_a_ticket_loaded_before_the_cache_was_cleared_is_not_cached(
    process: Process,
) -> None:
    ticket = await process.ticket()
    cache = PostgresTicketCache(process.listener)
    generation = cache.generation
    assert await kill_listeners(process) == 1
    await until(lambda: not process.listener.is_connected())
    await until(process.listener.is_caught_up)

    cache.put(ticket, ticket.version, generation)
    assert cache.get(ticket.id) is None
    cache.put(ticket, ticket.version, cache.generation)
    assert cache.get(ticket.id) == ticket


async def test_without_a_listener_no_ticket_is_cached(postgres_world: PostgresWorld) -> None:
    ticket = await postgres_world.ticket()

    assert postgres_world.ticket_cache.get(ticket.id) is None
