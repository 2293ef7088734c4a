"""Normalisation and validation of text fields (section 9 and the contract, "Requests").

Normalisation makes one text of the ways to write it. `web/lib/text.js` has the same rules, so that
the pages count as the service does, and show texts that other programs stored in the same way.
"""

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

# What ends a line in Unicode. CRLF is one line break. `web/lib/text.js` has a copy.
_LINE_BREAK = re.compile("\r\n?|[\n\v\f\x85\u2028\u2029]")

# Control characters (C0, DEL, C1) that are neither a tab nor a line break. NUL is not among them:
# it is refused, because a text that was cut at a NUL elsewhere is better sent again.
_CONTROL = re.compile("[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_REPLACEMENT = "\ufffd"


def normalize(text: str, *, multiline: bool) -> str:
    """Return a text in the form that is counted and stored; a second pass changes nothing.

    Line breaks of every kind become a line feed, or a space in a one-line field. Other control
    characters except tab become U+FFFD. White space is trimmed at both ends; only the indentation
    of a message's first line stays.
    """
    # most texts are printable, line by line, and then there is nothing to replace
    if not (text.replace("\n", "") if multiline else text).isprintable():
        text = _LINE_BREAK.sub("\n" if multiline else " ", text)
        text = _CONTROL.sub(_REPLACEMENT, text)
    if not multiline:
        return text.strip()
    text = text.rstrip()
    if not text[:1].isspace():
        return text
    indentation = len(text) - len(text.lstrip())
    return text[text.rfind("\n", 0, indentation) + 1 :]


class Validation:
    """Collects the errors of a form, so that a person sees all of them at once."""

    def __init__(self) -> None:
        """Start without errors."""
        self._errors: list[FieldError] = []

    def reject(self, field: str, message: str) -> None:
        """Add an error, with a sentence for a person."""
        self._errors.append(FieldError(field, message))

    def text(self, field: str, value: str | None, limits: TextLimits) -> str:
        """Return `value` normalised; add an error where its length in characters is out of range.

        A text that PostgreSQL cannot hold is an error too.
        """
        shortest, longest = limits.min_length, limits.max_length
        typed = value or ""
        text = normalize(typed, multiline=limits.multiline)
        # true for most texts, and then nothing below can be wrong
        plain = text.isascii() and text.isprintable()
        if not plain and (unstorable := _unstorable(text)) is not None:
            self.reject(field, f"{label(field)} contains {unstorable}, which cannot be stored.")
        # control characters are replaced by visible ones, but nobody meant to write those
        elif not (text if plain else _visible(typed)):
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
