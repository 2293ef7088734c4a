"""Validation of text fields (section 9): collects an error for every field, then raises once."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import cache
from typing import TypeVar

from tickets.domain.errors import FieldError, InvalidInput
from tickets.domain.text_limits import TextLimits

Choice = TypeVar("Choice", bound=StrEnum)

# Control, format, surrogate, and the three kinds of separators. A text of nothing else shows
# nothing. Characters that this version of Python does not know may be visible.
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})

# Invisible characters outside the categories above: the rest of Unicode's
# Default_Ignorable_Code_Point, the blank Braille pattern, MUSICAL SYMBOL NULL NOTEHEAD.
_INVISIBLE_OTHERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff\u2800\U0001d159]"
)


class Validation:
    """Collects the errors of a form, so that a person sees all of them at once."""

    def __init__(self) -> None:
        """Start without errors."""
        self._errors: list[FieldError] = []

    def reject(self, field: str, message: str) -> None:
        """Add an error, with a sentence for a person."""
        self._errors.append(FieldError(field, message))

    def text(self, field: str, value: str | None, limits: TextLimits) -> str:
        """Return `value` trimmed; add an error where its length in characters is out of range."""
        shortest, longest = limits.min_length, limits.max_length
        text = (value or "").strip()
        # true for most texts, and then nothing below can be wrong
        plain = text.isascii() and text.isprintable()
        if not plain and (unstorable := _unstorable(text)) is not None:
            self.reject(field, f"{label(field)} contains {unstorable}, which cannot be stored.")
        elif not (text if plain else _visible(text)):
            if shortest > 0 or text:
                self.reject(field, f"{label(field)} must not be empty.")
        elif not shortest <= len(text) <= longest:
            required = f"{shortest} to {longest:,}" if shortest else f"at most {longest:,}"
            self.reject(
                field,
                f"{label(field)} must be {required} characters long; it has {len(text):,}.",
            )
        return text

    def choice(self, field: str, value: str, choices: type[Choice]) -> Choice | None:
        """Return the member of `choices` with this value; None and an error where there is none."""
        # a dictionary lookup takes a tenth of the enum's own
        choice = _members(choices).get(value)
        if choice is None:
            names = ", ".join(choices)
            self.reject(field, f"{label(field)} must be one of {names}.")
        return choice

    def finish(self) -> None:
        """Raise `InvalidInput` with all errors, if there are any."""
        if self._errors:
            raise InvalidInput(self._errors)


@cache
def _members(choices: type[Choice]) -> dict[str, Choice]:
    return {choice.value: choice for choice in choices}


def label(field: str) -> str:
    """Return the name of a field in a sentence, such as "Other category"."""
    return field.replace("_", " ").capitalize()


def _unstorable(text: str) -> str | None:
    """Name what PostgreSQL cannot store in a text: NUL, and half of a surrogate pair."""
    if "\0" in text:
        return "a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "an incomplete character (a lone surrogate)"
    return None


def _visible(text: str) -> bool:
    # Not `any(…)`: the first character is nearly always visible, and a generator costs more.
    for character in text:
        if unicodedata.category(
            character
        ) not in _INVISIBLE_CATEGORIES and not _INVISIBLE_OTHERS.match(character):
            return True
    return False
