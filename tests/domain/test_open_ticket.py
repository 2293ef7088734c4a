"""Opening a ticket (sections 3, 7 and 9 of the specification): its first state, and its fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.domain.builders import ADMIN, NOW, OWNER, a_ticket, marks, unread_flags
from tickets.domain.errors import InvalidInput, NotAllowed
from tickets.domain.people import Side
from tickets.domain.ticket import Category, Status, Ticket


def open_ticket(**changes: Any) -> Ticket:
    """Open a ticket with valid fields, except for `changes`."""
    form: dict[str, Any] = {
        "by": OWNER,
        "category": "support",
        "other_category": None,
        "subject": "The export stops",
        "message": "It stops after a hundred rows.",
        "at": NOW,
    }
    return Ticket.open(**(form | changes))


def errors_of(**changes: Any) -> dict[str, str]:
    """Return the sentence of each invalid field."""
    with pytest.raises(InvalidInput) as raised:
        open_ticket(**changes)
    return {error.field: error.message for error in raised.value.errors}


def test_admins_may_not_open_tickets() -> None:
    """Section 5: opening a ticket is a user's endpoint."""
    with pytest.raises(NotAllowed):
        open_ticket(by=ADMIN)


def test_a_new_ticket_is_open_and_unread_for_the_admins() -> None:
    """Section 7, step 1: it sets admin_unread. Section 4: open is the default status."""
    ticket = open_ticket()

    assert ticket.status is Status.OPEN
    assert ticket.priority == "normal"
    assert unread_flags(ticket) == (False, True)
    assert (ticket.created_at, ticket.updated_at) == (NOW, NOW)


def test_a_new_ticket_is_numbered_marked_and_waiting() -> None:
    """Contract: its user has seen the first message, which waits for an answer."""
    ticket = open_ticket()

    assert ticket.new_message is not None
    assert ticket.new_message.ordinal == ticket.last_ordinal == 1
    assert marks(ticket) == (1, 0)
    assert ticket.waiting_since == NOW
    assert ticket.follows is None


def test_a_new_ticket_may_follow_a_closed_one_of_the_same_user() -> None:
    """Contract: `follows` names a closed ticket of the same user."""
    closed = replace(a_ticket(Status.CLOSED), id=41)

    assert open_ticket(follows=41, followed=closed).follows == 41


def test_a_new_ticket_may_not_follow_one_that_is_missing_or_anothers_with_the_same_error() -> None:
    foreign = replace(a_ticket(Status.CLOSED), id=41, user_id=8)

    missing = errors_of(follows=41, followed=None)

    assert list(missing) == ["follows"]
    assert errors_of(follows=41, followed=foreign) == missing
    assert errors_of(follows=41, followed=replace(foreign, status=Status.OPEN)) == missing


@pytest.mark.parametrize("status", [Status.OPEN, Status.IN_PROGRESS, Status.RESOLVED])
def test_a_new_ticket_may_not_follow_one_that_still_takes_replies(status: Status) -> None:
    assert (
        "not closed" in errors_of(follows=41, followed=replace(a_ticket(status), id=41))["follows"]
    )


def test_a_new_ticket_has_its_first_message() -> None:
    """Section 2: a message has the sender's type, the user's id, the text and a time."""
    ticket = open_ticket()

    message = ticket.new_message
    assert message is not None
    assert (message.sender_type, message.sender_id) == (Side.USER, 7)
    assert message.message == "It stops after a hundred rows."
    assert message.created_at == NOW
    assert (ticket.message_count, ticket.last_message) == (1, message.message)


def test_texts_are_trimmed_at_both_ends_but_for_the_indentation_of_a_message() -> None:
    """Section 9: lengths are counted after trimming. Contract: indentation counts."""
    ticket = open_ticket(
        category="other",
        other_category="\t Data  protection ",
        subject="  Two  words\n",
        message="\n \t\n First line\n\n  second line \u3000\n",
    )

    assert ticket.other_category == "Data  protection"
    assert ticket.subject == "Two  words"
    assert ticket.new_message is not None
    assert ticket.new_message.message == " First line\n\n  second line"


@pytest.mark.parametrize("line_break", ["\r\n", "\n", "\r", "\v", "\f", "\x85", "\u2028", "\u2029"])
def test_a_line_break_is_a_line_feed_in_messages_and_a_space_in_lines(line_break: str) -> None:
    """Contract, "Requests": every kind of line break."""
    ticket = open_ticket(
        category="other",
        other_category=f"a{line_break}b",
        subject=f"{line_break}c{line_break}d{line_break}",
        message=f"{line_break} one{line_break}{line_break}two three",
    )

    assert (ticket.other_category, ticket.subject) == ("a b", "c d")
    assert ticket.new_message is not None
    assert ticket.new_message.message == " one\n\ntwo three"


