"""Limits as arithmetic: what is left, and how long it takes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tickets.domain.rates import MICROSECOND, Rate, Standing

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def standing(ahead: timedelta, rate: Rate) -> Standing:
    return Standing.ahead_by(ahead // MICROSECOND, rate)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 60, 999, 1_000_000])
@pytest.mark.parametrize("period", [SECOND, HOUR, timedelta(days=1)])
def test_as_many_as_the_limit_says_fit_into_the_period_and_no_more(
    limit: int, period: timedelta
) -> None:
    rate = Rate(limit, period)

    assert limit * rate.interval <= period
    assert (limit + 1) * rate.interval > period
    assert [standing(n * rate.interval, rate).remaining for n in (0, 1, limit)] == [
        limit,
        limit - 1,
        0,
    ]


def test_who_has_some_left_is_told_when_all_are_back_and_who_has_none_when_one_is() -> None:
    rate = Rate(60, HOUR)

    assert standing(20 * MINUTE, rate) == Standing(40, 20 * MINUTE // MICROSECOND)
    assert standing(HOUR, rate) == Standing(0, MINUTE // MICROSECOND)
    assert standing(HOUR - 20 * SECOND, rate) == Standing(0, 40 * SECOND // MICROSECOND)
    assert standing(-HOUR, rate) == Standing(60, 0)


def test_no_more_are_left_than_the_limit_though_intervals_are_rounded_down() -> None:
    assert standing(timedelta(), Rate(300_000, SECOND)).remaining == 300_000


@pytest.mark.parametrize(("wait", "told"), [(0.001, 1), (1.0, 1), (1.2, 2), (59.999, 60)])
def test_a_wait_that_is_told_is_never_too_short(wait: float, told: int) -> None:
    assert Standing(0, int(wait * 1_000_000)).seconds == told
