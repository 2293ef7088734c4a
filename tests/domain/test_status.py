"""Statuses (section 4 of the specification): changes by admins, and auto-close."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.domain.builders import ADMIN, LATER, NOW, OWNER, WEEK, a_ticket, unread_flags
from tickets.domain.errors import NotAllowed
from tickets.domain.people import Actor
from tickets.domain.ticket import Status


@pytest.mark.parametrize("old", list(Status))
@pytest.mark.parametrize("new", list(Status))
def test_admins_may_change_any_status_to_any_other(old: Status, new: Status) -> None:
    """Section 4: admins can change the status at any time; the same status changes nothing."""
    ticket = a_ticket(old)

    changed = ticket.change_status(new, by=ADMIN, at=LATER)

    assert ticket.status is new
    assert changed == (old is not new)
    assert ticket.updated_at == (LATER if changed else NOW)
    assert unread_flags(ticket) == (False, False)


def test_users_may_not_change_the_status() -> None:
    """Section 4: only admins change the status."""
    ticket = a_ticket()

    with pytest.raises(NotAllowed):
        ticket.change_status(Status.CLOSED, by=OWNER, at=LATER)

    assert ticket.status is Status.OPEN


def test_auto_close_closes_a_resolved_ticket_after_a_quiet_period() -> None:
    """Section 4: a resolved ticket is closed by natural close."""
    ticket = a_ticket(Status.RESOLVED)

    assert not ticket.auto_close(
        quiet_for=WEEK, at=NOW + WEEK - timedelta(microseconds=1), taken_over_at=None
    )
    assert ticket.auto_close(quiet_for=WEEK, at=NOW + WEEK, taken_over_at=None)
    assert ticket.status is Status.CLOSED
    assert ticket.updated_at == NOW + WEEK


@pytest.mark.parametrize("by", [OWNER, ADMIN])
def test_a_reply_restarts_the_quiet_period_of_auto_close(by: Actor) -> None:
    """Section 4: natural close waits for the quiet period after the newest message."""
    ticket = a_ticket(Status.RESOLVED)
    ticket.reply("Not quite yet.", by=by, at=NOW + timedelta(hours=100))
    # a user's reply has reopened it, and nobody has answered
    ticket.status, ticket.waiting_since = Status.RESOLVED, None

    assert not ticket.auto_close(quiet_for=WEEK, at=NOW + WEEK, taken_over_at=None)
    assert ticket.auto_close(quiet_for=WEEK, at=NOW + timedelta(hours=268), taken_over_at=None)


def test_the_quiet_period_of_auto_close_starts_when_the_ticket_is_resolved() -> None:
    """Section 4: a ticket resolved today is not closed today, however old its last message is."""
    ticket = a_ticket()
    ticket.change_status(Status.RESOLVED, by=ADMIN, at=NOW + timedelta(days=30))

    assert not ticket.auto_close(quiet_for=WEEK, at=NOW + timedelta(days=31), taken_over_at=None)


@pytest.mark.parametrize("status", [Status.OPEN, Status.IN_PROGRESS, Status.CLOSED])
def test_auto_close_leaves_tickets_that_are_not_resolved_alone(status: Status) -> None:
    """Section 4: natural close follows resolved, and no other status."""
    assert not a_ticket(status).auto_close(quiet_for=WEEK, at=NOW + 2 * WEEK, taken_over_at=None)


def test_natural_close_leaves_a_backlog_that_nobody_touched_since_the_take_over_in_its_place() -> (
    None
):
    """Contract: such a ticket keeps its `updated_at`; one that was touched since does not."""
    untouched, touched = a_ticket(Status.RESOLVED), a_ticket(Status.RESOLVED)
    touched.updated_at = LATER

    for ticket in (untouched, touched):
        assert ticket.auto_close(quiet_for=WEEK, at=NOW + 2 * WEEK, taken_over_at=LATER)

    assert (untouched.status, untouched.updated_at) == (Status.CLOSED, NOW)
    assert (touched.status, touched.updated_at) == (Status.CLOSED, NOW + 2 * WEEK)


@pytest.mark.parametrize("status", list(Status))
def test_a_user_closes_an_own_ticket_and_again_changes_nothing(status: Status) -> None:
    """Contract: `POST /{id}/close`, "solved"."""
    ticket = a_ticket(status)

    changed = ticket.close(by=OWNER, at=LATER)

    assert ticket.status is Status.CLOSED
    assert changed == (status is not Status.CLOSED)
    assert ticket.updated_at == (LATER if changed else NOW)
    assert ticket.waiting_since is None
    assert unread_flags(ticket) == (False, False)


def test_the_admins_close_a_ticket_by_its_status() -> None:
    ticket = a_ticket()

    with pytest.raises(NotAllowed):
        ticket.close(by=ADMIN, at=LATER)

    assert ticket.status is Status.OPEN
