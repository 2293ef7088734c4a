"""Reading (section 7 of the specification): opening a ticket clears the reader's unread flag."""

from __future__ import annotations

from tests.domain.builders import ADMIN, NOW, OWNER, a_ticket, unread_flags


def test_reading_clears_only_the_readers_flag_and_returns_whether_it_was_set() -> None:
    """Section 7, steps 2 and 4: each side clears its own flag."""
    ticket = a_ticket(user_unread=True)
    ticket.admin_unread = True

    assert ticket.read(by=OWNER, shown_after=0)
    assert unread_flags(ticket) == (False, True)
    assert ticket.read(by=ADMIN, shown_after=0)
    assert unread_flags(ticket) == (False, False)
    assert not ticket.read(by=OWNER, shown_after=0)
    assert not ticket.read(by=ADMIN, shown_after=0)


def test_reading_does_not_change_updated_at() -> None:
    """Section 2: updated_at is the last update, and reading is not one."""
    ticket = a_ticket(user_unread=True)

    ticket.read(by=OWNER, shown_after=0)

    assert ticket.updated_at == NOW
