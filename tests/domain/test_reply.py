"""Replies (sections 4, 7 and 9 of the specification): who may reply, and which flag is set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.domain.builders import ADMIN, LATER, NADIA, NOW, OWNER, STRANGER, a_ticket, unread_flags
from tickets.domain.errors import InvalidInput, ThreadFull, TicketClosed, TicketNotFound
from tickets.domain.people import Actor, Side
from tickets.domain.ticket import MAX_MESSAGES, Status


def test_a_users_reply_is_unread_for_the_admins() -> None:
    """Section 7, step 5: a user's reply sets admin_unread."""
    ticket = a_ticket()

    ticket.reply("Still there?", by=OWNER, at=LATER)

    message = ticket.new_message
    assert message is not None
    assert (message.sender_type, message.sender_id) == (Side.USER, 7)
    assert unread_flags(ticket) == (False, True)


def test_an_admins_reply_is_unread_for_the_user() -> None:
    """Section 7, step 3: an admin's reply sets user_unread. Section 2: its sender_id is null."""
    ticket = a_ticket()

    ticket.reply("Yes.", by=ADMIN, at=LATER)

    message = ticket.new_message
    assert message is not None
    assert (message.sender_type, message.sender_id) == (Side.ADMIN, None)
    assert unread_flags(ticket) == (True, False)


@pytest.mark.parametrize(("by", "name"), [(NADIA, "Nadia Berg"), (ADMIN, None), (OWNER, None)])
def test_a_message_has_the_name_of_the_admin_who_wrote_it(by: Actor, name: str | None) -> None:
    """DESK, Named admins: null for the shared token and for users; `sender_id` stays null."""
    ticket = a_ticket()

    ticket.reply("Yes.", by=by, at=LATER)

    message = ticket.new_message
    assert message is not None
    assert message.sender_name == name
    assert message.sender_id == by.user_id


@pytest.mark.parametrize("by", [OWNER, ADMIN])
def test_a_reply_does_not_clear_the_writers_own_unread_flag(by: Actor) -> None:
    """Section 7, steps 2 and 4: only opening a ticket clears a flag."""
    ticket = a_ticket(user_unread=True)
    ticket.admin_unread = True

    ticket.reply("And once more", by=by, at=LATER)

    assert unread_flags(ticket) == (True, True)


def test_a_reply_updates_the_count_the_preview_and_updated_at() -> None:
    """Section 8: lists show the message count and a preview of the last message."""
    ticket = a_ticket()

    ticket.reply("\n trimmed \n", by=ADMIN, at=LATER)

    assert (ticket.message_count, ticket.last_message) == (2, " trimmed")
    assert ticket.new_message is not None
    assert ticket.updated_at == ticket.new_message.created_at == LATER
    assert ticket.created_at == NOW


def test_a_second_reply_before_the_first_is_saved_is_a_programming_error() -> None:
    ticket = a_ticket()
    ticket.reply("first", by=OWNER, at=LATER)

    with pytest.raises(AssertionError):
        ticket.reply("second", by=OWNER, at=LATER)


def test_updated_at_never_moves_back_when_clocks_differ() -> None:
    """Section 2: updated_at is the last update, also where two processes' clocks disagree."""
    ticket = a_ticket()
    ticket.updated_at = LATER

    ticket.reply("from a slow clock", by=OWNER, at=NOW)

    assert ticket.new_message is not None
    assert ticket.new_message.created_at == ticket.updated_at == LATER


@pytest.mark.parametrize("by", [OWNER, ADMIN])
def test_a_closed_ticket_takes_no_replies_from_either_side(by: Actor) -> None:
    """Section 4: a closed ticket is final. Section 9: a reply to it is blocked."""
    ticket = a_ticket(Status.CLOSED)

    with pytest.raises(TicketClosed):
        ticket.reply("One more thing", by=by, at=LATER)

    assert ticket.new_message is None
    assert unread_flags(ticket) == (False, False)


