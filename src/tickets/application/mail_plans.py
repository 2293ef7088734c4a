"""Plans mails: what of the deliveries is news, to which addresses, in how many mails."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tickets.domain.deliveries import Delivery
from tickets.domain.mail_news import (
    EXPIRED_AFTER,
    SHORT,
    MailedTicket,
    News,
    admin_news,
    customer_news,
    is_usable,
)
from tickets.domain.mails import Mail, signed_user
from tickets.domain.ports import Mailbook

logger = logging.getLogger("tickets")

CUSTOMER = "customer"
"""The target of mail whose deliveries are told to customers; the other one is for admins."""


@dataclass(slots=True)
class MailPlan:
    """The mails to send, and the deliveries that cause none: too old, or nothing to tell."""

    mails: list[Mail] = field(default_factory=list)
    expired: list[Delivery] = field(default_factory=list)
    skipped: list[Delivery] = field(default_factory=list)


class MailPlans:
    """Makes plans, from the state of tickets and people at this moment."""

    def __init__(
        self, mailbook: Mailbook, *, domain: str, sender: str, team: Sequence[str]
    ) -> None:
        """Make ids under `domain`; customers are never mailed at `sender` or at the team's."""
        self._mailbook = mailbook
        self._domain = domain
        self._team = team
        self._own = {sender.lower(), *(address.lower() for address in team)}
        self._is_logged = False

    async def plan(self, deliveries: Mapping[int, Sequence[Delivery]], *, at: datetime) -> MailPlan:
        """Plan the mails of one claim: deliveries of one target by ticket."""
        plan = MailPlan()
        message_ids = [
            each.message_id
            for rows in deliveries.values()
            for each in rows
            if each.message_id is not None
        ]
        tickets = await self._mailbook.tickets(list(deliveries), message_ids)
        by_address: defaultdict[tuple[str, ...], list[News]] = defaultdict(list)
        is_to_customer = False
        for ticket_id, rows in deliveries.items():
            old = [each for each in rows if at - each.at > EXPIRED_AFTER]
            fresh = [each for each in rows if each not in old]
            plan.expired += old
            is_to_customer = rows[0].target == CUSTOMER
            news = self._news(tickets.get(ticket_id), fresh, is_to_customer=is_to_customer)
            to = await self._addresses(news, is_to_customer=is_to_customer)
            if news is None or not to:
                plan.skipped += fresh
            else:
                by_address[to].append(news)
        for to, news_to_them in by_address.items():
            plan.mails += await self._mails(to, news_to_them, is_to_customer=is_to_customer)
        return plan

    def last(self, mail: Mail) -> Mail:
        """Return the mail that says that a limit is reached."""
        return replace(mail, is_last=True)

    def _news(
        self, ticket: MailedTicket | None, fresh: Sequence[Delivery], *, is_to_customer: bool
    ) -> News | None:
        if ticket is None or not fresh:
            return None
        return customer_news(ticket, fresh) if is_to_customer else admin_news(ticket, fresh)

    async def _addresses(self, news: News | None, *, is_to_customer: bool) -> tuple[str, ...]:
        """Return who is to get the news: those of its addresses that take mail."""
        if news is None:
            return ()
        ticket = news.ticket
        if not is_to_customer:
            wanted = [ticket.assignee_email] if ticket.assignee_email else list(self._team)
        elif ticket.is_unsubscribed or ticket.user_email is None:
            return ()
        elif ticket.user_email.lower() in self._own:
            self._log_own_address()
            return ()
        else:
            wanted = [ticket.user_email]
        usable = [address for address in wanted if is_usable(address)]
        suspended = await self._mailbook.suspended(usable) if usable else ()
        return tuple(address for address in usable if address.lower() not in suspended)

    async def _mails(
        self, to: tuple[str, ...], news: Sequence[News], *, is_to_customer: bool
    ) -> Sequence[Mail]:
        """Return one mail for each ticket, but one for all that need no text of their own."""
        short = [each for each in news if SHORT.issuperset(each.kinds)]
        groups = [[each] for each in news if each not in short or len(short) == 1]
        if len(short) > 1:
            groups.append(short)
        unsubscribe = None
        if is_to_customer:
            unsubscribe = signed_user(news[0].ticket.user_id, await self._mailbook.key())
        return [
            Mail(
                id=self._message_id(group[0].deliveries[0]),
                to=to,
                is_to_customer=is_to_customer,
                news=group,
                unsubscribe=unsubscribe,
            )
            for group in groups
        ]

    def _message_id(self, first: Delivery) -> str:
        moment = int(first.at.timestamp() * 1_000_000)
        return f"<delivery.{first.id}.{moment:x}@{self._domain}>"

    def _log_own_address(self) -> None:
        if not self._is_logged:
            logger.warning(
                "a customer has the address of TICKETS_MAIL_FROM or one of TICKETS_MAIL_ADMINS, "
                "and gets no mail as a customer"
            )
            self._is_logged = True
