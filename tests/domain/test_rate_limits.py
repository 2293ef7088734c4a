"""Rate limits (GCRA) as arithmetic: how many hits remain, and how long to wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tickets.domain.rate_limits import MICROSECOND, Allowance, RateLimit

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def allowance(arrival_in: timedelta, rate_limit: RateLimit) -> Allowance:
    return Allowance.at(arrival_in // MICROSECOND, rate_limit)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 60, 999, 1_000_000])
@pytest.mark.parametrize("period", [SECOND, HOUR, timedelta(days=1)])
def test_exactly_the_limit_fits_into_one_period(limit: int, period: timedelta) -> None:
    rate_limit = RateLimit(limit, period)

    assert limit * rate_limit.interval <= period
    assert (limit + 1) * rate_limit.interval > period
    assert [allowance(n * rate_limit.interval, rate_limit).remaining for n in (0, 1, limit)] == [
        limit,
        limit - 1,
        0,
    ]


def test_the_wait_is_until_the_next_hit_or_with_hits_left_until_all_are_back() -> None:
    rate_limit = RateLimit(60, HOUR)

    assert allowance(20 * MINUTE, rate_limit) == Allowance(40, 20 * MINUTE // MICROSECOND)
    assert allowance(HOUR, rate_limit) == Allowance(0, MINUTE // MICROSECOND)
    assert allowance(HOUR - 20 * SECOND, rate_limit) == Allowance(0, 40 * SECOND // MICROSECOND)
    assert allowance(-HOUR, rate_limit) == Allowance(60, 0)


def test_the_remaining_hits_never_exceed_the_limit_though_intervals_are_rounded_down() -> None:
    assert allowance(timedelta(), RateLimit(300_000, SECOND)).remaining == 300_000


@pytest.mark.parametrize(("wait", "retry_after"), [(0.001, 1), (1.0, 1), (1.2, 2), (59.999, 60)])
def test_retry_after_is_rounded_up_to_whole_seconds(wait: float, retry_after: int) -> None:
    assert Allowance(0, int(wait * 1_000_000)).retry_after == retry_after
