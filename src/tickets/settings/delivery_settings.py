"""The settings of e-mail and webhooks, a part of all settings."""

from __future__ import annotations

from dataclasses import dataclass

from tickets.settings import mail_parsers, parsers
from tickets.settings.declaration import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """How people and programs hear of tickets; see docs/delivery.md."""

    public_url: str | None = setting(
        parse=mail_parsers.public_url,
        default=None,
        doc="Where people reach the service, for links in mails",
    )
    smtp_url: str | None = setting(
        parse=mail_parsers.smtp_url,
        default=None,
        doc="Mail server, `smtp://user:password@host:587`; unset is no mail",
    )
    mail_from: str | None = setting(
        parse=mail_parsers.mailbox,
        default=None,
        doc="Sender of mails, `Support <support@example.com>`",
    )
    mail_reply_to: str | None = setting(
        parse=mail_parsers.mailbox,
        default=None,
        doc="Where replies to mails go",
    )
    mail_envelope_from: str | None = setting(
        parse=mail_parsers.mailbox,
        default=None,
        doc="Where bounces go; by default to the sender",
    )
    mail_admins: tuple[str, ...] = setting(
        parse=mail_parsers.addresses,
        default=(),
        doc="Who is mailed about tickets without an assignee",
    )
    mail_after: float = setting(
        parse=parsers.minutes(0, 1440),
        default=5.0,
        doc="Minutes that something must be unread to be mailed",
    )
    mail_content: bool = setting(
        parse=parsers.switch,
        default=False,
        doc="Mails have the texts of messages, not only links",
    )
    webhook_allow: tuple[str, ...] = setting(
        parse=parsers.networks,
        default=(),
        doc="Private networks that webhooks may reach, with http as well",
    )
