"""The unread promise in the domain: a flag is cleared only for what a reader was shown."""

from __future__ import annotations

import pytest

from tests.domain.builders import ADMIN, LATER, OWNER, STRANGER, a_ticket, unread_flags
from tickets.domain.errors import InvalidInput, ThreadGrown, TicketNotFound
from tickets.domain.people import Side


def test_acknowledging_every_message_clears_only_the_readers_flag() -> None:
    ticket = a_ticket(user_unread=True)
    ticket.admin_unread = True

    assert ticket.acknowledge(1, by=OWNER)

    assert unread_flags(ticket) == (False, True)
    assert not ticket.acknowledge(1, by=OWNER), "nothing is left to clear"


def test_acknowledging_less_than_there_is_leaves_the_ticket_unread() -> None:
    ticket = a_ticket()
    ticket.reply("We are on it.", by=ADMIN, at=LATER)

    assert not ticket.acknowledge(1, by=OWNER)
    assert ticket.unread_by(Side.USER)

    assert ticket.acknowledge(2, by=OWNER)
    assert not ticket.unread_by(Side.USER)


@pytest.mark.parametrize("seen", [-1, 2])
def test_more_messages_seen_than_there_are_is_an_error_that_changes_nothing(seen: int) -> None:
    ticket = a_ticket(user_unread=True)

    with pytest.raises(InvalidInput) as acknowledged:
        ticket.acknowledge(seen, by=OWNER)
    with pytest.raises(InvalidInput) as replied:
        ticket.reply("Any news?", by=OWNER, at=LATER, seen=seen)

    for raised in (acknowledged, replied):
        assert [error.field for error in raised.value.errors] == ["seen"]
    assert unread_flags(ticket) == (True, False)
    assert ticket.message_count == 1


def test_a_reply_that_has_not_seen_every_message_is_refused_with_their_number() -> None:
    ticket = a_ticket()
    ticket.reply("We are on it.", by=ADMIN, at=LATER)
    ticket.new_message = None

    with pytest.raises(ThreadGrown) as raised:
        ticket.reply("Any news?", by=OWNER, at=LATER, seen=1)

    assert raised.value.message_count == 2
    assert ticket.message_count == 2
    assert ticket.new_message is None


def test_marking_unread_sets_only_the_readers_flag_and_returns_whether_it_changed() -> None:
    ticket = a_ticket()

    assert ticket.mark_unread(by=ADMIN)
    assert unread_flags(ticket) == (False, True)
    assert not ticket.mark_unread(by=ADMIN)
    assert ticket.mark_unread(by=OWNER)
    assert unread_flags(ticket) == (True, True)


def test_another_users_ticket_can_be_neither_acknowledged_nor_marked() -> None:
    ticket = a_ticket(user_unread=True)

    with pytest.raises(TicketNotFound):
        ticket.acknowledge(1, by=STRANGER)
    with pytest.raises(TicketNotFound):
        ticket.mark_unread(by=STRANGER)

    assert unread_flags(ticket) == (True, False)
