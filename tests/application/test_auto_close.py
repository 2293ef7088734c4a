"""Auto-close over the memory adapter: which tickets it closes, and what prevents it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.application.running import interrupted_tickets, run_sync
from tests.world import MemoryWorld
from tickets.application.auto_close import AutoClose
from tickets.domain.people import Actor
from tickets.domain.ticket import Status

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

    assert run_sync(world.tickets.get(ticket.id)).status is Status.RESOLVED
    assert run_sync(world.texts(ticket.id))[-1] == "It broke again."


def test_auto_close_closes_more_tickets_than_one_batch(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickets.application.auto_close.BATCH_SIZE", 2)
    for _ in range(5):
        run_sync(world.ticket(status=Status.RESOLVED))
    world.clock.pass_time(hours=168)

    assert run_sync(world.auto_close.close_due(WEEK)) == 5
