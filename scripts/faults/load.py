"""The load while a fault lasts: clients who write, try again as a good client does, and count what they are told."""

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
"""How long a client waits for an answer before it counts as hanging, which no client ever may."""

PAUSE_SECONDS = 0.1
"""Between two tries. `Retry-After` asks for more, and a good client would wait; these are here to see when service is back."""

KEYED = 0.75
"""Of all writes, those with an Idempotency-Key, which are tried again until they are acknowledged."""

REPLIES = 0.7
"""Of all writes, those into a ticket that is there; the others open one."""

MOST_WRITES = 20_000
"""Of one fault, however fast the machine."""


@dataclass
class Write:
    """One message of a client's, told apart by a text that no other has."""

    marker: str
    keyed: bool
    acknowledged: bool = False


@dataclass
class Told:
    """What the clients were told, all together."""

    writes: list[Write] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    """Answers that were no success: 503, 409, "no answer"; everything else has no business here."""

    moments: list[float] = field(default_factory=list)
    """When something was acknowledged, by the clock that never goes back."""

    longest_wait: float = 0.0
    """Seconds for the slowest answer, of whatever kind."""

    def longest_gap(self, begin: float, end: float) -> float:
        """Return the longest time between two moments at which something was acknowledged."""
        moments = [begin, *sorted(self.moments), end]
        return max(later - earlier for earlier, later in itertools.pairwise(moments))

    def first_after(self, moment: float) -> float:
        """Return the seconds from a moment until something was acknowledged."""
        return min((other - moment for other in self.moments if other >= moment), default=1e9)


class Client:
    """A user who opens tickets and replies in them."""

    def __init__(self, told: Told, addresses: list[str], token: str, seed: int) -> None:
        """Write to whichever of the addresses there are at the moment."""
        self._told = told
        self._addresses = addresses
        self._headers = {"Authorization": f"Bearer {token}"}
        self._dice = random.Random(seed)
        self._tickets: list[int] = []

    async def write_until(self, stop: asyncio.Event, patience: float) -> None:
        """Write one message after the other; try the last one for so many seconds more."""
        timeout = httpx.Timeout(HUNG_SECONDS)
        async with httpx.AsyncClient(
            headers=self._headers, timeout=timeout, trust_env=False
        ) as http:
            while not stop.is_set() and len(self._told.writes) < MOST_WRITES:
                write = Write(uuid.uuid4().hex, keyed=self._dice.random() < KEYED)
                self._told.writes.append(write)
                await self._deliver(http, write, stop, patience)

    async def _deliver(
        self, http: httpx.AsyncClient, write: Write, stop: asyncio.Event, patience: float
    ) -> None:
        text = f"Message {write.marker}"
        replies = self._tickets and self._dice.random() < REPLIES
        path = f"/{self._dice.choice(self._tickets)}/reply" if replies else ""
        body = {"message": text}
        if not replies:
            body |= {"category": "support", "subject": f"Ticket {write.marker}"}
        headers = {"Idempotency-Key": write.marker} if write.keyed else {}
        give_up: float | None = None
        while True:
            response = await self._try(http, path, body, headers)
            if response is not None and response.status_code == HTTPStatus.CREATED:
                write.acknowledged = True
                self._told.moments.append(time.monotonic())
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
        """Return the answer, None where there is none; count what is no success."""
        url = self._dice.choice(self._addresses) + API + path
        begin = time.monotonic()
        response = None
        try:
            response = await http.post(url, json=body, headers=headers)
            kind = _kind(response)
        except httpx.TimeoutException:
            kind = "hung"
        except httpx.TransportError:
            kind = "no answer"
        self._told.longest_wait = max(self._told.longest_wait, time.monotonic() - begin)
        if kind:
            self._told.answers[kind] += 1
        return response


def _kind(response: httpx.Response) -> str:
    """Return what to count an answer as, nothing for a success."""
    status = response.status_code
    if status == HTTPStatus.CREATED:
        return ""
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.CONFLICT):
        if int(response.headers.get("Retry-After", "0")) > 0:
            return str(status)
        return f"{status} without Retry-After"
    return f"{status} {response.text[:200]}"
