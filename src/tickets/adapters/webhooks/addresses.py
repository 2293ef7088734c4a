"""SSRF protection: which addresses a webhook may have, and the URLs that are accepted.

A name is resolved and all its addresses are checked; the one that was checked is connected to, so
that a name whose addresses change in between (DNS rebinding) leads nowhere else.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self
from urllib.parse import urlsplit

MAX_URL_LENGTH = 2000

LOWEST_PORT = 1024
"""The lowest port of a URL besides 80 and 443: below are mail servers and the like."""

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")

_REFUSED = (
    IPv6Network("::/96"),  # IPv4-compatible, which is no longer in use
    IPv6Network("64:ff9b:1::/48"),  # NAT64 of a local network
    IPv6Network("fec0::/10"),  # site-local, which Python 3.11 calls global
    IPv6Network("2001::/32"),  # Teredo, whose end points are anywhere
)

_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""The third quarter of an address that has an IPv4 address in its fourth one."""

_SAFE = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")


class RefusedUrl(Exception):
    """The URL of a webhook is not accepted; the message says why."""


@dataclass(frozen=True, slots=True)
class WebhookUrl:
    """A URL in its parts; `target` is path and query, as they are sent."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the parts; raise `RefusedUrl` for everything but a plain address."""
        if len(url) > MAX_URL_LENGTH or not _SAFE.fullmatch(url):
            raise RefusedUrl(
                "The URL must have at most 2,000 characters of ASCII, percent-encoded where need "
                "be, without a fragment. An international name is written as xn--…"
            )
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise RefusedUrl(f"The URL cannot be read: {error}.") from error
        if parts.scheme not in ("https", "http"):
            raise RefusedUrl("The URL must begin with https://.")
        if "@" in parts.netloc:
            raise RefusedUrl("The URL must have no user name and no password.")
        if not _HOST.fullmatch(host) or host.endswith(".") or host.startswith((".", "-")):
            raise RefusedUrl("The URL must have a host name that does not end in a dot.")
        if port is None:
            port = 443 if parts.scheme == "https" else 80
        if port < LOWEST_PORT and port not in (80, 443):
            raise RefusedUrl("The URL's port must be 443, 80, or 1024 and more.")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, host, port, target)

    @property
    def authority(self) -> str:
        """The value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return host if self.port == default else f"{host}:{self.port}"


class AddressPolicy:
    """Decides which addresses webhooks may have: public ones, and networks that are let through."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        """Let through these networks, such as `10.1.0.0/16`, with http as well."""
        self._allowed = [ip_network(network) for network in allowed]

    async def resolve(self, url: WebhookUrl) -> Sequence[str]:
        """Return the addresses of the URL's host; raise `RefusedUrl` unless all may be used."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                url.host, url.port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            raise RefusedUrl(f"The name {url.host} cannot be resolved: {error}.") from error
        addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
        for text in addresses:
            self.check(text, url)
        if not addresses:
            raise RefusedUrl(f"The name {url.host} has no address.")
        return addresses

    def check(self, text: str, url: WebhookUrl) -> None:
        """Raise `RefusedUrl` where this address of the URL's host may not be connected to."""
        address = _address(text)
        if any(address in network for network in self._allowed):
            return
        if url.scheme != "https":
            raise RefusedUrl("The URL must begin with https://.")
        if not is_public(address):
            raise RefusedUrl(
                f"{url.host} is in a network that is not public, {address}; "
                "TICKETS_WEBHOOK_ALLOW lets networks through."
            )


def is_public(address: Address) -> bool:
    """Return whether an address, and the IPv4 address in it, belongs to the public internet."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    if any(address in network for network in _REFUSED):
        return False
    embedded = _embedded(address)
    if embedded is not None:
        return is_public(embedded)
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_site_local
    )


def _address(text: str) -> Address:
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that packets to this one reach in the end."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    number = int(address)
    if address in _NAT64 or number >> 32 & 0xFFFF_FFFF in _ISATAP:
        return IPv4Address(number & 0xFFFF_FFFF)
    return None
