"""The client's address, as rate limits identify a client that has not signed in."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

IPV6_CLIENT_PREFIX = 64
"""Bits of an IPv6 address that identify one client: whoever has one address of a /64 has all."""


def client_network(address: str) -> str:
    """Return the IPv4 address or the IPv6 /64 network of a client, in its canonical form.

    Anything else is returned as it is, and nothing as `unknown`.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return address or "unknown"
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ip_network((int(ip), IPV6_CLIENT_PREFIX), strict=False))
    return str(ip)
