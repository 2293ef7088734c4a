"""How often somebody may do something: so many in a period, in a burst if need be, coming back evenly."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit: `limit` uses in `period`, at least one."""

    limit: int
    period: timedelta
    interval: timedelta = field(init=False, compare=False, repr=False)
    """How long one use takes to come back; rounded down, so that `limit` of them fit into the period."""

    def __post_init__(self) -> None:
        """Divide once, and not at each use."""
        object.__setattr__(self, "interval", self.period // max(self.limit, 1))


@dataclass(frozen=True, slots=True)
class Use:
    """Something that counts: what is done, by whom, and how often that is possible."""

    policy: str
    """The name of the limit, such as `replies`."""

    who: str
    """A user's id, or an address."""

    rate: Rate

    @property
    def subject(self) -> str:
        """What it is counted under."""
        return f"{self.policy}:{self.who}"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands in a limit: how many uses are left, and what to wait for."""

    remaining: int
    """Uses that are possible at once."""

    wait: timedelta
    """Until one more is possible where none is left, and until all are where some are."""

    @classmethod
    def ahead_by(cls, ahead: timedelta, rate: Rate) -> Standing:
        """Return where somebody stands whose uses will all have come back in `ahead`."""
        ahead = max(ahead, timedelta())
        remaining = max(rate.period - ahead, timedelta()) // rate.interval
        wait = ahead if remaining else ahead + rate.interval - rate.period
        return cls(min(remaining, rate.limit), wait)

    @property
    def seconds(self) -> int:
        """The wait in whole seconds, after which it is really over."""
        return max(ceil(self.wait.total_seconds()), 0 if self.remaining else 1)
