"""Who is responsible for a ticket, and how urgent it is (DESK, Named admins)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.domain.builders import (
    ADMIN,
    ANNA,
    BEN,
    LATER,
    NOW,
    OWNER,
    a_ticket,
    history,
    saved,
    unread_flags,
)
from tickets.domain.assignment import ShownAssignee
from tickets.domain.errors import InvalidInput, NotAllowed, ValueChanged
from tickets.domain.people import Actor, NamedAdmin
from tickets.domain.ticket import Priority, Status, Ticket


def assign(
    ticket: Ticket,
    admin: NamedAdmin | None,
    *,
    by: Actor = ADMIN,
    was: ShownAssignee | None = None,
) -> bool:
    """Assign the ticket to an active admin, or to nobody."""
    admin_id = None if admin is None else admin.id
    return ticket.assign(admin_id, found=admin, by=by, at=LATER, was=was)


def test_a_ticket_is_assigned_to_an_admin_and_to_nobody_again() -> None:
    ticket = a_ticket()

    assert assign(ticket, ANNA, by=Actor.named(BEN))
    assigned = replace(ticket)
    assert assign(ticket, None)

    assert (assigned.assignee, ticket.assignee) == (ANNA, None)
    assert history(ticket) == [
        ("assignee", Actor.named(BEN), None, "Anna"),
        ("assignee", ADMIN, "Anna", None),
    ]


def test_the_same_assignee_again_changes_nothing() -> None:
    ticket = a_ticket()
    assert not assign(ticket, None)
    assign(ticket, ANNA)
    ticket = saved(ticket)

    assert not assign(ticket, ANNA)
    assert not ticket.assigns
    assert ticket.new_events == ()


def test_assigning_and_priority_move_nothing_that_a_customer_waits_for() -> None:
    """Contract: `updated_at` moves with messages and status changes, not with assigning."""
    ticket = a_ticket(user_unread=True)
    before = saved(ticket)

    assign(ticket, ANNA)
    ticket.set_priority(Priority.URGENT, by=ADMIN, at=LATER)

    assert ticket.updated_at == NOW
    assert unread_flags(ticket) == (True, False)
    ticket.assignee, ticket.priority = before.assignee, before.priority
    ticket.events_recorded = before.events_recorded
    assert saved(ticket) == before


@pytest.mark.parametrize("status", list(Status))
def test_a_ticket_in_any_status_is_assigned(status: Status) -> None:
    assert assign(a_ticket(status), ANNA)


def test_an_unknown_or_disabled_admin_is_refused() -> None:
    ticket = a_ticket()

    with pytest.raises(InvalidInput) as raised:
        ticket.assign(3, found=None, by=ADMIN, at=LATER)

    assert [error.field for error in raised.value.errors] == ["assignee"]
    assert ticket == a_ticket()


def test_only_admins_assign_and_set_priorities() -> None:
    ticket = a_ticket()

    with pytest.raises(NotAllowed):
        assign(ticket, ANNA, by=OWNER)
    with pytest.raises(NotAllowed):
        ticket.set_priority(Priority.LOW, by=OWNER, at=LATER)

    assert ticket == a_ticket()


@pytest.mark.parametrize("present", [None, ANNA])
def test_an_assignee_that_was_shown_is_replaced(present: NamedAdmin | None) -> None:
    ticket = replace(a_ticket(), assignee=present)

    assert assign(ticket, BEN, was=ShownAssignee(None if present is None else present.id))


@pytest.mark.parametrize(("present", "was"), [(None, 1), (ANNA, 2), (ANNA, None)])
def test_an_assignee_that_was_not_shown_is_not_replaced(
    present: NamedAdmin | None, was: int | None
) -> None:
    ticket = replace(a_ticket(), assignee=present)

    with pytest.raises(ValueChanged) as raised:
        assign(ticket, BEN, was=ShownAssignee(was))
    assert raised.value.present == present
    assert ticket == replace(a_ticket(), assignee=present)


def test_a_priority_is_set_and_again_changes_nothing() -> None:
    ticket = a_ticket()

    assert ticket.set_priority(Priority.HIGH, by=Actor.named(ANNA), at=LATER)
    assert not ticket.set_priority(Priority.HIGH, by=ADMIN, at=LATER)

    assert ticket.priority == "high"
    assert history(ticket) == [("priority", Actor.named(ANNA), "normal", "high")]


def test_a_priority_of_another_program_is_kept_until_it_is_replaced() -> None:
    """DESK: other values already in a taken-over table are shown and kept."""
    ticket = replace(a_ticket(), priority="P1")

    with pytest.raises(ValueChanged) as raised:
        ticket.set_priority(Priority.LOW, by=ADMIN, at=LATER, was="normal")
    assert raised.value.present == "P1"
    assert ticket.set_priority(Priority.LOW, by=ADMIN, at=LATER, was="P1")
    assert history(ticket) == [("priority", ADMIN, "P1", "low")]


def test_the_first_named_admin_who_replies_becomes_the_assignee() -> None:
    ticket = a_ticket()
    ticket.reply("From the team.", by=ADMIN, at=LATER)
    assert ticket.assignee is None
    ticket = saved(ticket)

    ticket.reply("From Anna.", by=Actor.named(ANNA), at=LATER)
    assert ticket.assignee == ANNA
    assert history(ticket) == [
        ("message", Actor.named(ANNA), None, None),
        ("assignee", Actor.named(ANNA), None, "Anna"),
    ]
    ticket = saved(ticket)

    ticket.reply("From Ben.", by=Actor.named(BEN), at=LATER)
    assert ticket.assignee == ANNA
    assert not ticket.assigns


def test_a_customers_reply_does_not_make_a_shown_assignee_stale() -> None:
    """DESK: `was` compares the value alone, so that an undo works beside messages."""
    ticket = a_ticket()
    assign(ticket, ANNA)
    ticket.reply("Any news?", by=OWNER, at=LATER)

    assert assign(ticket, None, was=ShownAssignee(ANNA.id))
