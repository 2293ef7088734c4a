"""What it takes to open a ticket: sections 3 and 9 of the specification."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tickets.domain.errors import InvalidInput, NotAllowed
from tickets.domain.people import Actor, Side
from tickets.domain.ticket import Category, Status, Ticket

NOW = datetime(2026, 2, 3, 10, 15, tzinfo=UTC)


def opened(**changes: Any) -> Ticket:
    form: dict[str, Any] = {
        "by": Actor.user(7),
        "category": "support",
        "other_category": None,
        "subject": "The export stops",
        "message": "It stops after a hundred rows.",
        "at": NOW,
    }
    return Ticket.open(**(form | changes))


def test_the_admin_team_opens_no_tickets() -> None:
    with pytest.raises(NotAllowed):
        opened(by=Actor.admin())


def errors_of(**changes: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as raised:
        opened(**changes)
    return {error.field: error.message for error in raised.value.errors}


def test_a_new_ticket_is_open_and_unread_by_the_admins_alone() -> None:
    ticket = opened()

    assert ticket.status is Status.OPEN
    assert ticket.priority == "normal"
    assert (ticket.user_unread, ticket.admin_unread) == (False, True)
    assert (ticket.created_at, ticket.updated_at) == (NOW, NOW)


def test_a_new_ticket_holds_its_first_message() -> None:
    ticket = opened()

    message = ticket.new_message
    assert message is not None
    assert (message.sender_type, message.sender_id) == (Side.USER, 7)
    assert message.message == "It stops after a hundred rows."
    assert message.created_at == NOW
    assert (ticket.message_count, ticket.last_message) == (1, message.message)


def test_texts_are_trimmed_at_both_ends_and_kept_as_they_are_inside() -> None:
    ticket = opened(
        category="other",
        other_category="\t Data  protection ",
        subject="  Two  words\n",
        message="\n First line\n\n  second line \u3000",
    )

    assert ticket.other_category == "Data  protection"
    assert ticket.subject == "Two  words"
    assert ticket.new_message is not None
    assert ticket.new_message.message == "First line\n\n  second line"


@pytest.mark.parametrize("length", [3, 200])
def test_a_subject_of_3_to_200_characters_is_taken(length: int) -> None:
    assert opened(subject="🎫" * length).subject == "🎫" * length


@pytest.mark.parametrize("length", [10, 5000])
def test_a_first_message_of_10_to_5000_characters_is_taken(length: int) -> None:
    assert opened(message="é" * length).last_message == ("é" * length)[:100] + "…" * (length > 100)


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("subject", "ab", "Subject must be 3 to 200 characters long; it has 2."),
        ("subject", "a" * 201, "Subject must be 3 to 200 characters long; it has 201."),
        ("subject", "  ab  ", "Subject must be 3 to 200 characters long; it has 2."),
        ("subject", "", "Subject must not be empty."),
        ("subject", " \n\t ", "Subject must not be empty."),
        ("subject", "\u200b\u200b\u200b\u2060", "Subject must not be empty."),
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
def test_a_field_that_breaks_a_rule_is_named_in_a_sentence(
    field: str, text: str, said: str
) -> None:
    assert errors_of(**{field: text}) == {field: said}


@pytest.mark.parametrize("character", ["\U0001fae9", "\uf8ff", "\u0661", "."])
def test_what_may_be_visible_is_taken(character: str) -> None:
    assert opened(subject=character * 3).subject == character * 3


def test_every_wrong_field_is_told_at_once() -> None:
    errors = errors_of(category="x", other_category="y" * 101, subject="", message="short")

    assert list(errors) == ["category", "other_category", "subject", "message"]


def test_the_sentence_of_the_whole_names_every_field() -> None:
    with pytest.raises(InvalidInput, match=r"Subject must not be empty\. Message must not be"):
        opened(subject="", message="")


def test_the_category_other_may_carry_a_label_of_up_to_100_characters() -> None:
    assert opened(category="other", other_category="x" * 100).other_category == "x" * 100
    assert errors_of(category="other", other_category="x" * 101) == {
        "other_category": "Other category must be at most 100 characters long; it has 101."
    }


@pytest.mark.parametrize("blank", [None, "", "   "])
@pytest.mark.parametrize("category", list(Category))
def test_a_blank_label_is_no_label_in_any_category(category: str, blank: str | None) -> None:
    assert opened(category=category, other_category=blank).other_category is None


@pytest.mark.parametrize("category", ["support", "billing", "feature_suggestion"])
def test_a_label_goes_with_no_category_but_other(category: str) -> None:
    assert errors_of(category=category, other_category="Mine") == {
        "other_category": 'Other category goes only with the category "other".'
    }
