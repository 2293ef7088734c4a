"""Events: what each change of a ticket records (DESK, Notes, events, saved replies)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.domain.builders import ADMIN, ANNA, LATER, NOW, OWNER, WEEK, a_ticket, history, saved
from tickets.domain.errors import InvalidInput, NotAllowed, ThreadGrown, TicketClosed, ValueChanged
from tickets.domain.people import Actor, Side
from tickets.domain.ticket import Status, Ticket

NAMED = Actor.named(ANNA)


def test_a_new_ticket_records_that_it_was_created_and_that_its_customer_waits() -> None:
    ticket = Ticket.open(
        by=OWNER,
        category="support",
        other_category=None,
        subject="The export stops",
        message="It stops after a hundred rows.",
        at=NOW,
    )

    assert history(ticket) == [
        ("created", OWNER, None, None),
        ("message", OWNER, None, None),
        ("waiting", OWNER, None, "began"),
    ]
    assert {event.at for event in ticket.new_events} == {NOW}
    assert ticket.events_recorded == 3
    assert (ticket.opened_by, ticket.last_sender) == (Side.USER, Side.USER)


def test_a_follow_up_is_an_event_of_the_ticket_that_it_follows() -> None:
    ticket = Ticket.open(
        by=OWNER,
        category="support",
        other_category=None,
        subject="The export stops",
        message="It stops after a hundred rows.",
        at=NOW,
        follows=41,
        followed=replace(a_ticket(Status.CLOSED), id=41),
    )

    assert history(ticket)[-1] == ("follow_up", OWNER, None, None)
    assert ticket.events_recorded == len(ticket.new_events) - 1


def test_replies_record_who_wrote_and_when_a_wait_begins_and_ends() -> None:
    ticket = a_ticket()
    seen = []
    for by in (OWNER, ADMIN, ADMIN, OWNER):
        ticket.reply("Next", by=by, at=LATER)
        seen.append([(kind, after) for kind, _, _, after in history(ticket)])
        assert ticket.last_sender is by.side
        ticket = saved(ticket)

    message = ("message", None)
    assert seen == [
        [message],
        [message, ("waiting", "ended")],
        [message],
        [message, ("waiting", "began")],
    ]
    assert ticket.events_recorded == 3 + 6


def test_a_reopening_by_reply_is_the_users() -> None:
    ticket = a_ticket(Status.RESOLVED)

    ticket.reply("Still broken.", by=OWNER, at=LATER)

    assert history(ticket) == [
        ("message", OWNER, None, None),
        ("status", OWNER, "resolved", "open"),
        ("waiting", OWNER, None, "began"),
    ]


@pytest.mark.parametrize("status", [Status.RESOLVED, Status.CLOSED])
def test_a_reply_changes_the_status_in_the_same_save(status: Status) -> None:
    ticket = a_ticket()

    ticket.reply("Done.", by=NAMED, at=LATER, seen=1, status=status)

    assert (ticket.status, ticket.waiting_since, ticket.resolved_at) == (status, None, LATER)
    assert ticket.assignee == ANNA
    assert history(ticket) == [
        ("message", NAMED, None, None),
        ("waiting", NAMED, None, "ended"),
        ("assignee", NAMED, None, "Anna"),
        ("status", NAMED, "open", status.value),
    ]


def test_a_reply_with_the_present_status_changes_no_status() -> None:
    ticket = a_ticket(Status.IN_PROGRESS)

    ticket.reply("Still at it.", by=ADMIN, at=LATER, status=Status.IN_PROGRESS)

    assert [kind for kind, *_ in history(ticket)] == ["message", "waiting"]


def test_a_reply_that_resolves_is_refused_as_any_reply_is() -> None:
    grown = a_ticket()
    grown.reply("One more thing.", by=OWNER, at=LATER)
    grown = saved(grown)
    before = replace(grown)

    with pytest.raises(ThreadGrown):
        grown.reply("Done.", by=ADMIN, at=LATER, seen=1, status=Status.RESOLVED)
    with pytest.raises(TicketClosed):
        a_ticket(Status.CLOSED).reply("Done.", by=ADMIN, at=LATER, status=Status.OPEN)
    with pytest.raises(NotAllowed):
        grown.reply("Done.", by=OWNER, at=LATER, status=Status.CLOSED)

    assert grown == before


def test_closing_and_natural_close_record_who_did_it() -> None:
    solved, quiet = a_ticket(), a_ticket(Status.RESOLVED)

    solved.close(by=OWNER, at=LATER)
    quiet.auto_close(quiet_for=WEEK, at=NOW + WEEK, taken_over_at=None)

    assert history(solved) == [
        ("status", OWNER, "open", "closed"),
        ("waiting", OWNER, None, "ended"),
    ]
    assert history(quiet) == [("closed_naturally", None, "resolved", "closed")]


def test_natural_close_of_an_untouched_backlog_is_recorded_when_it_happens() -> None:
    ticket = a_ticket(Status.RESOLVED)

    ticket.auto_close(quiet_for=WEEK, at=NOW + 2 * WEEK, taken_over_at=LATER)

    assert ticket.updated_at == NOW
    assert [event.at for event in ticket.new_events] == [NOW + 2 * WEEK]


@pytest.mark.parametrize("status", list(Status))
def test_what_changes_nothing_records_nothing(status: Status) -> None:
    ticket = a_ticket(status)

    ticket.change_status(status, by=ADMIN, at=LATER)
    ticket.read(by=OWNER, shown_after=0)
    ticket.mark_unread(by=OWNER)

    assert ticket.new_events == ()
    assert ticket.events_recorded == 3


def test_a_status_is_not_replaced_where_another_one_was_shown() -> None:
    """DESK: undo of a status does not undo a reopening by a message."""
    ticket = a_ticket(Status.RESOLVED)
    ticket.reply("Still broken.", by=OWNER, at=LATER)
    reopened = replace(ticket)

    with pytest.raises(ValueChanged) as raised:
        ticket.change_status(Status.IN_PROGRESS, by=ADMIN, at=LATER, was="resolved")

    assert raised.value.present == "open"
    assert ticket == reopened
    assert ticket.change_status(Status.IN_PROGRESS, by=ADMIN, at=LATER, was="open")


def test_a_resolution_is_timed_until_the_ticket_is_open_again() -> None:
    ticket = a_ticket()
    times = []
    for number, status in enumerate(
        (Status.RESOLVED, Status.CLOSED, Status.IN_PROGRESS, Status.CLOSED, Status.RESOLVED)
    ):
        ticket.change_status(status, by=ADMIN, at=NOW + timedelta(hours=number))
        times.append(ticket.resolved_at)

    hour = timedelta(hours=1)
    assert times == [NOW, NOW, None, NOW + 3 * hour, NOW + 4 * hour]


def test_the_first_reply_is_the_first_answer_to_a_waiting_customer() -> None:
    ticket = a_ticket()
    ticket.reply("Hello.", by=ADMIN, at=LATER)
    ticket = saved(ticket)
    ticket.reply("And this.", by=OWNER, at=LATER + WEEK)
    ticket = saved(ticket)
    ticket.reply("Yes.", by=ADMIN, at=LATER + 2 * WEEK)

    assert ticket.first_replied_at == LATER


def test_a_reply_to_a_customer_who_needs_no_answer_is_no_first_reply() -> None:
    """DESK, reports: not after "handled"."""
    ticket = a_ticket()
    ticket.mark_handled(1, by=ADMIN, at=LATER)

    ticket.reply("By the way.", by=ADMIN, at=LATER)

    assert ticket.first_replied_at is None


def test_handled_ends_the_wait_and_leaves_the_flags_and_the_time() -> None:
    ticket = replace(a_ticket(), admin_unread=True)

    assert ticket.mark_handled(1, by=NAMED, at=LATER)
    assert not ticket.mark_handled(1, by=NAMED, at=LATER)

    assert ticket.waiting_since is None
    assert ticket.admin_unread
    assert ticket.updated_at == NOW
    assert history(ticket) == [("handled", NAMED, None, None), ("waiting", NAMED, None, "ended")]


@pytest.mark.parametrize("seen", [0, 1])
def test_handled_is_refused_where_the_thread_has_grown_and_the_customer_still_waits(
    seen: int,
) -> None:
    ticket = a_ticket()
    ticket.reply("One more thing.", by=OWNER, at=LATER)
    ticket = saved(ticket)
    before = replace(ticket)

    with pytest.raises(ThreadGrown) as raised:
        ticket.mark_handled(seen, by=ADMIN, at=LATER)

    assert raised.value.message_count == 2
    assert ticket == before


def test_handled_is_an_admins_and_of_messages_that_there_are() -> None:
    ticket = a_ticket()

    with pytest.raises(NotAllowed):
        ticket.mark_handled(1, by=OWNER, at=LATER)
    with pytest.raises(InvalidInput):
        ticket.mark_handled(2, by=ADMIN, at=LATER)


@pytest.mark.parametrize("status", list(Status))
def test_only_a_resolved_ticket_has_a_time_at_which_it_closes(status: Status) -> None:
    ticket = a_ticket(status)
    ticket.waiting_since = None

    closes_at = ticket.closes_at(WEEK)

    assert closes_at == (NOW + WEEK if status is Status.RESOLVED else None)


def test_a_resolved_ticket_whose_customer_waits_does_not_close() -> None:
    assert replace(a_ticket(Status.RESOLVED), waiting_since=NOW).closes_at(WEEK) is None