@pytest.mark.parametrize("status", [Status.OPEN, Status.IN_PROGRESS, Status.RESOLVED])
@pytest.mark.parametrize("by", [OWNER, ADMIN])
def test_both_sides_may_reply_in_any_other_status(status: Status, by: Actor) -> None:
    """Section 4: open, in progress and resolved tickets take replies.

    Contract, lifecycle: a user's reply to a resolved ticket reopens it.
    """
    ticket = a_ticket(status)

    ticket.reply("One more thing", by=by, at=LATER)

    reopened = by is OWNER and status is Status.RESOLVED
    assert ticket.status is (Status.OPEN if reopened else status)


@pytest.mark.parametrize("by", [OWNER, ADMIN])
def test_a_full_thread_takes_no_replies_and_says_so(by: Actor) -> None:
    """Contract, threads: a ticket holds at most 10,000 messages."""
    ticket = a_ticket()
    ticket.message_count = MAX_MESSAGES - 1
    ticket.reply("The last one", by=by, at=LATER)
    ticket.new_message = None
    state = replace(ticket)

    with pytest.raises(ThreadFull) as raised:
        ticket.reply("One too many", by=by, at=LATER, seen=MAX_MESSAGES)

    assert "open a new one" in str(raised.value)
    assert ticket == state
    assert ticket.message_count == MAX_MESSAGES == 10_000


def test_messages_are_numbered_from_one_in_their_ticket() -> None:
    ticket = a_ticket()
    ordinals = []
    for by in (OWNER, ADMIN, OWNER):
        ticket.reply("Next", by=by, at=LATER)
        assert ticket.new_message is not None
        ordinals.append(ticket.new_message.ordinal)
        ticket.new_message = None

    assert ordinals == [2, 3, 4]
    assert ticket.last_ordinal == 4


def test_the_number_of_a_deleted_message_is_not_given_again() -> None:
    ticket = a_ticket()
    ticket.last_ordinal, ticket.message_count = 7, 2

    ticket.reply("Next", by=ADMIN, at=LATER)

    assert ticket.new_message is not None
    assert ticket.new_message.ordinal == ticket.last_ordinal == 8
    assert ticket.message_count == 3


@pytest.mark.parametrize("text", ["", "  ", "\u200b", "x" * 5001, "a\0b", "\udc00"])
def test_a_reply_that_is_blank_too_long_or_unstorable_is_invalid(text: str) -> None:
    """Section 9: a reply has 1 to 5000 characters."""
    ticket = a_ticket()

    with pytest.raises(InvalidInput) as raised:
        ticket.reply(text, by=OWNER, at=LATER)

    assert [error.field for error in raised.value.errors] == ["message"]
    assert ticket.message_count == 1


@pytest.mark.parametrize("text", ["x", "x" * 5000])
def test_a_reply_of_1_or_5000_characters_is_accepted(text: str) -> None:
    """Section 9: a reply has 1 to 5000 characters."""
    ticket = a_ticket()

    ticket.reply(text, by=OWNER, at=LATER)

    assert ticket.new_message is not None
    assert ticket.new_message.message == text


def test_another_users_ticket_is_not_found() -> None:
    """Section 5: users reach their own tickets only."""
    ticket = a_ticket(user_unread=True)

    with pytest.raises(TicketNotFound):
        ticket.reply("Hello?", by=STRANGER, at=LATER)
    with pytest.raises(TicketNotFound):
        ticket.read(by=STRANGER, shown_after=0)
    with pytest.raises(TicketNotFound):
        ticket.close(by=STRANGER, at=LATER)

    assert unread_flags(ticket) == (True, False)


def test_another_users_closed_ticket_is_not_found_either() -> None:
    """Section 5: a stranger must not learn that the ticket exists, or its status."""
    with pytest.raises(TicketNotFound):
        a_ticket(Status.CLOSED).reply("Hello?", by=STRANGER, at=LATER)
