"""The system's clock: the one place that asks for the time."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The port `Clock` on the time of this machine."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the clock
