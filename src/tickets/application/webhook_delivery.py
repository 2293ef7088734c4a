"""Delivers the outbox to webhooks: at least once, in the order of each ticket."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from tickets.domain.deliveries import (
    BUILD_RETRY,
    LEASE,
    MAX_BUILD_ATTEMPTS,
    Channel,
    Delivery,
    Outcome,
    shortened,
)
from tickets.domain.ports import Clock, Deliveries, Poster, Webhooks
from tickets.domain.webhooks import (
    STOPPED_AFTER,
    Answer,
    PostFailed,
    SignedMessage,
    Webhook,
    message_of,
    wait_after,
)

logger = logging.getLogger("tickets")

SENDERS = 16
"""Requests to webhooks of one process at a time."""

SHARE = 4
"""Requests to one webhook of one process at a time, so that one that hangs delays no other."""

GONE = "the endpoint answered 410 Gone"

OnOutcome = Callable[[str, str], None]
"""Is called with the channel and the outcome of an attempt: an `Outcome`, or `retried`."""


class WebhookDelivery:
    """Claims deliveries to webhooks, posts them, and decides what their answers mean."""

    def __init__(
        self,
        deliveries: Deliveries,
        webhooks: Webhooks,
        poster: Poster,
        clock: Clock,
        *,
        chance: Callable[[], float],
        on_outcome: OnOutcome,
    ) -> None:
        """Deliver by this clock; `chance` returns random numbers from 0 to 1."""
        self._deliveries = deliveries
        self._webhooks = webhooks
        self._poster = poster
        self._clock = clock
        self._chance = chance
        self._on_outcome = on_outcome

    async def claim(self, busy: Mapping[str, int], free: int) -> Sequence[Delivery]:
        """Claim what is due for this many free senders."""
        at = self._clock.now()
        return await self._deliveries.claim(
            Channel.WEBHOOK, at=at, until=at + LEASE, busy=busy, share=SHARE, limit=free
        )

    async def deliver(self, delivery: Delivery) -> None:
        """Post a claimed delivery and store its outcome, under the lease."""
        webhook = await self._webhooks.by_url(delivery.target, at=self._clock.now())
        if webhook is None or webhook.stopped_because is not None:
            await self._close(delivery, Outcome.HELD)
            return
        try:
            message = message_of(delivery)
            message.headers(webhook.secrets, self._clock.now())
        except Exception as error:  # noqa: BLE001 - whatever a body can do wrong
            await self._not_built(delivery, f"{type(error).__name__}: {error}")
            return
        await self._post(delivery, webhook, message)

    async def _post(self, delivery: Delivery, webhook: Webhook, message: SignedMessage) -> None:
        answer: Answer | None = None
        try:
            headers = message.headers(webhook.secrets, self._clock.now())
            answer = await self._poster.post(webhook.url, headers, message.body)
        except PostFailed as failure:
            error = str(failure)
        else:
            error = str(answer)
        if answer is not None and answer.is_success:
            await self._close(delivery, Outcome.SENT)
            await self._webhooks.succeeded(webhook.url)
            return
        at = self._clock.now()
        if answer is not None and answer.is_gone:
            await self._close(delivery, Outcome.FAILED, error)
            await self._stop(webhook, GONE)
            return
        wait = wait_after(answer, delivery.attempts, chance=self._chance())
        if wait is None:
            await self._close(delivery, Outcome.FAILED, error)
        else:
            await self._deliveries.retry(delivery, due_at=at + wait, error=shortened(error))
            self._on_outcome(Channel.WEBHOOK, "retried")
        failing_since = await self._webhooks.failed(webhook.url, at=at)
        if at - failing_since >= STOPPED_AFTER:
            await self._stop(webhook, f"all attempts have failed since {failing_since:%Y-%m-%d}")

    async def _not_built(self, delivery: Delivery, error: str) -> None:
        if delivery.attempts >= MAX_BUILD_ATTEMPTS:
            logger.error("delivery %d is parked, as it cannot be built: %s", delivery.id, error)
            await self._close(delivery, Outcome.PARKED, error)
            return
        due_at = self._clock.now() + BUILD_RETRY
        await self._deliveries.retry(delivery, due_at=due_at, error=shortened(error))
        self._on_outcome(Channel.WEBHOOK, "retried")

    async def _close(self, delivery: Delivery, outcome: Outcome, error: str | None = None) -> None:
        at = self._clock.now()
        error = None if error is None else shortened(error)
        if await self._deliveries.close(delivery, outcome, at=at, error=error):
            self._on_outcome(Channel.WEBHOOK, outcome)

    async def _stop(self, webhook: Webhook, because: str) -> None:
        if await self._webhooks.stop(webhook.url, because=because, at=self._clock.now()):
            # the id, as the path of a URL may be a credential
            logger.warning(
                "webhook %d is disabled: %s; `tickets webhook enable %d` goes on",
                *(webhook.id, because, webhook.id),
            )
