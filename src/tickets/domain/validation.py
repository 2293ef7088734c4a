"""The constraints of section 9, each with a sentence that a person can read, all fields at once."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import cache
from typing import TypeVar

from tickets.domain.errors import FieldError, InvalidInput
from tickets.domain.text_limits import TextLimits

Choice = TypeVar("Choice", bound=StrEnum)

# Control, format, surrogate; and the three kinds of separators. A text made of nothing else shows nothing; what
# this version of Python does not know yet may be visible.
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})

# By category these are letters, marks, symbols or reserved, and as empty to look at: Unicode's own list of what is shown
# as nothing (Default_Ignorable_Code_Point), as far as it goes beyond the categories, the blank Braille pattern, and a
# note without a head.
_INVISIBLE_OTHERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff\u2800\U0001d159]"
)


class Validation:
    """Collects what is wrong with a form, so that a person hears about every field at once."""

    def __init__(self) -> None:
        """Start with nothing wrong."""
        self._errors: list[FieldError] = []

    def reject(self, field: str, message: str) -> None:
        """Note that `field` is wrong, in a sentence."""
        self._errors.append(FieldError(field, message))

    def text(self, field: str, value: str | None, limits: TextLimits) -> str:
        """Return `value` trimmed; its length in characters must be within `limits`."""
        shortest, longest = limits.min_length, limits.max_length
        text = (value or "").strip()
        # most are, and then there is nothing to look for
        plain = text.isascii() and text.isprintable()
        if not plain and (unstorable := _unstorable(text)) is not None:
            self.reject(field, f"{label(field)} contains {unstorable}, which cannot be stored.")
        elif not (text if plain else _visible(text)):
            if shortest > 0 or text:
                self.reject(field, f"{label(field)} must not be empty.")
        elif not shortest <= len(text) <= longest:
            lengths = f"{shortest} to {longest:,}" if shortest else f"at most {longest:,}"
            self.reject(
                field,
                f"{label(field)} must be {lengths} characters long; it has {len(text):,}.",
            )
        return text

    def choice(self, field: str, value: str, choices: type[Choice]) -> Choice | None:
        """Return the member of `choices` that `value` names, or None after noting that none is."""
        # a member is equal to its value, and to look it up takes a tenth of asking the class
        choice = _members(choices).get(value)
        if choice is None:
            names = ", ".join(choices)
            self.reject(field, f"{label(field)} must be one of {names}.")
        return choice

    def finish(self) -> None:
        """Raise `InvalidInput` with every error that was noted, if there is one."""
        if self._errors:
            raise InvalidInput(self._errors)


@cache
def _members(choices: type[Choice]) -> dict[str, Choice]:
    return {choice.value: choice for choice in choices}


def label(field: str) -> str:
    """Return what a sentence calls a field: "Other category"."""
    return field.replace("_", " ").capitalize()


def _unstorable(text: str) -> str | None:
    """Name what PostgreSQL cannot hold in a text: NUL, and half of a surrogate pair."""
    if "\0" in text:
        return "a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "an incomplete character (a lone surrogate)"
    return None


def _visible(text: str) -> bool:
    # not `any(…)`: the first character nearly always is, and to make a generator takes longer than to look at it
    for character in text:
        if unicodedata.category(
            character
        ) not in _INVISIBLE_CATEGORIES and not _INVISIBLE_OTHERS.match(character):
            return True
    return False
