"""What is news to whom: the decisions of e-mail at the moment at which a mail is sent.

A delivery says what happened; whether it is still news is asked again when its mail is due. An
answer that was read, a resolution that was undone and a ticket that was reassigned cause no mail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from tickets.domain.deliveries import Delivery, RetrySchedule
from tickets.domain.people import Side
from tickets.domain.status import Status

MAX_CLAIMED_MAILS = 100
"""Tickets that one claim of a recipient's mail holds at most."""

EXPIRED_AFTER = timedelta(days=2)
"""News that is older is not sent any more, as after a mail server was away."""

MAX_PER_TICKET = 10
"""Mails about one ticket to one side in a day; one more says that there will be no more."""

MAX_PER_ADDRESS = 50
"""Mails to one address in a day; one more says that there will be no more."""

SUSPENDED_AFTER = 2
"""Refusals by a mail server after which an address gets no more mail."""

SCHEDULE = RetrySchedule(
    (
        *(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60)),
        *(timedelta(hours=1) for _ in range(24)),
    )
)
"""Waits after temporary refusals, such as greylisting."""

MAX_UNCONFIRMED = 3
"""Attempts of one mail whose result is not known: it may have been accepted each time."""

UNCONFIRMED_RETRY = timedelta(minutes=5)
"""Until a mail whose result is not known is sent again, under the same Message-ID."""

CHANNELS = {
    "customer": ("ticket.created", "message.created", "ticket.status_changed"),
    "admins": ("ticket.created", "message.created", "ticket.assigned"),
}
"""The targets of the channel `mail`, and the events that each is told of."""

# An address that every mail server takes. Quoted and internationalised ones are skipped.
_ADDRESS = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)"
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)


class Kind(StrEnum):
    """What a mail tells of a ticket."""

    ANSWERED = "answered"
    RESOLVED = "resolved"
    CLOSED = "closed"
    OPENED = "opened"
    REPLIED = "replied"
    ASSIGNED = "assigned"


SHORT = frozenset({Kind.RESOLVED, Kind.CLOSED, Kind.ASSIGNED})
"""Kinds of news that are listed in one mail where they concern several tickets."""


@dataclass(frozen=True, slots=True)
class MailedMessage:
    """A message of a thread, as far as mails need it."""

    ordinal: int
    by: Side
    text: str


@dataclass(frozen=True, slots=True)
class MailedTicket:
    """A ticket at the moment at which its mail is sent, with the messages of the deliveries, by id.

    `status_event_id` and `assignee_event_id` are the newest events of these kinds: what was changed
    once more since is not told of.
    """

    id: int
    subject: str
    status: str
    created_at: datetime
    user_id: int
    user_email: str | None
    is_unsubscribed: bool
    user_unread: bool
    user_seen: int
    admin_unread: bool
    admin_seen: int
    assignee_id: int | None
    assignee_email: str | None
    status_event_id: int | None
    assignee_event_id: int | None
    messages: Mapping[int, MailedMessage]


@dataclass(frozen=True, slots=True)
class News:
    """What a mail tells of one ticket: kinds in their order, and the texts of new messages.

    `deliveries` are those that it settles.
    """

    ticket: MailedTicket
    kinds: Sequence[Kind]
    texts: Sequence[str]
    deliveries: Sequence[Delivery] = field(repr=False)


def is_usable(address: str | None) -> bool:
    """Return whether a mail can be sent to this address."""
    return address is not None and _ADDRESS.fullmatch(address) is not None


def customer_news(ticket: MailedTicket, deliveries: Sequence[Delivery]) -> News | None:
    """Return what is news to the customer: unread answers, and the end of the ticket.

    A message that was read and marked as unread again is behind the mark, and no news.
    """
    kinds: dict[Kind, None] = {}
    texts = []
    for delivery in deliveries:
        if delivery.by is Side.USER:
            continue
        message = _message(ticket, delivery)
        if message is not None:
            if ticket.user_unread and message.ordinal > ticket.user_seen:
                kinds[Kind.ANSWERED] = None
                texts.append(message.text)
        elif delivery.event_id == ticket.status_event_id and delivery.after == ticket.status:
            if ticket.status == Status.RESOLVED:
                kinds[Kind.RESOLVED] = None
            elif ticket.status == Status.CLOSED:
                kinds[Kind.CLOSED] = None
    return News(ticket, list(kinds), texts, deliveries) if kinds else None


def admin_news(ticket: MailedTicket, deliveries: Sequence[Delivery]) -> News | None:
    """Return what is news to the assignee, or to the team: what the customer wrote, assignments.

    An assignment is news to the assignee alone, unless by that admin.
    """
    kinds: dict[Kind, None] = {}
    texts = []
    for delivery in deliveries:
        message = _message(ticket, delivery)
        if message is not None:
            is_unread = ticket.admin_unread and message.ordinal > ticket.admin_seen
            if delivery.by is Side.USER and is_unread:
                is_new = delivery.event == "ticket.created"
                kinds[Kind.OPENED if is_new else Kind.REPLIED] = None
                texts.append(message.text)
        elif (
            delivery.event_id == ticket.assignee_event_id
            and ticket.assignee_id is not None
            and ticket.assignee_id != delivery.admin_id
        ):
            kinds[Kind.ASSIGNED] = None
    return News(ticket, list(kinds), texts, deliveries) if kinds else None


def _message(ticket: MailedTicket, delivery: Delivery) -> MailedMessage | None:
    """Return the message of a delivery; None where it has none, or where it was erased.

    Tickets begin with their first message, whose event is not delivered on its own.
    """
    if delivery.event == "ticket.created":
        first = (message for message in ticket.messages.values() if message.ordinal == 1)
        return next(first, None)
    return ticket.messages.get(delivery.message_id or 0)
