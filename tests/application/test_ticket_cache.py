"""The ticket cache in the use cases: a save checks the version, a refusal needs a fresh load."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import datetime

import pytest

from tests.application.running import run_sync
from tests.world import ADMIN, MemoryWorld, messages_of, texts_of
from tickets.adapters.memory.idempotency import MemoryIdempotencyStore
from tickets.adapters.memory.ticket_cache import MemoryTicketCache
from tickets.adapters.memory.tickets import MemoryTickets
from tickets.application.tickets import TicketService
from tickets.domain.errors import TicketClosed, TicketNotFound
from tickets.domain.idempotency import IdempotencyKey, ResultT
from tickets.domain.people import Actor
from tickets.domain.ticket import Status, Ticket


def cache_ticket(world: MemoryWorld, ticket_id: int) -> None:
    """Cache the ticket as it is stored now."""
    world.ticket_cache.tickets[ticket_id] = run_sync(world.tickets.get(ticket_id))


def service_of_another_process(world: MemoryWorld) -> TicketService:
    """Return use cases with a cache of their own, whose changes do not invalidate this one's."""
    ticket_cache = MemoryTicketCache()
    return world.service_over(MemoryTickets(world.store, ticket_cache), ticket_cache)


class TicketsWithoutLoads(MemoryTickets):
    """A repository that fails on each load, so that only the cache can serve one."""

    async def get(self, ticket_id: int) -> Ticket:
        raise AssertionError(ticket_id)


def test_a_cached_ticket_is_not_loaded_again(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket())
    owner = Actor.user(ticket.user_id)
    service = world.service_over(
        TicketsWithoutLoads(world.store, world.ticket_cache), world.ticket_cache
    )

    cache_ticket(world, ticket.id)
    run_sync(service.reply(ticket.id, "Of course.", by=ADMIN))
    cache_ticket(world, ticket.id)
    assert not run_sync(service.acknowledge(ticket.id, 2, by=owner))
    cache_ticket(world, ticket.id)
    assert run_sync(service.mark_unread(ticket.id, by=owner))
    cache_ticket(world, ticket.id)
    status = run_sync(service.change_status(ticket.id, "resolved", by=ADMIN))
    assert status is Status.RESOLVED

    stored = run_sync(world.tickets.get(ticket.id))
    assert (stored.status, stored.message_count, stored.user_unread) == (
        Status.RESOLVED,
        2,
        True,
    )


def test_a_refusal_on_a_cached_ticket_is_decided_again_on_a_fresh_load(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket(status=Status.CLOSED))
    cache_ticket(world, ticket.id)
    other = service_of_another_process(world)
    run_sync(other.change_status(ticket.id, "open", by=ADMIN))

    run_sync(world.reply(ticket.id, ADMIN, "Open again."))

    assert run_sync(world.texts(ticket.id))[-1] == "Open again."


def test_a_seen_count_beyond_the_cached_ticket_is_checked_on_a_fresh_load(
    world: MemoryWorld,
) -> None:
    ticket = run_sync(world.ticket())
    owner = Actor.user(ticket.user_id)
    other = service_of_another_process(world)

    cache_ticket(world, ticket.id)
    run_sync(other.reply(ticket.id, "An answer.", by=ADMIN))
    assert not run_sync(world.service.acknowledge(ticket.id, 2, by=owner))

    cache_ticket(world, ticket.id)
    run_sync(other.reply(ticket.id, "Another.", by=ADMIN))
    run_sync(world.service.reply(ticket.id, "Thank you.", by=owner, seen=3))
    assert len(run_sync(world.texts(ticket.id))) == 4


def test_access_follows_the_stored_owner_though_another_owner_is_cached(
    world: MemoryWorld,
) -> None:
    ticket = run_sync(world.ticket())
    run_sync(world.reply(ticket.id, ADMIN))
    new_owner = run_sync(world.user())
    cache_ticket(world, ticket.id)
    world.store.tickets[ticket.id] = replace(
        run_sync(world.tickets.get(ticket.id)), user_id=new_owner, version=9
    )

    assert len(messages_of(run_sync(world.service.read(ticket.id, by=Actor.user(new_owner))))) == 2
    cache_ticket(world, ticket.id)
    with pytest.raises(TicketNotFound):
        run_sync(world.service.read(ticket.id, by=Actor.user(ticket.user_id)))


def test_a_no_op_on_a_cached_ticket_saves_nothing(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket())
    owner = Actor.user(ticket.user_id)
    cache_ticket(world, ticket.id)

    run_sync(world.service.read(ticket.id, by=owner))
    run_sync(world.service.acknowledge(ticket.id, 1, by=owner))
    run_sync(world.service.mark_unread(ticket.id, by=ADMIN))
    run_sync(world.service.change_status(ticket.id, "open", by=ADMIN))

    assert run_sync(world.tickets.get(ticket.id)) == ticket


def test_a_cached_ticket_is_tried_only_once(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket())
    cache_ticket(world, ticket.id)
    owner = Actor.user(ticket.user_id)
    run_sync(service_of_another_process(world).mark_unread(ticket.id, by=owner))
    stale = world.ticket_cache.tickets[ticket.id]

    class NeverInvalidated:
        lookups = 0

        def get(self, _ticket_id: int) -> Ticket:
            self.lookups += 1
            return copy.copy(stale)

    ticket_cache = NeverInvalidated()

    service = world.service_over(world.tickets, ticket_cache)
    run_sync(service.reply(ticket.id, "Here.", by=ADMIN))

    assert ticket_cache.lookups == 1
    assert run_sync(world.texts(ticket.id))[1:] == ["Here."]


