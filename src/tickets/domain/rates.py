"""How often somebody may do something: so many in a period, in a burst if need be, coming back evenly."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit: `limit` uses in `period`, at least one."""

    limit: int
    period: timedelta
    interval: timedelta = field(init=False, compare=False, repr=False)
    """How long one use takes to come back; rounded down, so that `limit` of them fit into the period."""

    microseconds: int = field(init=False, compare=False, repr=False)
    """The period once more."""

    microseconds_per_use: int = field(init=False, compare=False, repr=False)
    """The interval once more."""

    def __post_init__(self) -> None:
        """Divide once, and not at each use."""
        interval = self.period // max(self.limit, 1)
        object.__setattr__(self, "interval", interval)
        object.__setattr__(self, "microseconds", self.period // MICROSECOND)
        object.__setattr__(self, "microseconds_per_use", interval // MICROSECOND)


@dataclass(frozen=True, slots=True)
class Use:
    """Something that counts: what is done, by whom, and how often that is possible."""

    policy: str
    """The name of the limit, such as `replies`."""

    who: str
    """A user's id, or an address."""

    rate: Rate
    subject: str = field(init=False, compare=False, repr=False)
    """What it is counted under."""

    def __post_init__(self) -> None:
        """Put it together once, as it is asked for several times."""
        object.__setattr__(self, "subject", f"{self.policy}:{self.who}")


# Worked out for each use: so it is not frozen, which would take twice as long to make, and counts in whole numbers.
@dataclass(slots=True)
class Standing:
    """Where somebody stands in a limit: how many uses are left, and what to wait for."""

    remaining: int
    """Uses that are possible at once."""

    wait: int
    """Microseconds until one more is possible where none is left, and until all are where some are."""

    @classmethod
    def ahead_by(cls, ahead: int, rate: Rate) -> Standing:
        """Return where somebody stands whose uses will all have come back in so many microseconds."""
        ahead = max(ahead, 0)
        remaining = (rate.microseconds - ahead) // rate.microseconds_per_use
        if remaining > 0:
            return cls(min(remaining, rate.limit), ahead)
        return cls(0, ahead + rate.microseconds_per_use - rate.microseconds)

    @property
    def seconds(self) -> int:
        """The wait in whole seconds, after which it is really over."""
        return max(-(-self.wait // 1_000_000), 0 if self.remaining else 1)
