"""Use case: reports for admins, as of now."""

from __future__ import annotations

from tickets.domain.errors import NotAllowed
from tickets.domain.people import Actor, Side
from tickets.domain.ports import Clock, Reports
from tickets.domain.reports import Period, Report


class Reporting:
    """Reads reports for admins."""

    def __init__(self, reports: Reports, clock: Clock) -> None:
        """Read from `reports`; the clock tells which days are over."""
        self._reports = reports
        self._clock = clock

    async def report(self, first: str, last: str, *, by: Actor) -> Report:
        """Return the report from one day to another, both included.

        Raises `NotAllowed` for a user, and `InvalidInput` where these are no days of a report.
        """
        if by.side is not Side.ADMIN:
            raise NotAllowed
        return await self._reports.report(Period.between(first, last), at=self._clock.now())
