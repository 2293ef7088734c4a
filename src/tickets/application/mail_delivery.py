"""Delivers the outbox by e-mail: one mail per ticket and quiet period, only if it is still news."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tickets.application.mail_plans import MailPlans
from tickets.domain.deliveries import (
    BUILD_RETRY,
    LEASE,
    MAX_BUILD_ATTEMPTS,
    Channel,
    Delivery,
    Outcome,
    shortened,
)
from tickets.domain.mail_news import (
    MAX_PER_ADDRESS,
    MAX_PER_TICKET,
    MAX_UNCONFIRMED,
    SCHEDULE,
    UNCONFIRMED_RETRY,
)
from tickets.domain.mails import (
    ContentRefused,
    Mail,
    MailUnavailable,
    RecipientRefused,
    TemporaryFailure,
    Unconfirmed,
    address_counter,
    ticket_counter,
)
from tickets.domain.ports import Clock, Deliveries, Mailbook, Mailer

logger = logging.getLogger("tickets")

SENDERS = 4
"""Recipients to whom one process sends at a time."""

MAX_SEND = timedelta(seconds=45)
"""How long one mail may take. Where less is left of a lease, the rest is given back."""

PAUSE = timedelta(minutes=1)
"""Until the next attempt after no mail could be sent at all."""

OnOutcome = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one recipient is to be mailed about."""

    deliveries: Sequence[Delivery]


