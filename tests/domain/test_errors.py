"""The error tree: each leaf is a sentence for a person, and a stable code."""

from __future__ import annotations

from collections.abc import Iterator

from tickets.domain.errors import FieldError, InvalidInput, TicketClosed, TicketsError


def leaves(kind: type[TicketsError] = TicketsError) -> Iterator[type[TicketsError]]:
    for child in kind.__subclasses__():
        yield child
        yield from leaves(child)


def test_every_error_has_a_sentence_and_a_code_of_its_own() -> None:
    kinds = list(leaves())

    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(kind.code != TicketsError.code for kind in kinds)
    assert all((kind.__doc__ or "").strip().endswith(".") for kind in kinds)


def test_an_error_reads_as_its_docstring() -> None:
    assert str(TicketClosed()) == (
        "This ticket is closed and takes no further replies. Please open a new one."
    )


def test_invalid_input_without_fields_still_says_something() -> None:
    assert str(InvalidInput([])) == "Some of what was sent is not valid."
    assert str(InvalidInput([FieldError("a", "One."), FieldError("b", "Two.")])) == "One. Two."
