"""Ports of e-mail: what mails are about at the moment of sending, and who sends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from tickets.domain.mail_news import MailedTicket
from tickets.domain.mails import Mail


class Mailbook(Protocol):
    """Who may be mailed about what: present state of tickets, counts, refusals, preferences."""

    async def tickets(
        self, ticket_ids: Sequence[int], message_ids: Sequence[int]
    ) -> Mapping[int, MailedTicket]:
        """Return these tickets with these messages and the first ones, as they are now."""

    async def key(self) -> str:
        """Return the key of signed links, which never changes."""

    async def sent(self, counters: Sequence[str], *, day: date) -> Mapping[str, int]:
        """Return how many mails were counted on this day, 0 left out."""

    async def count(self, counters: Sequence[str], *, day: date) -> None:
        """Count a mail under each of these."""

    async def suspended(self, addresses: Sequence[str]) -> Sequence[str]:
        """Return which of these addresses, in lower case, are suspended."""

    async def refused(self, address: str, *, error: str, at: datetime) -> bool:
        """Record that a server refused an address; return whether that suspended it."""

    async def accepted(self, addresses: Sequence[str]) -> None:
        """Forget refusals of addresses that are not suspended."""

    async def release(self, address: str) -> bool:
        """Release a suspended address; return False where it is not suspended."""

    async def is_subscribed(self, user_id: int) -> bool:
        """Return whether this customer gets mails."""

    async def subscribe(self, user_id: int, *, at: datetime, wanted: bool) -> None:
        """Set whether this customer gets mails; the same twice changes nothing."""


class Mailer(Protocol):
    """Renders and sends mails."""

    async def send(self, mail: Mail) -> None:
        """Hand a mail to the mail server. Raises a `MailFailed`.

        Where some of several recipients are refused, the others get it.
        """
