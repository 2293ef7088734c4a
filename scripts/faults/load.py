"""The load during a fault: clients that write, retry, and record the responses."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx

API = "/api/v1/tickets"

HUNG_SECONDS = 30.0
"""Seconds without a response after which a request counts as hung. None may hang."""

PAUSE_SECONDS = 0.1
"""Seconds between two attempts. A good client would wait for `Retry-After`; these measure when the
service has recovered."""

KEYED = 0.75
"""Share of the writes with an idempotency key: they are retried until they are acknowledged."""

REPLIES = 0.7
"""Share of the writes that reply to a ticket; the others open one."""

MAX_WRITES = 20_000
"""Maximum number of writes during one fault, on a fast machine."""


@dataclass
class Write:
    """One message of a client, with a unique marker."""

    marker: str
    keyed: bool
    acknowledged: bool = False


@dataclass
class Record:
    """The requests and responses of all clients together."""

    writes: list[Write] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    """Responses other than success, by kind: 503, 409, "no response"; others are unexpected."""

    acknowledged_at: list[float] = field(default_factory=list)
    """Monotonic times at which a write was acknowledged."""

    longest_wait: float = 0.0
    """Seconds until the slowest response, of any kind."""

    def longest_gap(self, begin: float, end: float) -> float:
        """Return the longest time without an acknowledged write."""
        times = [begin, *sorted(self.acknowledged_at), end]
        return max(later - earlier for earlier, later in itertools.pairwise(times))

    def first_after(self, moment: float) -> float:
        """Return the seconds from a moment until the next acknowledged write."""
        return min(
            (other - moment for other in self.acknowledged_at if other >= moment), default=1e9
        )


class Client:
    """A user who opens tickets and replies to them."""

    def __init__(self, record: Record, addresses: list[str], token: str, seed: int) -> None:
        """Send requests to the addresses in the list, which may change meanwhile."""
        self._record = record
        self._addresses = addresses
        self._headers = {"Authorization": f"Bearer {token}"}
        self._random = random.Random(seed)
        self._tickets: list[int] = []

    async def write_until(self, stop: asyncio.Event, patience: float) -> None:
        """Write one message after another; retry the last one for up to `patience` seconds more."""
        timeout = httpx.Timeout(HUNG_SECONDS)
        async with httpx.AsyncClient(
            headers=self._headers, timeout=timeout, trust_env=False
        ) as http:
            while not stop.is_set() and len(self._record.writes) < MAX_WRITES:
                write = Write(uuid.uuid4().hex, keyed=self._random.random() < KEYED)
                self._record.writes.append(write)
                await self._deliver(http, write, stop, patience)

    async def _deliver(
        self, http: httpx.AsyncClient, write: Write, stop: asyncio.Event, patience: float
    ) -> None:
        text = f"Message {write.marker}"
        replies = self._tickets and self._random.random() < REPLIES
        path = f"/{self._random.choice(self._tickets)}/reply" if replies else ""
        body = {"message": text}
        if not replies:
            body |= {"category": "support", "subject": f"Ticket {write.marker}"}
        headers = {"Idempotency-Key": write.marker} if write.keyed else {}
        give_up: float | None = None
        while True:
            response = await self._try(http, path, body, headers)
            if response is not None and response.status_code == HTTPStatus.CREATED:
                write.acknowledged = True
                self._record.acknowledged_at.append(time.monotonic())
                if not replies:
                    self._tickets.append(response.json()["ticket"]["id"])
                return
            if stop.is_set() and give_up is None:
                give_up = time.monotonic() + patience
            if not write.keyed or (give_up is not None and time.monotonic() > give_up):
                return
            await asyncio.sleep(PAUSE_SECONDS)

    async def _try(
        self, http: httpx.AsyncClient, path: str, body: dict[str, str], headers: dict[str, str]
    ) -> httpx.Response | None:
        """Return the response, None if there is none; count failures."""
        url = self._random.choice(self._addresses) + API + path
        begin = time.monotonic()
        response = None
        try:
            response = await http.post(url, json=body, headers=headers)
            kind = _kind(response)
        except httpx.TimeoutException:
            kind = "hung"
        except httpx.TransportError:
            kind = "no response"
        self._record.longest_wait = max(self._record.longest_wait, time.monotonic() - begin)
        if kind:
            self._record.failures[kind] += 1
        return response


def _kind(response: httpx.Response) -> str:
    """Return the kind of failure; empty for a success."""
    status = response.status_code
    if status == HTTPStatus.CREATED:
        return ""
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.CONFLICT):
        if int(response.headers.get("Retry-After", "0")) > 0:
            return str(status)
        return f"{status} without Retry-After"
    return f"{status} {response.text[:200]}"
