"""Reports: read models of figures per day, and of times to the first reply and to the resolution.

Days are days in UTC. A time is in whole seconds, and a percentile is the smallest time within which
that share of the tickets was done (nearest rank), so that both can be counted by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self

from tickets.domain.text_rules import Validation
from tickets.domain.ticket import Category

MAX_DAYS = 366
"""Days that a report covers at most."""

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(9999, 12, 30)
"""The days that a report may begin and end with."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Period:
    """The days that a report covers, both included."""

    first: date
    last: date

    @classmethod
    def between(cls, first: str, last: str) -> Self:
        """Return the period from these texts.

        Raises `InvalidInput` with the fields `from` and `to` where they are no days, out of range,
        in the wrong order, or more than `MAX_DAYS` apart.
        """
        validation = Validation()
        begins, ends = _day(validation, "from", first), _day(validation, "to", last)
        validation.finish()
        assert begins is not None  # noqa: S101 - `finish` raises where it is None
        assert ends is not None  # noqa: S101 - the same
        if ends < begins:
            validation.reject("to", "To must not be before from.")
        elif (ends - begins).days >= MAX_DAYS:
            validation.reject("to", f"To must be less than {MAX_DAYS} days after from.")
        validation.finish()
        return cls(begins, ends)

    @property
    def start(self) -> datetime:
        """The moment at which the first day begins."""
        return start_of(self.first)

    @property
    def end(self) -> datetime:
        """The moment at which the last day is over."""
        return start_of(self.last + timedelta(days=1))

    def days(self) -> Iterator[date]:
        """Return the days, in order."""
        for n in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=n)


def _day(validation: Validation, field: str, text: str) -> date | None:
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not FIRST_DAY <= day <= LAST_DAY:
        validation.reject(
            field, f"{field.capitalize()} must be a day such as 2026-11-27, from {FIRST_DAY} on."
        )
    return day


def start_of(day: date) -> datetime:
    """Return the moment at which a day begins, in UTC."""
    return datetime.combine(day, time(), tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DayFigures:
    """The figures of one day.

    `opened` tickets were created that day. `resolved` tickets were resolved that day, or closed
    without having been resolved. `closed` tickets were closed that day. A ticket counts once a day.
    It does not count where an admin moved it back to open or in progress afterwards, unless its
    customer had written in between. `waiting` is the number of tickets whose customer waited for an
    answer at the end of the day, or is waiting now if the day is not over; 0 for days to come.

    `resolved`, `closed` and `waiting` are None for days before events were recorded. `finished`
    says whether the day is over.
    """

    date: date
    opened: int
    resolved: int | None
    closed: int | None
    waiting: int | None
    finished: bool


@dataclass(frozen=True, slots=True)
class Durations:
    """How long something took: of how many tickets, the median, and the 90th percentile.

    Both are in whole seconds, None without tickets.
    """

    tickets: int
    median_seconds: int | None
    p90_seconds: int | None

    @classmethod
    def of(cls, seconds: Sequence[int]) -> Self:
        """Return the figures of these times."""
        in_order = sorted(seconds)
        return cls(len(in_order), _nearest_rank(in_order, 50), _nearest_rank(in_order, 90))


def _nearest_rank(in_order: Sequence[int], percent: int) -> int | None:
    return in_order[-(-len(in_order) * percent // 100) - 1] if in_order else None


@dataclass(frozen=True, slots=True)
class CategoryFigures:
    """Tickets of a category that were created in the period, and those first answered in it."""

    category: Category
    opened: int
    first_replies: int
    first_reply_median_seconds: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a period.

    `first_reply` is of the tickets whose first answer was written in the period: from when the
    customer opened the ticket to the first answer while the customer was waiting. `resolution` is
    of the tickets whose last resolution was in the period, if it still stands: from when the ticket
    was opened to that resolution. Categories are all listed, in the order of the specification.
    """

    period: Period
    days: Sequence[DayFigures]
    first_reply: Durations
    resolution: Durations
    categories: Sequence[CategoryFigures]
