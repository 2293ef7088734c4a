"""Renders mails: plain text and simple HTML, threaded by ticket, without any way to inject headers.

The headers are written here, and not by the library: some must stand on one line, however long. A
subject is encoded as a whole, so that one which looks like an encoded word arrives as it is.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.charset import QP, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr, parseaddr

from tickets.domain.mail_news import Kind, MailedTicket
from tickets.domain.mails import Mail

SENTENCES = {
    Kind.ANSWERED: "There is a new answer to your ticket.",
    Kind.RESOLVED: "Your ticket has been resolved.",
    Kind.CLOSED: "Your ticket has been closed.",
    Kind.OPENED: "A customer has opened a ticket.",
    Kind.REPLIED: "A customer has replied.",
    Kind.ASSIGNED: "A ticket has been assigned to you.",
}

LISTED = {
    Kind.ANSWERED: "answered",
    Kind.RESOLVED: "resolved",
    Kind.CLOSED: "closed",
    Kind.OPENED: "opened",
    Kind.REPLIED: "replied to",
    Kind.ASSIGNED: "assigned to you",
}

DO_NOT_REPLY = "Please do not reply to this mail. To answer, open this page:"

LAST = (
    "This is the last mail of today about this: there have been very many. What happens from now "
    "on is on the page."
)

UNSUBSCRIBE = "To get no more mails about your tickets, open this page:"

# No runs of spaces, and no line that would have to be folded.
_PLAIN = re.compile(r"(?=.{1,60}\Z)[!-~]+( [!-~]+)*")

_STYLE = "background-color:#ffffff;color:#1f2328;font-family:sans-serif;padding:16px"
_LINK_STYLE = "background-color:#ffffff;color:#0b57d0"


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Who mails come from, where links lead, and whether mails have the texts of messages.

    `public_url` has no slash at its end. `sender` may have a name: `Support <support@example.com>`.
    """

    sender: str
    public_url: str
    reply_to: str | None = None
    has_content: bool = False

    @property
    def domain(self) -> str:
        """The domain of the sender, under which ids are made."""
        return parseaddr(self.sender)[1].rpartition("@")[2]


class Renderer:
    """Renders mails with these settings."""

    def __init__(self, settings: MailSettings) -> None:
        """Render with these settings."""
        self._settings = settings

    def rendered(self, mail: Mail, *, at: datetime) -> bytes:
        """Return the mail as bytes, with CR LF."""
        paragraphs = self._paragraphs(mail)
        message = MIMEMultipart("alternative", policy=compat32)
        charset = Charset("utf-8")
        charset.body_encoding = QP
        text = "\n\n".join(paragraphs) + "\n"
        for subtype, body in (("plain", text), ("html", _html(paragraphs))):
            message.attach(MIMEText(body, subtype, charset))  # type: ignore[arg-type] # a Charset
        headers = "".join(f"{name}: {value}\r\n" for name, value in self._headers(mail, at))
        return headers.encode("ascii") + message.as_bytes(policy=compat32.clone(linesep="\r\n"))

    def _headers(self, mail: Mail, at: datetime) -> Sequence[tuple[str, str]]:
        settings = self._settings
        headers: list[tuple[str, str]] = [
            ("From", _mailbox(settings.sender)),
            ("To", ",\r\n ".join(mail.to)),
            ("Subject", _encoded(_one_line(_subject(mail)))),
            ("Date", format_datetime(at)),
            ("Message-ID", mail.id),
        ]
        if mail.ticket is not None:
            root = self._root_id(mail.ticket)
            headers += [("In-Reply-To", root), ("References", root)]
        if settings.reply_to:
            headers.append(("Reply-To", _mailbox(settings.reply_to)))
        headers += [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")]
        if mail.unsubscribe is not None:
            # one line: some servers do not unfold it
            url = self._unsubscribe_url(mail.unsubscribe)
            headers += [
                ("List-Unsubscribe", f"<{url}>"),
                ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ]
        return headers

    def _root_id(self, ticket: MailedTicket) -> str:
        """Return the id that all mails of a ticket refer to; no mail has it."""
        moment = int(ticket.created_at.timestamp() * 1_000_000)
        return f"<ticket.{ticket.id}.{moment:x}@{self._settings.domain}>"

    def _unsubscribe_url(self, signed: str) -> str:
        return f"{self._settings.public_url}/api/v1/tickets/unsubscribe/{signed}"

    def _link(self, mail: Mail, ticket: MailedTicket | None) -> str:
        page = "account" if mail.is_to_customer else "admin"
        end = "" if ticket is None else f"/{ticket.id}"
        return f"{self._settings.public_url}/{page}#/tickets{end}"

    def _paragraphs(self, mail: Mail) -> Sequence[str]:
        ticket = mail.ticket
        paragraphs = [DO_NOT_REPLY, self._link(mail, ticket)]
        if ticket is not None:
            news = mail.news[0]
            paragraphs += [SENTENCES[kind] for kind in news.kinds]
            paragraphs.append(f"#{ticket.id} {_one_line(ticket.subject)}")
            if self._settings.has_content:
                paragraphs += news.texts
        else:
            for each in mail.news:
                kinds = ", ".join(LISTED[kind] for kind in each.kinds)
                paragraphs += [
                    f"#{each.ticket.id} {_one_line(each.ticket.subject)}: {kinds}",
                    self._link(mail, each.ticket),
                ]
        if mail.is_last:
            paragraphs.append(LAST)
        if mail.unsubscribe is not None:
            paragraphs += [UNSUBSCRIBE, self._unsubscribe_url(mail.unsubscribe)]
        return paragraphs


def _subject(mail: Mail) -> str:
    """Return the subject: the same for all mails of a ticket, so that clients thread them."""
    if mail.ticket is not None:
        return f"[#{mail.ticket.id}] {mail.ticket.subject}"
    kinds = {LISTED[kind] for each in mail.news for kind in each.kinds}
    return f"{len(mail.news)} tickets: {', '.join(sorted(kinds))}"


def _encoded(text: str) -> str:
    """Return a header's text: as it is where it is short and plain, else encoded as a whole."""
    if _PLAIN.fullmatch(text) and "=?" not in text:
        return text
    return Header(text, "utf-8", header_name="Subject").encode(linesep="\r\n", maxlinelen=75)


def _one_line(text: str) -> str:
    """Return the text without line breaks and other controls, which could begin a header."""
    return "".join(character if character.isprintable() else " " for character in text)


def _mailbox(text: str) -> str:
    name, address = parseaddr(text)
    return formataddr((name, address)) if name else address


def _html(paragraphs: Sequence[str]) -> str:
    """Return the same as HTML that loads nothing and has a background for each colour."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="color-scheme" content="light"></head>'
        f'<body style="{_STYLE}">{"".join(map(_html_paragraph, paragraphs))}</body></html>'
    )


def _html_paragraph(text: str) -> str:
    escaped = html.escape(text)
    if text.startswith(("https://", "http://")) and len(text.split()) == 1:
        return f'<p><a href="{escaped}" style="{_LINK_STYLE}">{escaped}</a></p>\n'
    return f"<p>{escaped.replace(chr(10), '<br>' + chr(10))}</p>\n"
