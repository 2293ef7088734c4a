"""The client's address, as rate limits identify a client that has not signed in."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

IPV6_CLIENT_PREFIX = 64
"""Bits of an IPv6 address that identify one client: whoever has one address of a /64 has all."""

MAX_CACHED_ADDRESSES = 10_000
"""Addresses whose network, and whether it is trusted, is kept for their next connection."""

UNKNOWN = "unknown"
"""What clients without an address are counted as, together."""


def client_network(address: str) -> str:
    """Return the IPv4 address or the IPv6 /64 network of a client, in its canonical form.

    Anything else is `unknown`: a proxy may pass on what a client wrote, and a client that chose its
    own name would have as many limits as it likes.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return UNKNOWN
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ip_network((int(ip), IPV6_CLIENT_PREFIX), strict=False))
    return str(ip)


@lru_cache(MAX_CACHED_ADDRESSES)
def is_within(address: str, networks: Iterable[str]) -> bool:
    """Return whether an address is in one of these networks."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(ip in ip_network(network) for network in networks)
