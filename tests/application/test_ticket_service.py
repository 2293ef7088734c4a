"""The use cases over the memory adapter, which never waits: driven by hand, without an event loop."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar, cast

import pytest

from tests.world import ADMIN, MemoryWorld
from tickets.adapters.memory.ticket_cache import MemoryTicketCache
from tickets.adapters.memory.tickets import MemoryTickets
from tickets.application.attempt import MAX_ATTEMPTS
from tickets.application.auto_close import AutoClose
from tickets.application.tickets import TicketService
from tickets.domain.errors import InvalidInput, StaleTicket, TicketClosed, TicketNotFound
from tickets.domain.message import Message
from tickets.domain.people import Actor
from tickets.domain.ports import Tickets
from tickets.domain.ticket import Status, Ticket
from tickets.domain.write_context import NO_CONTEXT, WriteContext

Result = TypeVar("Result")


def done(work: Coroutine[Any, Any, Result]) -> Result:
    """Run what never waits to its end."""
    try:
        work.send(None)
    except StopIteration as finished:
        result: Result = finished.value
        return result
    message = "the core waited for something"
    raise AssertionError(message)


class Interrupted:
    """The port `Tickets` with somebody who gets in between a load and its save, `times` times."""

    def __init__(
        self, world: MemoryWorld, interruption: Callable[[], Awaitable[object]], times: int = 1
    ) -> None:
        self._tickets = world.tickets
        self._interruption = interruption
        self._left = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tickets, name)

    async def save(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Message | None:
        if self._left:
            self._left -= 1
            await self._interruption()
        return await self._tickets.save(ticket, context)


@pytest.fixture
def world(memory_world: MemoryWorld) -> MemoryWorld:
    return memory_world


def interrupting(
    world: MemoryWorld, by: Callable[[], Awaitable[object]], times: int = 1
) -> Tickets:
    tickets: Any = Interrupted(world, by, times)
    return cast("Tickets", tickets)


def interrupted(
    world: MemoryWorld, by: Callable[[], Awaitable[object]], times: int = 1
) -> TicketService:
    return world.service_over(interrupting(world, by, times), world.ticket_cache)


def test_a_ticket_is_opened_answered_and_read(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    owner = Actor.user(ticket.user_id)

    done(world.service.read(ticket.id, by=ADMIN))
    answer = done(world.service.reply(ticket.id, "Have you tried again?", by=ADMIN))
    seen = done(world.service.read(ticket.id, by=owner))

    assert seen.messages[-1] == answer
    assert done(world.flags(ticket.id)) == (False, False)


def test_a_conversation_shows_the_flags_as_they_are_afterwards(world: MemoryWorld) -> None:
    ticket = done(world.ticket())

    assert not done(world.service.read(ticket.id, by=ADMIN)).ticket.admin_unread


def test_what_arrives_while_a_ticket_is_opened_is_in_the_answer(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    owner = Actor.user(ticket.user_id)
    service = interrupted(world, lambda: world.reply(ticket.id, owner, "Wait, one more thing."))

    seen = done(service.read(ticket.id, by=ADMIN))

    assert [message.message for message in seen.messages][-1] == "Wait, one more thing."
    assert done(world.flags(ticket.id)) == (False, False)


def test_opening_what_is_read_already_writes_nothing(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    before = done(world.tickets.get(ticket.id))

    done(world.service.read(ticket.id, by=Actor.user(ticket.user_id)))

    assert done(world.tickets.get(ticket.id)) == before


def test_a_stranger_opening_a_ticket_finds_nothing_and_changes_nothing(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    done(world.reply(ticket.id, ADMIN))

    with pytest.raises(TicketNotFound):
        done(world.service.read(ticket.id, by=Actor.user(ticket.user_id + 1)))

    assert done(world.flags(ticket.id)) == (True, True)


def test_two_replies_in_the_same_moment_are_both_kept(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    owner = Actor.user(ticket.user_id)
    service = interrupted(world, lambda: world.reply(ticket.id, owner, "first"))

    done(service.reply(ticket.id, "second", by=ADMIN))

    assert done(world.texts(ticket.id))[1:] == ["first", "second"]
    stored = done(world.tickets.get(ticket.id))
    assert (stored.message_count, stored.last_message) == (3, "second")
    assert done(world.flags(ticket.id)) == (True, True)


def test_a_reply_that_comes_after_the_close_is_refused(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    service = interrupted(world, lambda: world.service.change_status(ticket.id, "closed", by=ADMIN))

    with pytest.raises(TicketClosed):
        done(service.reply(ticket.id, "too late", by=Actor.user(ticket.user_id)))

    assert len(done(world.texts(ticket.id))) == 1


def test_a_use_case_decides_again_a_bounded_number_of_times(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    hectic = interrupted(world, lambda: world.reply(ticket.id, ADMIN), times=MAX_ATTEMPTS - 1)
    too_hectic = interrupted(world, lambda: world.reply(ticket.id, ADMIN), times=MAX_ATTEMPTS)

    done(hectic.reply(ticket.id, "made it", by=ADMIN))
    with pytest.raises(StaleTicket):
        done(too_hectic.reply(ticket.id, "did not", by=ADMIN))

    texts = done(world.texts(ticket.id))
    assert texts.count("made it") == 1
    assert "did not" not in texts


def test_the_same_status_again_changes_nothing(world: MemoryWorld) -> None:
    ticket = done(world.ticket(status=Status.RESOLVED))

    assert done(world.service.change_status(ticket.id, "resolved", by=ADMIN)) is Status.RESOLVED

    assert done(world.tickets.get(ticket.id)) == ticket


def test_a_status_that_does_not_exist_is_named(world: MemoryWorld) -> None:
    ticket = done(world.ticket())

    with pytest.raises(InvalidInput) as raised:
        done(world.service.change_status(ticket.id, "done", by=ADMIN))

    assert [error.field for error in raised.value.errors] == ["status"]


def test_natural_close_takes_the_settled_tickets_and_no_others(world: MemoryWorld) -> None:
    settled = done(world.ticket(status=Status.RESOLVED))
    still_open = done(world.ticket())
    world.clock.pass_time(hours=168)
    fresh = done(world.ticket(status=Status.RESOLVED))

    assert done(world.auto_close.close_due(timedelta(hours=168))) == 1
    assert done(world.auto_close.close_due(timedelta(hours=168))) == 0

    statuses = [done(world.tickets.get(t.id)).status for t in (settled, still_open, fresh)]
    assert statuses == [Status.CLOSED, Status.OPEN, Status.RESOLVED]


def test_a_reply_in_the_moment_of_natural_close_keeps_the_ticket(world: MemoryWorld) -> None:
    ticket = done(world.ticket(status=Status.RESOLVED))
    world.clock.pass_time(hours=168)
    owner = Actor.user(ticket.user_id)
    tickets = interrupting(world, lambda: world.reply(ticket.id, owner, "It broke again."))

    assert done(AutoClose(tickets, world.clock).close_due(timedelta(hours=168))) == 0

    assert done(world.tickets.get(ticket.id)).status is Status.RESOLVED
    assert done(world.texts(ticket.id))[-1] == "It broke again."


def test_natural_close_takes_more_tickets_than_one_look_brings_up(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickets.application.auto_close.BATCH_SIZE", 2)
    for _ in range(5):
        done(world.ticket(status=Status.RESOLVED))
    world.clock.pass_time(hours=168)

    assert done(world.auto_close.close_due(timedelta(hours=168))) == 5


def remembering(world: MemoryWorld, ticket_id: int) -> None:
    """Let the ticket be remembered from now on as it is now."""
    world.ticket_cache.tickets[ticket_id] = done(world.tickets.get(ticket_id))


class WithoutLoading(MemoryTickets):
    """Tickets of which nothing but what is remembered can be had, until it is saved."""

    async def get(self, ticket_id: int) -> Ticket:
        raise AssertionError(ticket_id)


def elsewhere(world: MemoryWorld) -> TicketService:
    """Return another process's desk, which remembers nothing and of which this one does not hear."""
    ticket_cache = MemoryTicketCache()
    return world.service_over(MemoryTickets(world.store, ticket_cache), ticket_cache)


