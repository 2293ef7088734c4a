"""Replying, reading and moving: sections 4 and 7 of the specification, and the unread promise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tickets.domain.errors import InvalidInput, NotAllowed, TicketClosed, TicketNotFound
from tickets.domain.message import preview
from tickets.domain.people import Actor, Side
from tickets.domain.ticket import Status, Ticket

NOW = datetime(2026, 2, 3, 10, 15, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
WEEK = timedelta(hours=168)

OWNER = Actor.user(7)
STRANGER = Actor.user(8)
ADMIN = Actor.admin()


def a_ticket(status: Status = Status.OPEN, *, user_unread: bool = False) -> Ticket:
    """Return a ticket as a store would: its first message is known and read by the admins."""
    ticket = Ticket.open(
        by=Actor.user(7),
        category="support",
        other_category=None,
        subject="The export stops",
        message="It stops after a hundred rows.",
        at=NOW,
    )
    ticket.new_message = None
    ticket.status = status
    ticket.user_unread, ticket.admin_unread = user_unread, False
    return ticket


def flags(ticket: Ticket) -> tuple[bool, bool]:
    return ticket.user_unread, ticket.admin_unread


def test_a_users_reply_is_unread_for_the_admins() -> None:
    ticket = a_ticket()

    ticket.reply("Still there?", by=OWNER, at=LATER)

    message = ticket.new_message
    assert message is not None
    assert (message.sender_type, message.sender_id) == (Side.USER, 7)
    assert flags(ticket) == (False, True)


def test_an_admins_reply_is_unread_for_the_user() -> None:
    ticket = a_ticket()

    ticket.reply("Yes.", by=ADMIN, at=LATER)

    message = ticket.new_message
    assert message is not None
    assert (message.sender_type, message.sender_id) == (Side.ADMIN, None)
    assert flags(ticket) == (True, False)


@pytest.mark.parametrize("by", [OWNER, ADMIN])
def test_a_reply_leaves_the_writers_own_flag_alone(by: Actor) -> None:
    ticket = a_ticket(user_unread=True)
    ticket.admin_unread = True

    ticket.reply("And once more", by=by, at=LATER)

    assert flags(ticket) == (True, True)


def test_a_reply_is_counted_previewed_and_moves_updated_at() -> None:
    ticket = a_ticket()

    ticket.reply("  trimmed  ", by=ADMIN, at=LATER)

    assert (ticket.message_count, ticket.last_message) == (2, "trimmed")
    assert ticket.new_message is not None
    assert ticket.updated_at == ticket.new_message.created_at == LATER
    assert ticket.created_at == NOW


def test_a_second_message_waits_until_the_first_is_stored() -> None:
    ticket = a_ticket()
    ticket.reply("first", by=OWNER, at=LATER)

    with pytest.raises(AssertionError):
        ticket.reply("second", by=OWNER, at=LATER)


def test_updated_at_never_goes_back_where_clocks_differ() -> None:
    ticket = a_ticket()
    ticket.updated_at = LATER

    ticket.reply("from a slow clock", by=OWNER, at=NOW)

    assert ticket.new_message is not None
    assert ticket.new_message.created_at == ticket.updated_at == LATER


@pytest.mark.parametrize("by", [OWNER, ADMIN])
def test_neither_side_replies_to_a_closed_ticket(by: Actor) -> None:
    ticket = a_ticket(Status.CLOSED)

    with pytest.raises(TicketClosed):
        ticket.reply("One more thing", by=by, at=LATER)

    assert ticket.new_message is None
    assert flags(ticket) == (False, False)


@pytest.mark.parametrize("status", [Status.OPEN, Status.IN_PROGRESS, Status.RESOLVED])
@pytest.mark.parametrize("by", [OWNER, ADMIN])
def test_both_sides_reply_otherwise_and_the_status_stays(status: Status, by: Actor) -> None:
    ticket = a_ticket(status)

    ticket.reply("One more thing", by=by, at=LATER)

    assert ticket.status is status


@pytest.mark.parametrize("text", ["", "  ", "\u200b", "x" * 5001, "a\0b", "\udc00"])
def test_a_reply_has_1_to_5000_characters_that_can_be_stored(text: str) -> None:
    ticket = a_ticket()

    with pytest.raises(InvalidInput) as raised:
        ticket.reply(text, by=OWNER, at=LATER)

    assert [error.field for error in raised.value.errors] == ["message"]
    assert ticket.message_count == 1


@pytest.mark.parametrize("text", ["x", "x" * 5000])
def test_a_reply_of_1_or_5000_characters_is_taken(text: str) -> None:
    ticket = a_ticket()

    ticket.reply(text, by=OWNER, at=LATER)

    assert ticket.new_message is not None
    assert ticket.new_message.message == text


def test_a_stranger_finds_no_ticket() -> None:
    ticket = a_ticket(user_unread=True)

    with pytest.raises(TicketNotFound):
        ticket.reply("Hello?", by=STRANGER, at=LATER)
    with pytest.raises(TicketNotFound):
        ticket.read(by=STRANGER)

    assert flags(ticket) == (True, False)


def test_a_stranger_does_not_learn_that_a_ticket_is_closed() -> None:
    with pytest.raises(TicketNotFound):
        a_ticket(Status.CLOSED).reply("Hello?", by=STRANGER, at=LATER)


def test_reading_clears_the_readers_flag_alone_and_says_whether_it_was_set() -> None:
    ticket = a_ticket(user_unread=True)
    ticket.admin_unread = True

    assert ticket.read(by=OWNER)
    assert flags(ticket) == (False, True)
    assert ticket.read(by=ADMIN)
    assert flags(ticket) == (False, False)
    assert not ticket.read(by=OWNER)
    assert not ticket.read(by=ADMIN)


def test_reading_is_not_news() -> None:
    ticket = a_ticket(user_unread=True)

    ticket.read(by=OWNER)

    assert ticket.updated_at == NOW


@pytest.mark.parametrize("old", list(Status))
@pytest.mark.parametrize("new", list(Status))
def test_admins_move_any_status_to_any_other(old: Status, new: Status) -> None:
    ticket = a_ticket(old)

    changed = ticket.change_status(new, by=ADMIN, at=LATER)

    assert ticket.status is new
    assert changed == (old is not new)
    assert ticket.updated_at == (LATER if changed else NOW)
    assert flags(ticket) == (False, False)


def test_users_do_not_move_tickets() -> None:
    ticket = a_ticket()

    with pytest.raises(NotAllowed):
        ticket.change_status(Status.CLOSED, by=OWNER, at=LATER)

    assert ticket.status is Status.OPEN


def test_a_resolved_ticket_closes_when_nothing_has_happened_for_long_enough() -> None:
    ticket = a_ticket(Status.RESOLVED)

    assert not ticket.auto_close(quiet_for=WEEK, at=NOW + WEEK - timedelta(microseconds=1))
    assert ticket.auto_close(quiet_for=WEEK, at=NOW + WEEK)
    assert ticket.status is Status.CLOSED
    assert ticket.updated_at == NOW + WEEK


@pytest.mark.parametrize("by", [OWNER, ADMIN])
def test_a_new_message_puts_natural_close_off(by: Actor) -> None:
    ticket = a_ticket(Status.RESOLVED)
    ticket.reply("Not quite yet.", by=by, at=NOW + timedelta(hours=100))

    assert not ticket.auto_close(quiet_for=WEEK, at=NOW + WEEK)
    assert ticket.auto_close(quiet_for=WEEK, at=NOW + timedelta(hours=268))


def test_the_time_counts_from_when_the_ticket_was_resolved() -> None:
    ticket = a_ticket()
    ticket.change_status(Status.RESOLVED, by=ADMIN, at=NOW + timedelta(days=30))

    assert not ticket.auto_close(quiet_for=WEEK, at=NOW + timedelta(days=31))


@pytest.mark.parametrize("status", [Status.OPEN, Status.IN_PROGRESS, Status.CLOSED])
def test_only_resolved_tickets_close_by_themselves(status: Status) -> None:
    assert not a_ticket(status).auto_close(quiet_for=WEEK, at=NOW + 2 * WEEK)


def test_a_preview_is_cut_at_100_characters_and_says_so() -> None:
    assert preview("x" * 100) == "x" * 100
    assert preview("x" * 101) == "x" * 100 + "…"
    assert preview("🎫" * 101) == "🎫" * 100 + "…"
