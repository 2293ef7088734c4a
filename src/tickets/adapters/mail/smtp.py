"""Sends mails by SMTP (aiosmtplib), and says what each refusal means for the delivery.

The commands are sent one by one, since what a failure means depends on the command.
"""

from __future__ import annotations

import re
import ssl
from email.utils import parseaddr

import aiosmtplib

from tickets.adapters.mail.rendering import MailSettings, Renderer
from tickets.domain.deliveries import shortened
from tickets.domain.mails import (
    ContentRefused,
    Mail,
    MailUnavailable,
    RecipientRefused,
    TemporaryFailure,
    Unconfirmed,
)
from tickets.domain.ports import Clock
from tickets.settings.smtp_url import SmtpServer

TIMEOUT = 10.0
"""Seconds for each answer of the server. A mail takes some six of them, at most `MAX_SEND`."""

PERMANENT = 500
"""Codes of answers from here on are final."""

_POLICY = re.compile(r"\b5\.7\.\d+\b")
"""Enhanced codes of rules of the server, which concern the sender rather than the recipient."""

_AWAY = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError)


class SmtpMailer:
    """The port `Mailer`: one connection for each mail."""

    def __init__(
        self,
        server: SmtpServer,
        settings: MailSettings,
        clock: Clock,
        *,
        envelope_sender: str | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        """Send through this server; bounces go to `envelope_sender`, by default the sender."""
        self._server = server
        self._settings = settings
        self._renderer = Renderer(settings)
        self._clock = clock
        self._envelope_sender = envelope_sender or parseaddr(settings.sender)[1]
        self._tls = tls or ssl.create_default_context()
        self._timeout = timeout
        self._policy_refusals: set[str] = set()

    async def send(self, mail: Mail) -> None:
        """Connect, sign in, and send one mail to all its recipients."""
        content = self._renderer.rendered(mail, at=self._clock.now())
        await self.send_content(list(mail.to), content)

    async def send_content(self, recipients: list[str], content: bytes) -> None:
        """Send these bytes. Raises as `send` does."""
        client = self._client()
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise MailUnavailable(_reason(error)) from error
        try:
            await self._send_envelope(client, recipients)
            await _send_text(client, content)
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            local_hostname=self._settings.domain,
            timeout=self._timeout,
            use_tls=server.is_tls,
            start_tls=server.start_tls,
            tls_context=self._tls,
        )

    async def _send_envelope(self, client: aiosmtplib.SMTP, recipients: list[str]) -> None:
        try:
            await client.mail(self._envelope_sender)
            refusals = []
            for address in recipients:
                try:
                    await client.rcpt(address)
                except aiosmtplib.SMTPRecipientRefused as error:
                    refusals.append(error)
            if len(refusals) == len(recipients):
                raise self._refusal(refusals[0])
            self._policy_refusals.clear()
        except aiosmtplib.SMTPSenderRefused as error:
            if error.code >= PERMANENT:
                raise MailUnavailable(_reason(error)) from error
            raise TemporaryFailure(_reason(error)) from error
        except _AWAY as error:
            raise MailUnavailable(_reason(error)) from error

    def _refusal(self, error: aiosmtplib.SMTPRecipientRefused) -> Exception:
        """Return what it means that no recipient is accepted.

        A rule of the server (5.7.x) may be about one recipient. Where a third one in a row meets
        it, it is about the sender, and all mail waits.
        """
        reason = _reason(error)
        if error.code < PERMANENT:
            return TemporaryFailure(reason)
        if _POLICY.search(error.message):
            self._policy_refusals.add(error.recipient)
            if len(self._policy_refusals) > 2:  # noqa: PLR2004 - two may be chance
                return MailUnavailable(reason)
        else:
            self._policy_refusals.clear()
        return RecipientRefused(reason)


async def _send_text(client: aiosmtplib.SMTP, content: bytes) -> None:
    try:
        await client.data(content)
    except aiosmtplib.SMTPDataError as error:
        if error.code < PERMANENT:
            raise TemporaryFailure(_reason(error)) from error
        if _POLICY.search(error.message):
            raise MailUnavailable(_reason(error)) from error
        raise ContentRefused(_reason(error)) from error
    except (*_AWAY, aiosmtplib.SMTPException) as error:
        raise Unconfirmed(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Return code and text of a refusal, or what broke, without credentials."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return shortened(f"{error.code} {error.message}")
    return shortened(f"{type(error).__name__}: {error}")