def test_other_control_characters_become_replacement_characters_except_tab() -> None:
    """Contract, "Requests": what PostgreSQL could hold, and no page could show."""
    ticket = open_ticket(subject="\x01red\x1b\t\x1c", message="\x7fa\tbell\x07 and \x80\x9f more")

    assert ticket.subject == "\ufffdred\ufffd\t\ufffd"
    assert ticket.new_message is not None
    assert ticket.new_message.message == "\ufffda\tbell\ufffd and \ufffd\ufffd more"


def test_characters_are_counted_after_line_breaks_were_normalised() -> None:
    """Contract, "Requests": before counting."""
    assert open_ticket(message="x\r\n" * 2499 + "xx").message_count == 1
    assert errors_of(message="x\r\n" * 2499 + "xxx") == {
        "message": "Message must be 10 to 5,000 characters long; it has 5,001."
    }
    assert errors_of(message="\n" + " " * 4999 + "xx") == {
        "message": "Message must be 10 to 5,000 characters long; it has 5,001."
    }


@pytest.mark.parametrize("length", [3, 200])
def test_a_subject_of_3_or_200_characters_is_accepted(length: int) -> None:
    """Section 9: a subject has 3 to 200 characters."""
    assert open_ticket(subject="🎫" * length).subject == "🎫" * length


@pytest.mark.parametrize("length", [10, 5000])
def test_a_first_message_of_10_or_5000_characters_is_accepted(length: int) -> None:
    """Section 9: the first message has 10 to 5000 characters."""
    assert open_ticket(message="é" * length).last_message == ("é" * length)[:100] + "…" * (
        length > 100
    )


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("subject", "ab", "Subject must be 3 to 200 characters long; it has 2."),
        ("subject", "a" * 201, "Subject must be 3 to 200 characters long; it has 201."),
        ("subject", "  ab  ", "Subject must be 3 to 200 characters long; it has 2."),
        ("subject", "", "Subject must not be empty."),
        ("subject", " \n\t ", "Subject must not be empty."),
        ("subject", "\u200b\u200b\u200b\u2060", "Subject must not be empty."),
        ("subject", "\x01\x02\x1b\x7f\x9b", "Subject must not be empty."),
        ("message", "  \n \u2028\t ", "Message must not be empty."),
        ("subject", "\u3164\u2800\u115f", "Subject must not be empty."),
        ("message", "too short", "Message must be 10 to 5,000 characters long; it has 9."),
        ("message", "x" * 5001, "Message must be 10 to 5,000 characters long; it has 5,001."),
        ("message", "NUL \0 in here", "Message contains a NUL character, which cannot be stored."),
        (
            "subject",
            "half \ud83d",
            "Subject contains an incomplete character (a lone surrogate), which cannot be stored.",
        ),
        (
            "category",
            "complaint",
            "Category must be one of support, billing, feature_suggestion, other.",
        ),
        ("category", "", "Category must be one of support, billing, feature_suggestion, other."),
        (
            "category",
            "Support",
            "Category must be one of support, billing, feature_suggestion, other.",
        ),
    ],
)
def test_an_invalid_field_is_named_with_the_rule_it_breaks(
    field: str, text: str, sentence: str
) -> None:
    """Section 9: subject, message and category each have a rule."""
    assert errors_of(**{field: text}) == {field: sentence}


@pytest.mark.parametrize("character", ["\U0001fae9", "\uf8ff", "\u0661", "."])
def test_a_subject_of_characters_that_may_be_visible_is_not_empty(character: str) -> None:
    """Section 9: only text that surely shows nothing counts as empty."""
    assert open_ticket(subject=character * 3).subject == character * 3


def test_all_invalid_fields_are_reported_at_once() -> None:
    """Section 9: one error for each field, in the order of the form."""
    errors = errors_of(category="x", other_category="y" * 101, subject="", message="short")

    assert list(errors) == ["category", "other_category", "subject", "message"]


def test_the_message_of_the_error_names_every_invalid_field() -> None:
    with pytest.raises(InvalidInput, match=r"Subject must not be empty\. Message must not be"):
        open_ticket(subject="", message="")


def test_the_category_other_takes_a_custom_label_of_up_to_100_characters() -> None:
    """Section 9: other_category has at most 100 characters."""
    assert open_ticket(category="other", other_category="x" * 100).other_category == "x" * 100
    assert errors_of(category="other", other_category="x" * 101) == {
        "other_category": "Other category must be at most 100 characters long; it has 101."
    }


@pytest.mark.parametrize("blank", [None, "", "   "])
@pytest.mark.parametrize("category", list(Category))
def test_a_blank_custom_label_is_stored_as_none(category: str, blank: str | None) -> None:
    """Section 9: other_category is optional."""
    assert open_ticket(category=category, other_category=blank).other_category is None


@pytest.mark.parametrize("category", ["support", "billing", "feature_suggestion"])
def test_a_custom_label_is_invalid_with_any_category_but_other(category: str) -> None:
    """Section 9: other_category goes only with the category other."""
    assert errors_of(category=category, other_category="Mine") == {
        "other_category": 'Other category is only allowed with the category "other".'
    }
