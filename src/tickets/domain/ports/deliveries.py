"""Ports of the outbox and of the webhooks that it is delivered to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from tickets.domain.deliveries import Channel, ChannelFigures, Delivery, Outcome
from tickets.domain.webhooks import Answer, Webhook


class Deliveries(Protocol):
    """The outbox: deliveries are claimed under a lease, and closed under the same lease.

    Any number of processes may claim at once; a delivery belongs to one of them at a time. Only the
    oldest open delivery of a target and ticket can be claimed, so the attempts of a ticket's
    deliveries are in its order. A process that was stopped past its lease changes nothing.
    """

    async def claim(
        self,
        channel: Channel,
        *,
        at: datetime,
        until: datetime,
        busy: Mapping[str, int],
        share: int,
        limit: int,
    ) -> Sequence[Delivery]:
        """Claim up to `limit` deliveries that are due at `at`, the longest due first.

        A target gets at most `share`, less what `busy` says that this process is sending to it.
        The leases end at `until`. Nothing of a stopped channel is claimed.
        """

    async def claim_mail(
        self, *, at: datetime, until: datetime, fresh_before: datetime
    ) -> Sequence[Delivery]:
        """Claim what one recipient is to be mailed about, empty where nothing is due.

        A delivery is due once its event is from `fresh_before` or earlier, and when it is retried
        at its time. With it come all messages of its ticket, due or not, so that they share a mail,
        and what else is due for the recipient. At most `MAX_CLAIMED_MAILS` tickets.
        """

    async def close(
        self, delivery: Delivery, outcome: Outcome, *, at: datetime, error: str | None = None
    ) -> bool:
        """Store the outcome; return False, and store nothing, where the lease has been lost."""

    async def retry(
        self, delivery: Delivery, *, due_at: datetime, error: str, unconfirmed: bool = False
    ) -> bool:
        """Give the delivery back until `due_at`; return False where the lease has been lost.

        `unconfirmed` counts an attempt whose result is not known.
        """

    async def release(self, delivery: Delivery, *, error: str) -> bool:
        """Give the delivery back as if it had not been claimed, but for the error."""

    async def hold_stopped(self, *, at: datetime) -> int:
        """Close as held what waits for stopped channels; return how many."""

    async def delete_closed(self, before: datetime, *, limit: int) -> int:
        """Delete up to `limit` deliveries that were closed before a moment; return how many."""

    async def figures(self, *, at: datetime) -> Sequence[ChannelFigures]:
        """Return the figures of each channel that was ever switched on."""


class Webhooks(Protocol):
    """The endpoints that deliveries are posted to, by their URL."""

    async def by_url(self, url: str, *, at: datetime) -> Webhook | None:
        """Return the webhook with the secrets that sign at this moment; None where unknown."""

    async def succeeded(self, url: str) -> None:
        """Record that a delivery was accepted."""

    async def failed(self, url: str, *, at: datetime) -> datetime:
        """Record a failure; return since when all attempts have failed."""

    async def stop(self, url: str, *, because: str, at: datetime) -> bool:
        """Stop a webhook; return False where it is stopped already, or unknown."""


class Poster(Protocol):
    """Posts requests to endpoints on public networks, each within a bounded time."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer, whatever its status; raise `PostFailed` where there is none."""
