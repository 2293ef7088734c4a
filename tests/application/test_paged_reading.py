"""Reading page by page: a flag is cleared only by a page that holds everything unread."""

from __future__ import annotations

import pytest

from tests.application.running import run_sync
from tests.application.test_ticket_cache import cache_ticket, service_of_another_process
from tests.world import ADMIN, MemoryWorld, messages_of, texts_of
from tickets.adapters.memory.tickets import MemoryTickets
from tickets.domain.errors import InvalidInput, NotAllowed, ThreadFull, ThreadGrown, TicketNotFound
from tickets.domain.people import Actor
from tickets.domain.read_models import DetailRequest, TicketDetail
from tickets.domain.ticket import MAX_MESSAGES, Status, Ticket


def a_thread(world: MemoryWorld, answers: int = 3) -> tuple[Ticket, Actor]:
    """Return a ticket with a question and this many answers, and its owner."""
    ticket = run_sync(world.ticket())
    for number in range(answers):
        run_sync(world.reply(ticket.id, ADMIN, f"answer {number}"))
    return ticket, Actor.user(ticket.user_id)


@pytest.mark.parametrize("cached", [False, True])
def test_a_page_that_does_not_hold_everything_unread_leaves_flag_and_mark(
    world: MemoryWorld, *, cached: bool
) -> None:
    ticket, owner = a_thread(world)
    if cached:
        cache_ticket(world, ticket.id)
    before = run_sync(world.snapshot())

    detail = run_sync(world.service.read(ticket.id, by=owner, limit=2))

    assert texts_of(detail) == ["answer 1", "answer 2"]
    assert (detail.ticket.user_unread, detail.seen) == (True, 1)
    assert run_sync(world.snapshot()) == before

    detail = run_sync(world.service.read(ticket.id, by=owner, limit=3))
    assert (detail.ticket.user_unread, detail.ticket.user_seen, detail.seen) == (False, 4, 1)
    assert run_sync(world.service.read(ticket.id, by=owner)).seen == 4


class CountingTickets(MemoryTickets):
    """Counts the calls that would be statements."""

    def __init__(self, world: MemoryWorld) -> None:
        super().__init__(world.store, world.ticket_cache)
        self.calls: list[str] = []

    async def get_with_thread(self, ticket_id: int, request: DetailRequest) -> TicketDetail:
        self.calls.append("load")
        return await super().get_with_thread(ticket_id, request)

    async def save_with_thread(
        self, ticket: Ticket, request: DetailRequest, *, shown_after: int
    ) -> TicketDetail:
        self.calls.append("save with thread")
        # not through `get_with_thread` of this class
        return await MemoryTickets(self._store, self._ticket_cache).save_with_thread(
            ticket, request, shown_after=shown_after
        )


def test_a_cached_ticket_whose_page_misses_the_mark_is_loaded_once(world: MemoryWorld) -> None:
    ticket, owner = a_thread(world)
    # as where messages are so long that a page ends early: the ordinals do not show it
    for message in world.store.threads[ticket.id]:
        message.message = "x" * 900_000
    cache_ticket(world, ticket.id)
    tickets = CountingTickets(world)
    service = world.service_over(tickets, world.ticket_cache)

    detail = run_sync(service.read(ticket.id, by=owner))

    assert tickets.calls == ["save with thread", "load"]
    assert len(messages_of(detail)) == 2
    assert detail.ticket.user_unread


def test_a_cached_ticket_far_above_its_mark_is_loaded_at_once(world: MemoryWorld) -> None:
    ticket, owner = a_thread(world)
    cache_ticket(world, ticket.id)
    tickets = CountingTickets(world)

    run_sync(world.service_over(tickets, world.ticket_cache).read(ticket.id, by=owner, limit=2))

    assert tickets.calls == ["load"]


def test_a_stale_cached_ticket_does_not_clear_the_flag_of_a_longer_thread(
    world: MemoryWorld,
) -> None:
    ticket, owner = a_thread(world, 1)
    cache_ticket(world, ticket.id)
    other = service_of_another_process(world)
    run_sync(other.reply(ticket.id, "One more.", by=ADMIN))

    detail = run_sync(world.service.read(ticket.id, by=owner, limit=1))

    assert texts_of(detail) == ["One more."]
    assert run_sync(world.flags(ticket.id))[0]


def test_older_pages_change_neither_flag_nor_mark(world: MemoryWorld) -> None:
    ticket, owner = a_thread(world)
    before = run_sync(world.snapshot())

    detail = run_sync(world.service.peek(ticket.id, by=owner, before=3, limit=1))

    assert texts_of(detail) == ["answer 0"]
    assert (detail.seen, detail.thread.previous) == (1, 1)
    assert run_sync(world.snapshot()) == before
    with pytest.raises(TicketNotFound):
        run_sync(world.service.peek(ticket.id, by=Actor.user(ticket.user_id + 999), before=3))


