"""Auto-close over the memory adapter: which tickets it closes, and what prevents it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from tests.application.running import interrupted_tickets, run_sync
from tests.world import MemoryWorld
from tickets.adapters.memory.tickets import MemoryTickets
from tickets.application.attempt import MAX_ATTEMPTS
from tickets.application.auto_close import MAX_UNAVAILABLE, AutoClose
from tickets.domain.errors import StaleTicket, StoreUnavailable
from tickets.domain.message import Message
from tickets.domain.people import Actor
from tickets.domain.ticket import Status, Ticket
from tickets.domain.write_context import NO_CONTEXT, WriteContext

WEEK = timedelta(hours=168)


def test_auto_close_closes_quiet_resolved_tickets_and_no_others(world: MemoryWorld) -> None:
    quiet = run_sync(world.ticket(status=Status.RESOLVED))
    still_open = run_sync(world.ticket())
    world.clock.pass_time(hours=168)
    recent = run_sync(world.ticket(status=Status.RESOLVED))

    assert run_sync(world.auto_close.close_due(WEEK)) == 1
    assert run_sync(world.auto_close.close_due(WEEK)) == 0

    tickets = (quiet, still_open, recent)
    statuses = [run_sync(world.tickets.get(ticket.id)).status for ticket in tickets]
    assert statuses == [Status.CLOSED, Status.OPEN, Status.RESOLVED]


def test_a_reply_during_auto_close_keeps_the_ticket_from_being_closed(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket(status=Status.RESOLVED))
    world.clock.pass_time(hours=168)
    owner = Actor.user(ticket.user_id)
    tickets = interrupted_tickets(world, lambda: world.reply(ticket.id, owner, "It broke again."))

    assert run_sync(AutoClose(tickets, world.clock).close_due(WEEK)) == 0

    assert run_sync(world.tickets.get(ticket.id)).status is Status.OPEN
    assert run_sync(world.texts(ticket.id))[-1] == "It broke again."


def test_auto_close_leaves_a_ticket_whose_customer_still_waits(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket(status=Status.RESOLVED))
    world.store.tickets[ticket.id].waiting_since = ticket.created_at
    world.clock.pass_time(hours=200)

    assert run_sync(world.auto_close.close_due(WEEK)) == 0

    assert run_sync(world.tickets.get(ticket.id)).status is Status.RESOLVED


def test_auto_close_leaves_an_overdue_backlog_in_its_place(world: MemoryWorld) -> None:
    old = run_sync(world.ticket(status=Status.RESOLVED))
    world.store.taken_over_at = world.clock.now()
    touched = run_sync(world.ticket(status=Status.RESOLVED))
    world.clock.pass_time(hours=200)

    assert run_sync(world.auto_close.close_due(WEEK)) == 2

    assert run_sync(world.tickets.get(old.id)).updated_at == old.updated_at
    assert run_sync(world.tickets.get(touched.id)).updated_at > touched.updated_at


class RefusingTickets(MemoryTickets):
    """A repository that cannot save some tickets, as where a trigger of the platform's raises."""

    def __init__(self, world: MemoryWorld, refused: Mapping[int, Exception]) -> None:
        super().__init__(world.store, world.ticket_cache)
        self._refused = refused
        self.attempts = 0

    async def save(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Message | None:
        self.attempts += 1
        if self.attempts > MAX_ATTEMPTS * 10:
            pytest.fail("auto-close does not get past a ticket that cannot be saved")
        if ticket.id in self._refused:
            raise self._refused[ticket.id]
        return await super().save(ticket, context)


@pytest.mark.parametrize("batch_size", [1, 2, 500])
@pytest.mark.parametrize(
    "error", [RuntimeError("refused by a trigger"), StoreUnavailable(), StaleTicket()]
)
def test_a_ticket_that_cannot_be_saved_is_logged_and_does_not_stop_the_others(
    world: MemoryWorld,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    batch_size: int,
    error: Exception,
) -> None:
    monkeypatch.setattr("tickets.application.auto_close.BATCH_SIZE", batch_size)
    tickets = [run_sync(world.ticket(status=Status.RESOLVED)) for _ in range(6)]
    world.clock.pass_time(hours=200)
    # the first stays at the front of the list
    repository = RefusingTickets(world, {tickets[0].id: error, tickets[3].id: error})

    assert run_sync(AutoClose(repository, world.clock).close_due(WEEK)) == 4

    statuses = [run_sync(world.tickets.get(ticket.id)).status for ticket in tickets]
    closed = [status is Status.CLOSED for status in statuses]
    assert closed == [False, True, True, False, True, True]
    assert [f"ticket {tickets[i].id} could not be closed" in caplog.text for i in (0, 3, 1)] == [
        True,
        True,
        False,
    ]


def test_auto_close_ends_early_while_the_store_is_unavailable(world: MemoryWorld) -> None:
    tickets = [run_sync(world.ticket(status=Status.RESOLVED)) for _ in range(9)]
    world.clock.pass_time(hours=200)
    refusing = RefusingTickets(world, {ticket.id: StoreUnavailable() for ticket in tickets})

    with pytest.raises(StoreUnavailable):
        run_sync(AutoClose(refusing, world.clock).close_due(WEEK))

    assert refusing.attempts == MAX_UNAVAILABLE


def test_auto_close_closes_more_tickets_than_one_batch(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickets.application.auto_close.BATCH_SIZE", 2)
    for _ in range(5):
        run_sync(world.ticket(status=Status.RESOLVED))
    world.clock.pass_time(hours=168)

    assert run_sync(world.auto_close.close_due(WEEK)) == 5
