"""How often users may do what costs others something; the admin team is not limited."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from tickets.domain.ports import Rates
from tickets.domain.rates import Rate, Standing, Use
from tickets.domain.ticket import Actor

REMEMBERED = 10_000
"""Uses that are kept ready."""

Policy = Literal["creates", "replies"]


class UserLimits:
    """The limits that every user has, each with a name that callers are told."""

    def __init__(
        self,
        rates: Rates | None = None,
        *,
        creates: Rate | None = None,
        replies: Rate | None = None,
    ) -> None:
        """Count with these rates; None is no limit."""
        self._rates = rates
        self._limits = {"creates": creates, "replies": replies}
        self._use = lru_cache(REMEMBERED)(self._use_of)

    def use(self, policy: Policy, *, by: Actor) -> Use | None:
        """Return what is to be counted, None where nothing is.

        Raises `TooManyRequests` where it is known already that it would be refused.
        """
        use = self._use(policy, by.user_id)
        if use is not None and self._rates is not None:
            self._rates.check(use)
        return use

    def standing(self, policy: Policy, *, by: Actor) -> tuple[Use, Standing] | None:
        """Return where somebody stands in a limit; None where there is none, or nothing is known."""
        use = self._use(policy, by.user_id)
        if use is None or self._rates is None:
            return None
        standing = self._rates.standing(use)
        return None if standing is None else (use, standing)

    def _use_of(self, policy: Policy, user_id: int | None) -> Use | None:
        rate = self._limits[policy]
        if self._rates is None or rate is None or user_id is None:
            return None
        return Use(policy, str(user_id), rate)
