"""Rate limits by the generic cell rate algorithm (GCRA): bursts up to a limit, refilled evenly.

A subject has one timestamp, the theoretical arrival time (TAT): when it will have its full
allowance again. Each hit moves it by one interval; a hit that would move it further ahead than one
period is over the limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `limit` hits in `period`; a limit of at least one."""

    limit: int
    period: timedelta
    interval: timedelta = field(init=False, compare=False, repr=False)
    """Time that refills one hit, rounded down so that `limit` hits fit into the period."""

    period_microseconds: int = field(init=False, compare=False, repr=False)
    interval_microseconds: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Compute the derived values once, and not at each hit."""
        interval = self.period // max(self.limit, 1)
        object.__setattr__(self, "interval", interval)
        object.__setattr__(self, "period_microseconds", self.period // MICROSECOND)
        object.__setattr__(self, "interval_microseconds", interval // MICROSECOND)


@dataclass(frozen=True, slots=True)
class Hit:
    """One action that counts against a rate limit: what is done, by whom, under which limit."""

    policy: str
    """The name of the limit, such as `replies`."""

    who: str
    """A user's id, or an address."""

    rate_limit: RateLimit
    subject: str = field(init=False, compare=False, repr=False)
    """What the hit is counted under: policy and who."""

    def __post_init__(self) -> None:
        """Build the subject once, as it is read several times."""
        object.__setattr__(self, "subject", f"{self.policy}:{self.who}")


# Not frozen, since a frozen dataclass takes twice as long to make, and each limited request makes
# one.
@dataclass(slots=True)
class Allowance:
    """What a rate limit still allows somebody."""

    remaining: int
    """Hits that are possible at once."""

    wait: int
    """Microseconds until one more hit is possible; where some remain, until all are."""

    @classmethod
    def at(cls, arrival_in: int, rate_limit: RateLimit) -> Allowance:
        """Return the allowance of a subject whose arrival time is in so many microseconds."""
        arrival_in = max(arrival_in, 0)
        interval = rate_limit.interval_microseconds
        remaining = (rate_limit.period_microseconds - arrival_in) // interval
        if remaining > 0:
            return cls(min(remaining, rate_limit.limit), arrival_in)
        return cls(0, arrival_in + interval - rate_limit.period_microseconds)

    @property
    def retry_after(self) -> int:
        """The wait in whole seconds, rounded up; at least 1 where no hit remains."""
        return max(-(-self.wait // 1_000_000), 0 if self.remaining else 1)
