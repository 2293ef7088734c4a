"""The connection table: how many connections each address has open, and which may be closed.

One client must not take all connections of a process. Each address has a share of them, and where
room is needed, the connection that has been idle for longest is closed. Where none is idle, it is
the one whose request has been arriving for longest: many addresses that send slowly would hold all
connections otherwise.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Protocol

from tickets.adapters.http.access.client_address import client_network, is_within

logger = logging.getLogger("tickets")

MAX_REFUSED_CONNECTIONS = 50
"""Connections beyond the maximum that get a 503; any further one is closed without a response."""

MAX_REFUSED_PER_ADDRESS = 10
"""Of these, connections of one address, so that a liveness check of another one gets through."""

MAX_EXAMINED = 16
"""Idle connections that are examined to make room for one: some may still be sending."""

SECONDS_PER_WARNING = 60.0
"""Time between two log lines about the same limit: clients decide how often it is reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """The limits for the connections of one process."""

    max_connections: int
    """Connections that are open at the same time."""

    max_per_address: int = 0
    """Connections of one IPv4 address or IPv6 /64 network; 0 is no limit."""

    exempt: Sequence[str] = ()
    """Networks without a share: trusted proxies, through which all clients come."""

    timeout: float
    """Seconds for a request to arrive, and for the client to read some of its response."""


class Admission(Enum):
    """What becomes of a new connection."""

    OPEN = "open"
    REFUSED = "refused"
    """It gets one response, a 503."""

    CLOSED = "closed"


class Closable(Protocol):
    """A connection, as much of it as the table needs."""

    def is_sending(self) -> bool:
        """Return whether the client has not read all of the last response yet."""

    def close_idle(self) -> None:
        """Close the connection, which has no request in progress."""

    def close_unfinished(self) -> None:
        """Close the connection, on which a request has not arrived completely."""


@dataclass(slots=True, eq=False)
class _Client:
    name: str
    opened: int = 0
    refused: int = 0
    # in the order in which they became idle
    idle: dict[Closable, None] = field(default_factory=dict)
    # in the order of their requests' first bytes
    arriving: dict[Closable, None] = field(default_factory=dict)


class ConnectionTable:
    """The open connections of one process, by address, and the idle ones, longest idle first."""

    def __init__(self, limits: ConnectionLimits) -> None:
        """Start without connections; a copy in another process does as well."""
        self.limits = limits
        self._clients: dict[str, _Client] = {}
        self._open: dict[Closable, _Client] = {}
        self._refused: dict[Closable, _Client] = {}
        self._idle: dict[Closable, None] = {}
        self._arriving: dict[Closable, None] = {}
        self._next_warnings: dict[str, float] = {}
        self._forwarding_noted = False

    def __reduce__(self) -> tuple[Callable[..., ConnectionTable], tuple[ConnectionLimits]]:
        """Pickle the limits alone, for a worker process."""
        return ConnectionTable, (self.limits,)

    def admit(self, connection: Closable, address: str | None, *, now: float) -> Admission:
        """Count a new connection from this address (None is a local socket); make room for it.

        `now` is in seconds of a monotonic clock.
        """
        limits = self.limits
        name = client_network(address or "")
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = _Client(name)
        has_room = True
        if client.opened >= limits.max_per_address > 0 and not self.is_exempt(address):
            self._warn(
                "share",
                now,
                "%s has all its %d connections of TICKETS_MAX_CONNECTIONS_PER_ADDRESS open: "
                "closing its idle and slow ones, and refusing more. If it is a proxy, set "
                "TICKETS_TRUSTED_PROXIES",
                name,
                limits.max_per_address,
            )
            has_room = self._close_one(client.idle, client.arriving)
        elif len(self._open) >= limits.max_connections:
            self._warn(
                "all",
                now,
                "all %d connections of TICKETS_MAX_CONNECTIONS are open: closing idle and slow "
                "ones, and refusing more",
                limits.max_connections,
            )
            has_room = self._close_one(self._idle, self._arriving)
        if has_room:
            client.opened += 1
            self._open[connection] = client
            self.mark_idle(connection)
            return Admission.OPEN
        if (
            len(self._refused) < MAX_REFUSED_CONNECTIONS
            and client.refused < MAX_REFUSED_PER_ADDRESS
        ):
            client.refused += 1
            self._refused[connection] = client
            return Admission.REFUSED
        self._forget_if_gone(client)
        return Admission.CLOSED

    def mark_busy(self, connection: Closable) -> None:
        """Note that the client has sent something: the connection is not idle."""
        if connection in self._idle:
            del self._idle[connection]
            del self._open[connection].idle[connection]

    def mark_arriving(self, connection: Closable) -> None:
        """Note that a part of a request has arrived; it keeps the place of its first part."""
        client = self._open.get(connection)
        if client is not None:
            client.arriving[connection] = self._arriving[connection] = None

    def mark_arrived(self, connection: Closable) -> None:
        """Note that the request is complete: the connection is not to be closed."""
        client = self._open.get(connection)
        if client is not None:
            self._arriving.pop(connection, None)
            client.arriving.pop(connection, None)

    def mark_idle(self, connection: Closable) -> None:
        """Note that the connection waits for the client's next request."""
        client = self._open.get(connection)
        if client is not None:
            client.idle.pop(connection, None)
            self._idle.pop(connection, None)
            client.idle[connection] = self._idle[connection] = None

    def release(self, connection: Closable) -> None:
        """Forget a connection that is closed; nothing happens if it is unknown."""
        client = self._open.pop(connection, None)
        if client is not None:
            client.opened -= 1
            for connections in (self._idle, client.idle, self._arriving, client.arriving):
                connections.pop(connection, None)
        else:
            client = self._refused.pop(connection, None)
            if client is None:
                return
            client.refused -= 1
        self._forget_if_gone(client)

    def is_exempt(self, address: str | None) -> bool:
        """Return whether an address belongs to a trusted proxy, or is a local socket."""
        return address is None or is_within(address, tuple(self.limits.exempt))

    def is_trusted_proxy(self, address: str | None) -> bool:
        """Return whether an address belongs to a trusted proxy."""
        return address is not None and is_within(address, tuple(self.limits.exempt))

    def note_forwarding(self, address: str | None, header: str) -> None:
        """Warn once of a forwarded header from an address that is no trusted proxy."""
        if not self._forwarding_noted:
            self._forwarding_noted = True
            logger.warning(
                "%s sends the header %s, which is ignored: if it is your proxy, name it in "
                "TICKETS_TRUSTED_PROXIES. Until then its clients share one address, with its "
                "limits. This is logged once",
                address,
                header,
            )

    @property
    def notes_forwarding(self) -> bool:
        """Whether a forwarded header would still be warned of."""
        return not self._forwarding_noted

    def _close_one(self, idle: dict[Closable, None], arriving: dict[Closable, None]) -> bool:
        """Close the longest idle connection, else the slowest; return whether there was one."""
        for connection in list(islice(idle, MAX_EXAMINED)):
            if connection.is_sending():
                self.mark_idle(connection)
                continue
            self.release(connection)
            connection.close_idle()
            return True
        for connection in islice(arriving, 1):
            self.release(connection)
            connection.close_unfinished()
            return True
        return False

    def _forget_if_gone(self, client: _Client) -> None:
        if not client.opened and not client.refused:
            del self._clients[client.name]

    def _warn(self, key: str, now: float, message: str, *values: object) -> None:
        if now >= self._next_warnings.get(key, now):
            self._next_warnings[key] = now + SECONDS_PER_WARNING
            logger.warning(message, *values)