def test_a_closed_ticket_refuses_a_reply_though_it_is_cached_as_open(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket())
    cache_ticket(world, ticket.id)
    other = service_of_another_process(world)
    run_sync(other.change_status(ticket.id, "closed", by=ADMIN))

    with pytest.raises(TicketClosed):
        run_sync(world.reply(ticket.id, ADMIN))

    assert run_sync(world.texts(ticket.id)) == ["It stops after the first hundred rows."]


def test_a_no_op_on_a_stale_cached_ticket_is_decided_again_on_a_fresh_load(
    world: MemoryWorld,
) -> None:
    ticket = run_sync(world.ticket())
    owner = Actor.user(ticket.user_id)
    other = service_of_another_process(world)

    cache_ticket(world, ticket.id)
    run_sync(other.change_status(ticket.id, "resolved", by=ADMIN))
    assert run_sync(world.service.change_status(ticket.id, "open", by=ADMIN)) is Status.OPEN
    assert run_sync(world.tickets.get(ticket.id)).status is Status.OPEN

    cache_ticket(world, ticket.id)
    run_sync(other.reply(ticket.id, "And now?", by=ADMIN))
    still_unread = run_sync(world.service.acknowledge(ticket.id, 1, by=owner))
    assert still_unread, "the owner has not seen the second message"

    cache_ticket(world, ticket.id)
    run_sync(other.read(ticket.id, by=owner))
    assert run_sync(world.service.mark_unread(ticket.id, by=owner))
    assert run_sync(world.flags(ticket.id))[0]


def test_reading_a_cached_ticket_shows_the_stored_messages_and_clears_the_flag(
    world: MemoryWorld,
) -> None:
    ticket = run_sync(world.ticket())
    owner = Actor.user(ticket.user_id)
    run_sync(world.reply(ticket.id, ADMIN, "An answer."))
    cache_ticket(world, ticket.id)

    detail = run_sync(world.service.read(ticket.id, by=owner))

    assert texts_of(detail)[1:] == ["An answer."]
    assert not detail.ticket.user_unread
    assert run_sync(world.flags(ticket.id)) == (False, True)


def test_reading_a_stale_cached_ticket_shows_newer_messages_before_it_clears_the_flag(
    world: MemoryWorld,
) -> None:
    ticket = run_sync(world.ticket())
    owner = Actor.user(ticket.user_id)
    run_sync(world.reply(ticket.id, ADMIN, "An answer."))
    cache_ticket(world, ticket.id)
    other = service_of_another_process(world)
    run_sync(other.reply(ticket.id, "And another.", by=ADMIN))

    detail = run_sync(world.service.read(ticket.id, by=owner))

    assert texts_of(detail)[1:] == ["An answer.", "And another."]
    assert run_sync(world.flags(ticket.id)) == (False, True)


def test_reading_clears_a_stored_unread_flag_though_the_cached_ticket_is_read(
    world: MemoryWorld,
) -> None:
    ticket = run_sync(world.ticket())
    owner = Actor.user(ticket.user_id)
    cache_ticket(world, ticket.id)
    other = service_of_another_process(world)
    run_sync(other.reply(ticket.id, "An answer.", by=ADMIN))

    detail = run_sync(world.service.read(ticket.id, by=owner))

    assert len(messages_of(detail)) == 2
    assert run_sync(world.flags(ticket.id)) == (False, True)


def test_a_cached_ticket_of_another_user_is_not_found(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket())
    run_sync(world.reply(ticket.id, ADMIN))
    cache_ticket(world, ticket.id)
    stranger = Actor.user(ticket.user_id + 1)

    for use_case in (
        world.service.read(ticket.id, by=stranger),
        world.service.reply(ticket.id, "Mine?", by=stranger),
        world.service.acknowledge(ticket.id, 2, by=stranger),
        world.service.mark_unread(ticket.id, by=stranger),
    ):
        with pytest.raises(TicketNotFound):
            run_sync(use_case)

    assert run_sync(world.flags(ticket.id)) == (True, True)


class CountingStore(MemoryIdempotencyStore):
    """An idempotency store that counts its look-ups."""

    lookups = 0

    async def find(
        self, key: IdempotencyKey, kind: type[ResultT], *, since: datetime
    ) -> ResultT | None:
        self.lookups += 1
        return await super().find(key, kind, since=since)


@pytest.mark.parametrize("refused", [True, False], ids=["a refusal", "a no-op"])
def test_deciding_again_on_a_fresh_load_looks_up_the_idempotency_key_once(
    world: MemoryWorld, *, refused: bool
) -> None:
    ticket = run_sync(world.ticket(status=Status.CLOSED))
    world.idempotency_store = store = CountingStore(world.store)
    cache_ticket(world, ticket.id)
    key = IdempotencyKey(ADMIN, "a key", b"fingerprint")

    if refused:
        with pytest.raises(TicketClosed):
            run_sync(world.service.reply(ticket.id, "Too late.", by=ADMIN, idempotency_key=key))
    else:
        run_sync(world.service.change_status(ticket.id, "closed", by=ADMIN, idempotency_key=key))

    assert store.lookups == 1