class MailDelivery:
    """Claims deliveries of mail, decides what is still news, sends it, and stores the outcomes."""

    def __init__(
        self,
        deliveries: Deliveries,
        mailbook: Mailbook,
        mailer: Mailer,
        plans: MailPlans,
        clock: Clock,
        *,
        quiet_period: timedelta,
        on_outcome: OnOutcome,
    ) -> None:
        """Mail what happened a quiet period ago, by this clock."""
        self._deliveries = deliveries
        self._mailbook = mailbook
        self._mailer = mailer
        self._plans = plans
        self._clock = clock
        self._quiet_period = quiet_period
        self._on_outcome = on_outcome
        self._paused_until: datetime | None = None

    async def claim(self, _busy: Mapping[str, int], free: int) -> Sequence[Claimed]:
        """Claim the mail of as many recipients as senders are free; one while mail is paused."""
        at = self._clock.now()
        if self._paused_until is not None:
            if at < self._paused_until:
                return []
            free = 1
        claimed: list[Claimed] = []
        while len(claimed) < free:
            deliveries = await self._deliveries.claim_mail(
                at=at, until=at + LEASE, fresh_before=at - self._quiet_period
            )
            if not deliveries:
                break
            claimed.append(Claimed(deliveries))
        return claimed

    async def deliver(self, claimed: Claimed) -> None:
        """Decide what is news, send it, and store the outcome of each delivery."""
        at = self._clock.now()
        by_ticket: defaultdict[int, list[Delivery]] = defaultdict(list)
        for delivery in claimed.deliveries:
            by_ticket[delivery.ticket_id].append(delivery)
        plan = await self._plans.plan(by_ticket, at=at)
        for delivery in plan.expired:
            await self._close(delivery, Outcome.EXPIRED)
        for delivery in plan.skipped:
            await self._close(delivery, Outcome.SKIPPED)
        for mail in plan.mails:
            await self._send(mail)

    async def _send(self, mail: Mail) -> None:
        deliveries = mail.deliveries
        at = self._clock.now()
        if at + MAX_SEND > deliveries[0].lease or self._is_paused(at):
            await self._release(deliveries, "not attempted yet")
            return
        counters = _counters(mail)
        sent = await self._mailbook.sent(list(counters), day=at.date())
        over = max(sent.get(counter, 0) - limit for counter, limit in counters.items())
        if over > 0:
            await self._close_all(
                deliveries, Outcome.SKIPPED, "the limit of mails a day", "limited"
            )
            return
        if await self._hand_over(self._plans.last(mail) if over == 0 else mail):
            self._go_on()
            await self._close_all(deliveries, Outcome.SENT)
            await self._mailbook.count(list(counters), day=at.date())
            await self._mailbook.accepted(mail.to)

    async def _hand_over(self, mail: Mail) -> bool:
        """Hand a mail to the server; return False, and store the outcome, where that fails."""
        deliveries = mail.deliveries
        try:
            await self._mailer.send(mail)
        except RecipientRefused as error:
            await self._refused(mail, shortened(str(error)))
        except ContentRefused as error:
            await self._close_all(deliveries, Outcome.FAILED, str(error))
        except TemporaryFailure as error:
            await self._retry(deliveries, str(error))
        except Unconfirmed as error:
            await self._retry_unconfirmed(deliveries, str(error))
        except MailUnavailable as error:
            self._pause(str(error))
            await self._release(deliveries, str(error))
        except Exception as error:  # noqa: BLE001 - whatever a text can do wrong
            await self._not_built(deliveries, f"{type(error).__name__}: {error}")
        else:
            return True
        return False

    async def _refused(self, mail: Mail, error: str) -> None:
        self._go_on()
        for address in mail.to:
            if await self._mailbook.refused(address, error=error, at=self._clock.now()):
                logger.warning("an address gets no more mail, as it was refused: %s", error)
        await self._close_all(mail.deliveries, Outcome.FAILED, error, "refused")

    def _is_paused(self, at: datetime) -> bool:
        return self._paused_until is not None and at < self._paused_until

    def _pause(self, error: str) -> None:
        """Stop all mail for a moment; no delivery counts an attempt for it."""
        if self._paused_until is None:
            logger.error("no mail can be sent, and all mail waits: %s", shortened(error))
        self._paused_until = self._clock.now() + PAUSE
        self._on_outcome(Channel.MAIL, "paused")

    def _go_on(self) -> None:
        if self._paused_until is not None:
            logger.info("mail is sent again")
        self._paused_until = None

    async def _retry(self, deliveries: Sequence[Delivery], error: str) -> None:
        wait = SCHEDULE.wait_after(max(each.attempts for each in deliveries), chance=0.0)
        if wait is None:
            await self._close_all(deliveries, Outcome.FAILED, error)
        else:
            await self._retry_at(deliveries, self._clock.now() + wait, error)

    async def _retry_unconfirmed(self, deliveries: Sequence[Delivery], error: str) -> None:
        if max(each.unconfirmed for each in deliveries) + 1 >= MAX_UNCONFIRMED:
            await self._close_all(deliveries, Outcome.FAILED, error, "unconfirmed")
            return
        due_at = self._clock.now() + UNCONFIRMED_RETRY
        await self._retry_at(deliveries, due_at, error, unconfirmed=True)

    async def _not_built(self, deliveries: Sequence[Delivery], error: str) -> None:
        if max(each.attempts for each in deliveries) >= MAX_BUILD_ATTEMPTS:
            logger.error("deliveries %s are parked: %s", [each.id for each in deliveries], error)
            await self._close_all(deliveries, Outcome.PARKED, error)
        else:
            await self._retry_at(deliveries, self._clock.now() + BUILD_RETRY, error)

    async def _retry_at(
        self,
        deliveries: Sequence[Delivery],
        due_at: datetime,
        error: str,
        *,
        unconfirmed: bool = False,
    ) -> None:
        for delivery in deliveries:
            await self._deliveries.retry(
                delivery, due_at=due_at, error=shortened(error), unconfirmed=unconfirmed
            )
        self._on_outcome(Channel.MAIL, "unconfirmed" if unconfirmed else "retried")

    async def _release(self, deliveries: Sequence[Delivery], error: str) -> None:
        for delivery in deliveries:
            await self._deliveries.release(delivery, error=shortened(error))

    async def _close_all(
        self,
        deliveries: Sequence[Delivery],
        outcome: Outcome,
        error: str | None = None,
        counted_as: str | None = None,
    ) -> None:
        """Close all that a mail settles; it is counted once."""
        at = self._clock.now()
        error = None if error is None else shortened(error)
        for delivery in deliveries:
            await self._deliveries.close(delivery, outcome, at=at, error=error)
        self._on_outcome(Channel.MAIL, counted_as or outcome)

    async def _close(self, delivery: Delivery, outcome: Outcome) -> None:
        if await self._deliveries.close(delivery, outcome, at=self._clock.now()):
            self._on_outcome(Channel.MAIL, outcome)


def _counters(mail: Mail) -> Mapping[str, int]:
    """Return under what a mail is counted, with the limits of a day."""
    counters = {address_counter(address): MAX_PER_ADDRESS for address in mail.to}
    if mail.ticket is not None:
        side = "customer" if mail.is_to_customer else "admins"
        counters[ticket_counter(side, mail.ticket.id)] = MAX_PER_TICKET
    return counters
