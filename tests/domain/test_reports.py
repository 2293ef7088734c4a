"""Periods of reports, and percentiles by nearest rank."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tickets.domain.errors import InvalidInput
from tickets.domain.reports import Durations, Period


def test_a_period_has_both_of_its_days_in_utc() -> None:
    period = Period.between("2026-02-27", "2026-03-01")

    assert list(period.days()) == [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]
    assert period.start == datetime(2026, 2, 27, tzinfo=UTC)
    assert period.end == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2024-01-01", "2024-12-31"),  # a leap year
        ("1970-01-01", "1970-01-01"),
        ("9999-12-30", "9999-12-30"),
    ],
)
def test_the_longest_and_the_outermost_periods(first: str, last: str) -> None:
    assert Period.between(first, last).last.isoformat() == last


@pytest.mark.parametrize(
    ("first", "last", "fields"),
    [
        ("2026-02-02", "2026-02-01", {"to"}),
        ("2025-01-01", "2026-01-02", {"to"}),
        ("0001-01-01", "0001-01-02", {"from", "to"}),
        ("9999-12-31", "9999-12-31", {"from", "to"}),
        ("", "", {"from", "to"}),
        ("2026-02-30", "2026-03-01", {"from"}),
        ("20260201", "2026-02-01", {"from"}),
        ("2026-W05-1", "2026-02-01", {"from"}),
        ("2026-02-01", "2026-02-01T00:00:00Z", {"to"}),
        ("٢٠٢٦-٠٢-٠١", "2026-02-01", {"from"}),
        ("2026-02-01\n", "2026-02-01", {"from"}),
    ],
)
def test_a_wrong_period_is_refused(first: str, last: str, fields: set[str]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Period.between(first, last)

    assert {error.field for error in refusal.value.errors} == fields


@pytest.mark.parametrize(
    ("seconds", "median", "p90"),
    [([], None, None), ([7], 7, 7), ([9, 1], 1, 9), ([3, 1, 2], 2, 3), (range(1, 11), 5, 9)],
)
def test_a_percentile_is_the_smallest_time_within_which_that_share_was_done(
    seconds: list[int], median: int | None, p90: int | None
) -> None:
    assert Durations.of(seconds) == Durations(len(seconds), median, p90)
