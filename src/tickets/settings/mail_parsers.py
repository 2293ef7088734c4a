"""Parsers for the settings of e-mail, and the check that they are set together."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parseaddr
from urllib.parse import urlsplit

from tickets.domain.mail_news import is_usable
from tickets.settings.errors import SettingsError
from tickets.settings.parsers import UNSAFE_IN_URL, items, quoted
from tickets.settings.smtp_url import SmtpServer

MAX_PUBLIC_URL = 500
"""Characters of the address of the service: links in headers of mails stand on one line."""


NEEDED = ("smtp_url", "mail_from", "public_url")
"""The settings without which no mail can be sent."""


def smtp_url(variable: str, text: str) -> str:
    """Parse the URL of a mail server; the error does not repeat it, as it may hold a password."""
    try:
        SmtpServer.parse(text)
    except ValueError as error:
        raise SettingsError(
            f"{variable} must look like smtp://user:password@host:587, or smtps://… for TLS from "
            "the start; special characters of the password are percent-encoded."
        ) from error
    return text


def mailbox(variable: str, text: str) -> str:
    """Parse an e-mail address, with or without a name: `Support <support@example.com>`."""
    name, address = parseaddr(text)
    if not is_usable(address) or not text.isprintable() or (not name and text != address):
        raise SettingsError(
            f"{variable} must be an address such as support@example.com, or with a name: "
            f"Support <support@example.com>, not {quoted(text)}."
        )
    return text


def addresses(variable: str, text: str) -> tuple[str, ...]:
    """Parse a list of e-mail addresses without names."""
    addresses = items(text)
    if not addresses or not all(map(is_usable, addresses)):
        raise SettingsError(
            f"{variable} must be addresses such as anna@example.com, comma-separated, "
            f"not {quoted(text)}."
        )
    return addresses


def public_url(variable: str, text: str) -> str:
    """Parse the address under which people reach the service, into one without a slash at its end.

    It may have a path, the prefix under which the service is mounted.
    """
    try:
        url = urlsplit(text)
        is_page = url.scheme in ("http", "https") and bool(url.hostname)
        is_plain = not (url.query or url.fragment or "@" in url.netloc)
    except ValueError:
        is_page = is_plain = False
    is_plain = is_plain and len(text) <= MAX_PUBLIC_URL
    if not is_page or not is_plain or UNSAFE_IN_URL.search(text) is not None:
        raise SettingsError(
            f"{variable} must be an address such as https://support.example.com, "
            f"not {quoted(text)}."
        )
    return text.rstrip("/")


def check_mail(values: Mapping[str, object]) -> None:
    """Raise `SettingsError` where mail is set up in part, in these settings by name."""
    if values.get("smtp_url") is None and values.get("mail_from") is None:
        return
    missing = [f"TICKETS_{name.upper()}" for name in NEEDED if values.get(name) is None]
    if missing:
        raise SettingsError(
            "E-mail needs TICKETS_SMTP_URL, TICKETS_MAIL_FROM and TICKETS_PUBLIC_URL; "
            f"not set: {', '.join(missing)}."
        )
