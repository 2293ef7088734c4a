"""The outbox pattern: retries with exponential backoff, leases, parking and pruning (DELIVERY).

A delivery is a row that the statement of a change has put into the outbox. A process claims it for
the time of a lease, sends it while no transaction is open, and writes the outcome under that lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tickets.domain.people import Side

LEASE = timedelta(minutes=2)
"""How long a claimed delivery belongs to its process: longer than the longest send."""

KEPT_FOR = timedelta(days=30)
"""How long a delivery is kept after it was closed, whatever its outcome."""

STUCK_AFTER = timedelta(hours=1)
"""Deliveries that have been due for longer are shown by `tickets verify`."""

MAX_BUILD_ATTEMPTS = 3
"""Attempts to build what is sent, after which a delivery is parked, so that the next one goes."""

BUILD_RETRY = timedelta(minutes=1)
"""Until a delivery that could not be built is tried again."""

MAX_ERROR_LENGTH = 1024
"""Characters of an error or of a response that are kept with a delivery."""


class Channel(StrEnum):
    """How a delivery is sent."""

    MAIL = "mail"
    WEBHOOK = "webhook"


class Outcome(StrEnum):
    """How a delivery ended.

    `SKIPPED` means that there was nothing to tell any more, such as an answer that was read in
    time; `EXPIRED` that it was too old to be news; `FAILED` that all attempts failed; `HELD` that
    its channel was off; `PARKED` that it could not be built.
    """

    SENT = "sent"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    FAILED = "failed"
    HELD = "held"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A claimed row of the outbox, with the event that it tells of.

    `attempts` counts this one as well. `lease` is the moment at which the claim ends; the outcome
    is stored only while the row has this lease. `body` is the JSON that the change fixed. `by` is
    None for the system, `admin_id` None for users and the shared token.
    """

    id: int
    channel: Channel
    target: str
    event: str
    event_id: int
    ticket_id: int
    body: str
    attempts: int
    unconfirmed: int
    lease: datetime
    at: datetime
    by: Side | None
    admin_id: int | None
    after: str | None
    message_id: int | None


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """The waits between the attempts of a delivery; after the last one it is given up."""

    waits: Sequence[timedelta]
    jitter: float = 0.0
    """The largest random addition, as a share of the wait."""

    def wait_after(self, attempts: int, *, chance: float) -> timedelta | None:
        """Return the wait after so many attempts, None to give up; `chance` is from 0 to 1."""
        if attempts > len(self.waits):
            return None
        return self.with_jitter(self.waits[attempts - 1], chance=chance)

    def with_jitter(self, wait: timedelta, *, chance: float) -> timedelta:
        """Return the wait with a random addition, so that many do not come back together."""
        return wait * (1 + self.jitter * chance)


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """The outbox of one channel: deliveries that wait, and for how long; those that are parked."""

    channel: str
    waiting: int
    oldest_seconds: float
    parked: int


def shortened(error: str) -> str:
    """Return an error or a response as it is kept: without controls, bounded."""
    text = "".join(c if c.isprintable() else " " for c in error[: 2 * MAX_ERROR_LENGTH])
    return " ".join(text.split())[:MAX_ERROR_LENGTH]
