"""Limits as arithmetic: what is left, and how long it takes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tickets.domain.rate_limits import MICROSECOND, Allowance, RateLimit

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def allowance(ahead: timedelta, rate_limit: RateLimit) -> Allowance:
    return Allowance.at(ahead // MICROSECOND, rate_limit)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 60, 999, 1_000_000])
@pytest.mark.parametrize("period", [SECOND, HOUR, timedelta(days=1)])
def test_as_many_as_the_limit_says_fit_into_the_period_and_no_more(
    limit: int, period: timedelta
) -> None:
    rate_limit = RateLimit(limit, period)

    assert limit * rate_limit.interval <= period
    assert (limit + 1) * rate_limit.interval > period
    assert [allowance(n * rate_limit.interval, rate_limit).remaining for n in (0, 1, limit)] == [
        limit,
        limit - 1,
        0,
    ]


def test_who_has_some_left_is_told_when_all_are_back_and_who_has_none_when_one_is() -> None:
    rate_limit = RateLimit(60, HOUR)

    assert allowance(20 * MINUTE, rate_limit) == Allowance(40, 20 * MINUTE // MICROSECOND)
    assert allowance(HOUR, rate_limit) == Allowance(0, MINUTE // MICROSECOND)
    assert allowance(HOUR - 20 * SECOND, rate_limit) == Allowance(0, 40 * SECOND // MICROSECOND)
    assert allowance(-HOUR, rate_limit) == Allowance(60, 0)


def test_no_more_are_left_than_the_limit_though_intervals_are_rounded_down() -> None:
    assert allowance(timedelta(), RateLimit(300_000, SECOND)).remaining == 300_000


@pytest.mark.parametrize(("wait", "told"), [(0.001, 1), (1.0, 1), (1.2, 2), (59.999, 60)])
def test_a_wait_that_is_told_is_never_too_short(wait: float, told: int) -> None:
    assert Allowance(0, int(wait * 1_000_000)).retry_after == told
