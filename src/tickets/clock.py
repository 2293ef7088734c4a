"""The system clock: the only module that reads wall-clock time."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The port `Clock`, implemented with the time of this machine."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the clock