def test_what_is_remembered_need_not_be_loaded(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    owner = Actor.user(ticket.user_id)
    service = world.service_over(
        WithoutLoading(world.store, world.ticket_cache), world.ticket_cache
    )

    def remember() -> None:
        world.ticket_cache.tickets[ticket.id] = done(world.tickets.get(ticket.id))

    remember()
    done(service.reply(ticket.id, "Of course.", by=ADMIN))
    remember()
    assert not done(service.acknowledge(ticket.id, 2, by=owner))
    remember()
    assert done(service.mark_unread(ticket.id, by=owner))
    remember()
    assert done(service.change_status(ticket.id, "resolved", by=ADMIN)) is Status.RESOLVED

    stored = done(world.tickets.get(ticket.id))
    assert (stored.status, stored.message_count, stored.user_unread) == (
        Status.RESOLVED,
        2,
        True,
    )


def test_a_refusal_of_what_was_is_asked_of_what_is(world: MemoryWorld) -> None:
    ticket = done(world.ticket(status=Status.CLOSED))
    remembering(world, ticket.id)
    done(elsewhere(world).change_status(ticket.id, "open", by=ADMIN))

    done(world.reply(ticket.id, ADMIN, "Open again."))

    assert done(world.texts(ticket.id))[-1] == "Open again."


def test_what_nobody_had_written_yet_may_have_been_seen_by_now(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    owner = Actor.user(ticket.user_id)
    other = elsewhere(world)

    remembering(world, ticket.id)
    done(other.reply(ticket.id, "An answer.", by=ADMIN))
    assert not done(world.service.acknowledge(ticket.id, 2, by=owner))

    remembering(world, ticket.id)
    done(other.reply(ticket.id, "Another.", by=ADMIN))
    done(world.service.reply(ticket.id, "Thank you.", by=owner, seen=3))
    assert len(done(world.texts(ticket.id))) == 4


def test_a_ticket_that_was_given_to_another_user_is_found_by_that_one_alone(
    world: MemoryWorld,
) -> None:
    ticket = done(world.ticket())
    done(world.reply(ticket.id, ADMIN))
    new_owner = done(world.user())
    remembering(world, ticket.id)
    world.store.tickets[ticket.id] = replace(
        done(world.tickets.get(ticket.id)), user_id=new_owner, version=9
    )

    assert len(done(world.service.read(ticket.id, by=Actor.user(new_owner))).messages) == 2
    remembering(world, ticket.id)
    with pytest.raises(TicketNotFound):
        done(world.service.read(ticket.id, by=Actor.user(ticket.user_id)))


def test_what_would_change_nothing_is_not_saved_though_it_is_remembered(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    owner = Actor.user(ticket.user_id)
    remembering(world, ticket.id)

    done(world.service.read(ticket.id, by=owner))
    done(world.service.acknowledge(ticket.id, 1, by=owner))
    done(world.service.mark_unread(ticket.id, by=ADMIN))
    done(world.service.change_status(ticket.id, "open", by=ADMIN))

    assert done(world.tickets.get(ticket.id)) == ticket


def test_what_is_remembered_is_tried_once(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    remembering(world, ticket.id)
    done(elsewhere(world).mark_unread(ticket.id, by=Actor.user(ticket.user_id)))
    old = world.ticket_cache.tickets[ticket.id]

    class NeverInvalidated:
        def get(self, _ticket_id: int) -> Ticket:
            self.asked += 1
            return copy.copy(old)

        asked = 0

    ticket_cache = NeverInvalidated()

    done(world.service_over(world.tickets, ticket_cache).reply(ticket.id, "Here.", by=ADMIN))

    assert ticket_cache.asked == 1
    assert done(world.texts(ticket.id))[1:] == ["Here."]


def test_a_closed_ticket_refuses_though_it_is_remembered_open(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    other = elsewhere(world)
    remembering(world, ticket.id)
    done(other.change_status(ticket.id, "closed", by=ADMIN))

    with pytest.raises(TicketClosed):
        done(world.reply(ticket.id, ADMIN))

    assert done(world.texts(ticket.id)) == ["It stops after the first hundred rows."]


def test_what_would_change_nothing_is_asked_of_what_is(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    owner = Actor.user(ticket.user_id)
    other = elsewhere(world)

    remembering(world, ticket.id)
    done(other.change_status(ticket.id, "resolved", by=ADMIN))
    assert done(world.service.change_status(ticket.id, "open", by=ADMIN)) is Status.OPEN
    assert done(world.tickets.get(ticket.id)).status is Status.OPEN

    remembering(world, ticket.id)
    done(other.reply(ticket.id, "And now?", by=ADMIN))
    assert done(world.service.acknowledge(ticket.id, 1, by=owner)), "one message has not been seen"

    remembering(world, ticket.id)
    done(other.read(ticket.id, by=owner))
    assert done(world.service.mark_unread(ticket.id, by=owner))
    assert done(world.flags(ticket.id))[0]


def test_opening_what_is_remembered_shows_and_clears_what_is_there(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    owner = Actor.user(ticket.user_id)
    done(world.reply(ticket.id, ADMIN, "An answer."))
    remembering(world, ticket.id)

    shown = done(world.service.read(ticket.id, by=owner))

    assert [message.message for message in shown.messages][1:] == ["An answer."]
    assert not shown.ticket.user_unread
    assert done(world.flags(ticket.id)) == (False, True)


def test_what_came_since_it_was_remembered_is_shown_before_it_is_cleared(
    world: MemoryWorld,
) -> None:
    ticket = done(world.ticket())
    owner = Actor.user(ticket.user_id)
    done(world.reply(ticket.id, ADMIN, "An answer."))
    remembering(world, ticket.id)
    other = elsewhere(world)
    done(other.reply(ticket.id, "And another.", by=ADMIN))

    shown = done(world.service.read(ticket.id, by=owner))

    assert [message.message for message in shown.messages][1:] == ["An answer.", "And another."]
    assert done(world.flags(ticket.id)) == (False, True)


def test_an_unread_flag_is_seen_though_the_ticket_is_remembered_read(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    owner = Actor.user(ticket.user_id)
    remembering(world, ticket.id)
    other = elsewhere(world)
    done(other.reply(ticket.id, "An answer.", by=ADMIN))

    shown = done(world.service.read(ticket.id, by=owner))

    assert len(shown.messages) == 2
    assert done(world.flags(ticket.id)) == (False, True)


def test_a_stranger_finds_nothing_in_what_is_remembered(world: MemoryWorld) -> None:
    ticket = done(world.ticket())
    done(world.reply(ticket.id, ADMIN))
    remembering(world, ticket.id)
    stranger = Actor.user(ticket.user_id + 1)

    for doing in (
        world.service.read(ticket.id, by=stranger),
        world.service.reply(ticket.id, "Mine?", by=stranger),
        world.service.acknowledge(ticket.id, 2, by=stranger),
        world.service.mark_unread(ticket.id, by=stranger),
    ):
        with pytest.raises(TicketNotFound):
            done(doing)

    assert done(world.flags(ticket.id)) == (True, True)
