"""Opening a ticket for a customer (DESK, Admin on behalf of a customer)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domain.builders import (
    ADMIN,
    ANNA,
    LATER,
    NOW,
    OWNER,
    history,
    marks,
    saved,
    unread_flags,
)
from tickets.domain.errors import InvalidInput, NotAllowed
from tickets.domain.people import Actor, Side
from tickets.domain.ticket import Status, Ticket


def open_on_behalf(**changes: Any) -> Ticket:
    """Open a ticket with valid fields, except for `changes`."""
    form: dict[str, Any] = {
        "by": ADMIN,
        "user_id": 7,
        "email": None,
        "found": [7],
        "category": "billing",
        "other_category": None,
        "subject": "Your invoice",
        "message": "We have to correct your invoice.",
        "at": NOW,
    }
    return Ticket.open_on_behalf(**(form | changes))


def errors_of(**changes: Any) -> list[str]:
    """Return the names of the invalid fields."""
    with pytest.raises(InvalidInput) as raised:
        open_on_behalf(**changes)
    return [error.field for error in raised.value.errors]


def test_it_is_the_customers_unread_for_them_and_nobody_waits() -> None:
    ticket = open_on_behalf()

    assert (ticket.user_id, ticket.status) == (7, Status.OPEN)
    assert unread_flags(ticket) == (True, False)
    assert marks(ticket) == (0, 1)
    assert ticket.waiting_since is None
    assert (ticket.opened_by, ticket.last_sender) == (Side.ADMIN, Side.ADMIN)
    assert ticket.new_message is not None
    assert (ticket.new_message.sender_type, ticket.new_message.sender_id) == (Side.ADMIN, None)
    assert history(ticket) == [("created", ADMIN, None, None), ("message", ADMIN, None, None)]


def test_a_named_admin_who_opens_a_ticket_is_its_assignee() -> None:
    ticket = open_on_behalf(by=Actor.named(ANNA))

    assert ticket.assignee == ANNA
    assert history(ticket)[-1] == ("assignee", Actor.named(ANNA), None, "Anna")


def test_the_answer_to_the_customers_reply_is_no_first_reply() -> None:
    """DESK, reports: a ticket that we opened has no first-reply time."""
    ticket = saved(open_on_behalf())
    ticket.reply("Thank you, but why?", by=OWNER, at=LATER)
    assert ticket.waiting_since == LATER
    ticket = saved(ticket)

    ticket.reply("Because.", by=ADMIN, at=LATER)

    assert ticket.first_replied_at is None


def test_the_customer_is_named_once_and_exists() -> None:
    assert open_on_behalf(user_id=None, email="mara@example.com").user_id == 7
    assert errors_of(user_id=None) == ["user_id"]
    assert errors_of(email="mara@example.com") == ["user_id"]
    assert errors_of(found=[]) == ["user_id"]
    assert errors_of(user_id=None, email="mara@example.com", found=[]) == ["email"]
    assert errors_of(user_id=None, email="mara@example.com", found=[7, 8]) == ["email"]


def test_all_invalid_fields_are_reported_at_once() -> None:
    assert errors_of(found=[], category="x", subject="", message="short") == [
        "user_id",
        "category",
        "subject",
        "message",
    ]


def test_users_open_their_own_tickets() -> None:
    with pytest.raises(NotAllowed):
        open_on_behalf(by=OWNER)
