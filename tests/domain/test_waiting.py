"""Who waits for an answer, and since when (contract, lifecycle)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.domain.builders import ADMIN, LATER, NOW, OWNER, WEEK, a_ticket
from tickets.domain.ticket import Status


def test_a_customer_waits_from_the_first_message_without_an_answer() -> None:
    ticket = a_ticket()
    waiting_since = [ticket.waiting_since]
    for by, at in ((OWNER, LATER), (ADMIN, LATER), (OWNER, LATER + WEEK)):
        ticket.reply("Next", by=by, at=at)
        ticket.new_message = None
        waiting_since.append(ticket.waiting_since)

    assert waiting_since == [NOW, NOW, None, LATER + WEEK]


@pytest.mark.parametrize("status", [Status.RESOLVED, Status.CLOSED])
def test_nobody_waits_on_a_ticket_that_is_resolved_or_closed(status: Status) -> None:
    ticket = a_ticket()

    ticket.change_status(status, by=ADMIN, at=LATER)

    assert ticket.waiting_since is None


def test_work_in_progress_and_reopening_by_an_admin_answer_nothing() -> None:
    ticket = a_ticket()
    ticket.change_status(Status.IN_PROGRESS, by=ADMIN, at=LATER)
    assert ticket.waiting_since == NOW

    resolved = a_ticket(Status.RESOLVED)
    resolved.change_status(Status.OPEN, by=ADMIN, at=LATER)
    assert resolved.waiting_since is None


def test_a_reply_that_reopens_a_ticket_waits_for_an_answer() -> None:
    ticket = a_ticket(Status.RESOLVED)

    ticket.reply("It broke again.", by=OWNER, at=LATER)

    assert (ticket.status, ticket.waiting_since) == (Status.OPEN, LATER)
    assert ticket.updated_at == LATER


def test_natural_close_leaves_a_ticket_whose_customer_waits() -> None:
    """Contract: a ticket whose customer still waits for an answer is never closed that way."""
    ticket = a_ticket(Status.RESOLVED)
    ticket.waiting_since = NOW - timedelta(days=1)

    assert not ticket.auto_close(quiet_for=WEEK, at=NOW + 9 * WEEK, taken_over_at=None)

    assert ticket.status is Status.RESOLVED
