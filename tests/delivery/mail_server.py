"""A real SMTP server (aiosmtpd) that answers as a test says, and keeps what it accepts."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

USER, PASSWORD = "desk", "a p@ss/word"


@dataclass
class MailServer:
    """Answers by command; without an answer everything is accepted."""

    port: int = 0
    answers: dict[str, list[str]] = field(default_factory=dict)
    envelopes: list[Envelope] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    disconnects: bool = False
    hangs: asyncio.Event | None = None

    @property
    def mails(self) -> list[EmailMessage]:
        """The accepted mails, parsed."""
        return [
            message_from_bytes(envelope.original_content or b"", policy=SMTP_POLICY)
            for envelope in self.envelopes
        ]

    def _answer(self, command: str, default: str) -> str:
        answers = self.answers.get(command)
        return answers.pop(0) if answers else default

    async def handle_MAIL(  # noqa: N802 - as aiosmtpd has it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self._answer("MAIL", "250 OK")
        if answer.startswith("2"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self._answer("RCPT", "250 OK")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return answer

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.hangs is not None:
            await self.hangs.wait()
        answer = self._answer("DATA", "250 OK")
        if answer.startswith("2"):
            self.envelopes.append(envelope)
            self.sessions.append(session)
        if self.disconnects:
            _abort(server)
        return answer

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        login, password = getattr(data, "login", b""), getattr(data, "password", b"")
        is_right = (login, password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=False)


def _abort(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()


@asynccontextmanager
async def a_mail_server(
    tls: ssl.SSLContext | None = None, *, starts_tls: bool = False, needs_auth: bool = False
) -> AsyncIterator[MailServer]:
    """Run a server: plain, with TLS at once, or with STARTTLS."""
    handler = MailServer()
    protocols: list[SMTP] = []

    def protocol() -> SMTP:
        with warnings.catch_warnings():
            # the server does not know that the listener has TLS already
            warnings.simplefilter("ignore")
            smtp = SMTP(
                handler,
                hostname="mail.example.com",
                tls_context=tls if starts_tls else None,
                authenticator=handler.authenticate if needs_auth else None,
                auth_required=needs_auth,
                auth_require_tls=needs_auth and starts_tls,
            )
        protocols.append(smtp)
        return smtp

    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=None if starts_tls else tls
    )
    handler.port = server.sockets[0].getsockname()[1]
    try:
        yield handler
    finally:
        server.close()
        for smtp in protocols:
            _abort(smtp)
        await asyncio.sleep(0)
