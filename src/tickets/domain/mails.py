"""Mails: who gets which, under which ids, and what can become of them."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from tickets.domain.deliveries import Delivery
from tickets.domain.mail_news import MailedTicket, News

SIGNATURE_BYTES = 16
"""Of an HMAC-SHA-256 that a link carries: enough that nobody guesses one."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to a customer, or to admins.

    `id` is the same at each attempt. `unsubscribe` is the signed end of the address that ends
    mails to a customer, None for admins. `is_last` says that a limit is reached.
    """

    id: str
    to: Sequence[str]
    is_to_customer: bool
    news: Sequence[News]
    unsubscribe: str | None = None
    is_last: bool = False

    @property
    def ticket(self) -> MailedTicket | None:
        """The ticket that the mail is about, None where it lists several."""
        return self.news[0].ticket if len(self.news) == 1 else None

    @property
    def deliveries(self) -> Sequence[Delivery]:
        """The deliveries that it settles."""
        return [delivery for each in self.news for delivery in each.deliveries]


class MailFailed(Exception):
    """A mail was not accepted; the message says why."""


class RecipientRefused(MailFailed):
    """The server refuses an address for good, such as by 550 5.1.1."""


class ContentRefused(MailFailed):
    """The server refuses this mail for good, whoever gets it."""


class TemporaryFailure(MailFailed):
    """The server asks to try again later, such as by greylisting."""


class MailUnavailable(MailFailed):
    """No mail can be sent at all: the server is away, or refuses sign-in or sender."""


class Unconfirmed(MailFailed):
    """The connection broke after the text was sent, so it may have been accepted."""


def ticket_counter(target: str, ticket_id: int) -> str:
    """Return the subject under which mails of a ticket to one side are counted."""
    return f"{target}:{ticket_id}"


def address_counter(address: str) -> str:
    """Return the subject under which mails to an address are counted, without the address."""
    return sha256(address.lower().encode()).hexdigest()


def signed_user(user_id: int, key: str) -> str:
    """Return the end of the address at which this user ends mails: it can do nothing else."""
    digest = hmac.digest(key.encode(), f"unsubscribe:{user_id}".encode(), "sha256")
    signature = base64.urlsafe_b64encode(digest[:SIGNATURE_BYTES]).decode().rstrip("=")
    return f"{user_id}.{signature}"


def user_of(signed: str, key: str) -> int | None:
    """Return whose address this is the end of; None where the signature is wrong."""
    number, _, _signature = signed.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) <= 10):  # noqa: PLR2004 - an id
        return None
    user_id = int(number)
    expected = signed_user(user_id, key)
    return user_id if hmac.compare_digest(expected.encode(), signed.encode()) else None
