"""Full-text search: what a query means, and what was found, with marked places (desk, "Finding").

A query is a ticket's number, the beginning of a customer's address, and words, whichever it can be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from tickets.domain.search_text import UNSPACED, Folded, Piece, Way, lexemes, wanted
from tickets.domain.text_limits import TextLimits
from tickets.domain.text_rules import Validation
from tickets.domain.ticket import MAX_ID

QUERY = TextLimits(min_length=1, max_length=200, multiline=False)
"""Limits of a query."""

MAX_MATCHES = 5_000
"""Matches of each kind that a search collects, newest first."""

MAX_OWN_MESSAGES = 20_000
"""Messages that a user's search looks through: those of the newest tickets."""

SNIPPET = 160
"""Characters of a text that are shown around the first hit."""

_NUMBER = re.compile(r"(#?)\s*0*([1-9][0-9]{0,9})")
_BRACKETED = re.compile(r"[^<>]*<\s*([^<>\s]+@[^<>\s]*)\s*>")
_ADDRESS = re.compile(r"[^\s<>\"(),:;]{2,}")
_WORD = re.compile("[^ ]+")

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


class Field(StrEnum):
    """Where a query was found."""

    NUMBER = "number"
    EMAIL = "email"
    SUBJECT = "subject"
    MESSAGE = "message"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Match:
    """What was found: a snippet of the text, and the hits in it, `[start, end]` in UTF-16 units."""

    field: Field
    text: str
    hits: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query, taken apart.

    `number` is a ticket's, `address` the beginning of an address, in lower case. `text` is searched
    for its words, in texts that have all of them; it is empty where it is a number with a #.
    """

    text: str
    number: int | None
    address: str | None
    words: Sequence[Sequence[Way]]

    @classmethod
    def parse(cls, query: str | None) -> Self:
        """Return the query of a request; raise `InvalidInput` where it is empty or too long."""
        validation = Validation()
        text = validation.text("q", query, QUERY)
        validation.finish()
        number = None
        if found := _NUMBER.fullmatch(text):
            number = int(found[2]) if int(found[2]) <= MAX_ID else None
            if found[1]:
                return cls("", number, None, ())
        bracketed = _BRACKETED.fullmatch(text)
        whole = _ADDRESS.fullmatch(text)
        address = bracketed[1] if bracketed else whole[0] if whole else None
        return cls(text, number, address and address.translate(_LOWER), wanted(text))

    @classmethod
    def of_words(cls, text: str) -> Self:
        """Return the query for the words of a text, however long, and nothing else."""
        return cls(text, None, None, wanted(text))

    @property
    def needle(self) -> str:
        """Letters that every text in ASCII has that matches, once apostrophes are taken out."""
        parts = [piece.letters for ways in self.words for piece in ways[-1]]
        return max(parts, key=len, default="")

    def is_in(self, source: str) -> bool:
        """Return whether a text has all words."""
        found = lexemes(source)
        return bool(self.words) and all(
            any(all(piece.is_in(found) for piece in way) for way in ways) for ways in self.words
        )

    def is_beginning_of(self, email: str) -> bool:
        """Return whether an address begins as the query does."""
        return self.address is not None and email.translate(_LOWER).startswith(self.address)

    def match(self, field: Field, source: str) -> Match:
        """Return the match in a text that was found: a ticket's number, an address or any text."""
        if field is Field.NUMBER:
            return Match(field, f"#{source}", [(0, len(source) + 1)])
        if field is Field.EMAIL:
            return _snippet(field, source, [(0, len(self.address or ""))])
        folded = Folded.of(source)
        spans = [
            (folded.starts[start], folded.ends[end - 1])
            for ways in self.words
            for start, end in _first_found(folded.text, ways)
        ]
        return _snippet(field, source, _merged(spans))


def _first_found(text: str, ways: Sequence[Way]) -> list[tuple[int, int]]:
    """Return the places of the first way whose pieces are all there."""
    for way in ways:
        places = [list(_places(text, piece)) for piece in way]
        if all(places):
            return [place for each in places for place in each]
    return []


def _places(text: str, piece: Piece) -> Iterator[tuple[int, int]]:
    """Find where a piece is in a folded text: the letters of it, not the rest of their word."""
    letters = piece.letters
    if UNSPACED.match(letters):
        yield from ((at.start(), at.end()) for at in re.finditer(re.escape(letters), text))
        return
    for word in _WORD.finditer(text):
        joined = word[0].replace("'", "")
        if letters not in joined:
            continue
        places = [n for n in range(word.start(), word.end()) if text[n] != "'"]
        at = -1
        while (at := joined.find(letters, at + 1)) >= 0:
            end = at + len(letters)
            if not _is_edge(text, places, joined, at):
                continue
            if piece.is_prefix or _is_edge(text, places, joined, end):
                yield places[at], places[end - 1] + 1


def _is_edge(text: str, places: list[int], joined: str, at: int) -> bool:
    """Return whether a part of a word begins here: at its beginning, after a dot, @ or '."""
    return (
        at in (0, len(joined))
        or joined[at] in ".@"
        or joined[at - 1] in ".@"
        or text[places[at] - 1] == "'"
    )


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans in order, those that touch each other as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _snippet(field: Field, source: str, spans: list[tuple[int, int]]) -> Match:
    """Cut a text around its first hit, between words where it can be."""
    first, last = 0, len(source)
    if last > SNIPPET:
        first = max(0, min(spans[0][0] - SNIPPET // 4 if spans else 0, last - SNIPPET))
        last = first + SNIPPET
        if first:
            space = re.search(r"\s", source[first : spans[0][0]])
            first += space.end() if space else 0
        if last < len(source):
            space = re.search(r"\s\S*\Z", source[first:last])
            cut = first + space.start() if space else last
            last = last if spans and cut < spans[0][1] else cut
    before, after = "…" * (first > 0), "…" * (last < len(source))
    units = _Units(source, first, len(before))
    hits = [
        (units.at(max(start, first)), units.at(min(end, last)))
        for start, end in spans
        if start < last and end > first
    ]
    return Match(field, before + source[first:last] + after, hits)


class _Units:
    """Counts UTF-16 units from a place in a text on; places must be asked for in order."""

    def __init__(self, source: str, at: int, units: int) -> None:
        self._source, self._at, self._units = source, at, units

    def at(self, place: int) -> int:
        passed = self._source[self._at : place]
        self._units += len(passed) + sum(letter > "\uffff" for letter in passed)
        self._at = place
        return self._units


__all__ = ["MAX_MATCHES", "MAX_OWN_MESSAGES", "Field", "Match", "SearchQuery"]
