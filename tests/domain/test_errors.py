"""The error tree: each class has a sentence for people and a stable code of its own."""

from __future__ import annotations

from collections.abc import Iterator

from tickets.domain.errors import FieldError, InvalidInput, TicketClosed, TicketsError


def subclasses_of(error_class: type[TicketsError] = TicketsError) -> Iterator[type[TicketsError]]:
    for subclass in error_class.__subclasses__():
        yield subclass
        yield from subclasses_of(subclass)


def test_every_error_has_a_unique_code_and_a_sentence() -> None:
    error_classes = list(subclasses_of())

    assert len({each.code for each in error_classes}) == len(error_classes)
    assert all(each.code != TicketsError.code for each in error_classes)
    assert all((each.__doc__ or "").strip().endswith(".") for each in error_classes)


def test_the_message_of_an_error_is_its_docstring() -> None:
    assert str(TicketClosed()) == (
        "This ticket is closed and takes no more replies. Please open a new one."
    )


def test_the_message_of_invalid_input_is_never_empty() -> None:
    assert str(InvalidInput([])) == "Some fields are not valid."
    assert str(InvalidInput([FieldError("a", "One."), FieldError("b", "Two.")])) == "One. Two."