def test_a_page_that_was_peeked_at_is_marked_read_by_its_count(world: MemoryWorld) -> None:
    ticket, owner = a_thread(world)
    count = run_sync(world.service.peek(ticket.id, by=owner, limit=1)).ticket.message_count

    assert not run_sync(world.service.acknowledge(ticket.id, count, by=owner))

    stored = run_sync(world.tickets.get(ticket.id))
    assert (stored.user_unread, stored.user_seen) == (False, 4)


def test_gaps_of_deleted_messages_do_not_keep_a_page_from_reaching_the_mark(
    world: MemoryWorld,
) -> None:
    ticket, owner = a_thread(world, 5)
    thread = world.store.threads[ticket.id]
    thread[:] = [message for message in thread if message.ordinal in (1, 5)]

    detail = run_sync(world.service.read(ticket.id, by=owner, limit=1))

    assert texts_of(detail) == ["answer 3"]
    assert detail.thread.previous == 1
    assert (detail.ticket.user_unread, detail.ticket.user_seen) == (False, 6)


@pytest.mark.parametrize(("answers", "shown"), [(3, 3), (250, 200)])
def test_a_thread_that_has_grown_shows_at_most_a_page_of_what_is_unseen(
    world: MemoryWorld, answers: int, shown: int
) -> None:
    ticket, owner = a_thread(world, answers)

    with pytest.raises(ThreadGrown) as raised:
        run_sync(world.service.reply(ticket.id, "As I said.", by=owner, seen=1))

    detail = run_sync(world.detail(ticket.id))
    assert raised.value.message_count == answers + 1
    assert raised.value.unseen.count(b'"ordinal":') == shown
    assert detail.thread.messages.endswith(raised.value.unseen[1:])


def test_a_message_that_arrives_while_the_unseen_are_loaded_is_among_them(
    world: MemoryWorld,
) -> None:
    ticket, owner = a_thread(world, 2)

    class Growing(MemoryTickets):
        grown = False

        async def get_with_thread(self, ticket_id: int, request: DetailRequest) -> TicketDetail:
            if not self.grown:
                self.grown = True
                await world.reply(ticket_id, ADMIN, "And a third.")
            return await super().get_with_thread(ticket_id, request)

    service = world.service_over(Growing(world.store, world.ticket_cache), world.ticket_cache)
    with pytest.raises(ThreadGrown) as raised:
        run_sync(service.reply(ticket.id, "As I said.", by=owner, seen=1))

    assert raised.value.message_count == 4
    assert [raised.value.unseen.count(t) for t in (b"answer 0", b"answer 1", b"a third")] == [1] * 3


def test_a_full_thread_refuses_a_reply_of_either_side(world: MemoryWorld) -> None:
    ticket, owner = a_thread(world, 1)
    world.store.tickets[ticket.id].message_count = MAX_MESSAGES

    for by in (owner, ADMIN):
        with pytest.raises(ThreadFull):
            run_sync(world.service.reply(ticket.id, "One too many.", by=by))


def test_a_users_reply_reopens_a_resolved_ticket_and_an_admins_does_not(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket(status=Status.RESOLVED))

    run_sync(world.reply(ticket.id, ADMIN, "Please try the new version."))
    assert run_sync(world.tickets.get(ticket.id)).status is Status.RESOLVED

    run_sync(world.reply(ticket.id, Actor.user(ticket.user_id), "It still stops."))
    stored = run_sync(world.tickets.get(ticket.id))
    assert stored.status is Status.OPEN
    assert stored.waiting_since == stored.updated_at


def test_a_user_closes_an_own_ticket_once(world: MemoryWorld) -> None:
    ticket, owner = a_thread(world, 1)

    assert run_sync(world.service.close(ticket.id, by=owner)) is Status.CLOSED
    stored = run_sync(world.tickets.get(ticket.id))
    assert run_sync(world.service.close(ticket.id, by=owner)) is Status.CLOSED

    assert run_sync(world.tickets.get(ticket.id)) == stored
    for by, error in ((ADMIN, NotAllowed), (Actor.user(ticket.user_id + 1), TicketNotFound)):
        with pytest.raises(error):
            run_sync(world.service.close(ticket.id, by=by))


def test_a_ticket_follows_only_a_closed_one_of_the_same_user(world: MemoryWorld) -> None:
    closed, still_open = run_sync(world.ticket(status=Status.CLOSED)), run_sync(world.ticket())
    owner, stranger = Actor.user(closed.user_id), Actor.user(still_open.user_id)

    def open_following(ticket_id: int, by: Actor = owner) -> Ticket:
        return run_sync(
            world.service.open(
                by=by,
                category="support",
                other_category=None,
                subject="It is back",
                message="It stops again after a hundred rows.",
                follows=ticket_id,
            )
        )

    assert open_following(closed.id).follows == closed.id
    errors = []
    for ticket_id, by in ((2**31, owner), (still_open.id, owner), (closed.id, stranger)):
        with pytest.raises(InvalidInput) as raised:
            open_following(ticket_id, by)
        errors.append(raised.value.errors)
    assert errors[0] == errors[1] == errors[2], "missing, and another's open or closed one"

    with pytest.raises(InvalidInput) as raised:
        open_following(still_open.id, stranger)
    assert raised.value.errors != errors[0]
