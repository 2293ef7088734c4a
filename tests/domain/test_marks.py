"""Marks: how far each side was shown the thread without a gap (contract, threads)."""

from __future__ import annotations

import pytest

from tests.domain.builders import ADMIN, LATER, OWNER, a_ticket, marks, unread_flags
from tickets.domain.people import Actor, Side
from tickets.domain.ticket import Ticket


def exchange(*writers: Actor) -> Ticket:
    """Return a ticket with one message by its user, read by both sides, and one by each writer."""
    ticket = a_ticket()
    for by in writers:
        ticket.reply("Next", by=by, at=LATER)
        ticket.new_message = None
    return ticket


def test_a_page_that_reaches_back_to_the_mark_clears_the_flag_and_moves_the_mark() -> None:
    ticket = exchange(ADMIN, ADMIN)
    assert marks(ticket) == (1, 1)

    assert ticket.read(by=OWNER, shown_after=1)

    assert marks(ticket) == (3, 1)
    assert unread_flags(ticket) == (False, False)


def test_a_page_that_does_not_hold_everything_unread_changes_nothing() -> None:
    ticket = exchange(ADMIN, ADMIN)

    assert not ticket.read(by=OWNER, shown_after=2)

    assert marks(ticket) == (1, 1)
    assert unread_flags(ticket) == (True, False)


def test_reading_a_read_ticket_changes_nothing_wherever_the_mark_is() -> None:
    ticket = exchange(OWNER)

    assert not ticket.read(by=OWNER, shown_after=0)

    assert marks(ticket) == (1, 1)


def test_acknowledging_every_message_moves_the_mark_though_no_page_reached_it() -> None:
    ticket = exchange(ADMIN, ADMIN, ADMIN)

    assert not ticket.acknowledge(3, by=OWNER)
    assert marks(ticket) == (1, 1)
    assert ticket.acknowledge(4, by=OWNER)

    assert marks(ticket) == (4, 1)


def test_acknowledging_is_by_count_and_the_mark_by_ordinal_where_messages_were_deleted() -> None:
    ticket = exchange(ADMIN, ADMIN)
    ticket.message_count = 2

    assert ticket.acknowledge(2, by=OWNER)

    assert marks(ticket) == (3, 1)


def test_a_reply_with_seen_moves_its_writers_mark_to_that_and_one_without_leaves_it() -> None:
    ticket = exchange(ADMIN, ADMIN)

    ticket.reply("Without", by=OWNER, at=LATER)
    ticket.new_message = None
    assert marks(ticket) == (1, 3)
    ticket.reply("With", by=OWNER, at=LATER, seen=4)

    assert marks(ticket) == (4, 3)
    assert unread_flags(ticket) == (True, True), "a reply leaves its writer's flag"


def test_marking_unread_leaves_the_mark() -> None:
    ticket = exchange(ADMIN)
    ticket.read(by=OWNER, shown_after=0)

    assert ticket.mark_unread(by=OWNER)
    assert marks(ticket) == (2, 1)

    assert ticket.read(by=OWNER, shown_after=2)


@pytest.mark.parametrize("own", [1, 300])
def test_a_message_moves_its_receivers_mark_over_what_a_clear_flag_says_was_read(own: int) -> None:
    """A clear flag is "everything seen": else own messages would hold the mark back for good."""
    ticket = exchange(*[OWNER] * own, ADMIN)

    assert ticket.mark_of(Side.USER) == 1 + own

    assert ticket.read(by=OWNER, shown_after=1 + own)
    assert ticket.mark_of(Side.USER) == 2 + own


def test_a_message_leaves_its_receivers_mark_where_the_flag_is_set() -> None:
    ticket = exchange(ADMIN)
    before = marks(ticket)

    ticket.reply("Once more", by=ADMIN, at=LATER)

    assert marks(ticket) == before
