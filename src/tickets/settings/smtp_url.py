"""The URL of a mail server: `smtp://user:password@host:587`, or `smtps://` for TLS at once."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server: host, port, TLS from the start or by STARTTLS, and credentials."""

    host: str
    port: int
    is_tls: bool
    username: str | None = None
    password: str | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the server of `smtp://user:password@host:587` or `smtps://…:465`.

        Raises `ValueError` for anything else.
        """
        parts = urlsplit(url)
        if (
            parts.scheme not in ("smtp", "smtps")
            or not parts.hostname
            or parts.path not in ("", "/")
            or parts.query
            or parts.fragment
            or (parts.username is None) is not (parts.password is None)
        ):
            raise ValueError("not the URL of a mail server")
        is_tls = parts.scheme == "smtps"
        return cls(
            parts.hostname,
            parts.port or (465 if is_tls else 587),
            is_tls,
            None if parts.username is None else unquote(parts.username),
            None if parts.password is None else unquote(parts.password),
        )

    @property
    def start_tls(self) -> bool | None:
        """Whether STARTTLS is required: True where a password is sent, None where it is offered."""
        if self.is_tls:
            return False
        return True if self.username is not None and not self._is_local else None

    @property
    def _is_local(self) -> bool:
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
