"""The load generator: raw HTTP/1.1 on keep-alive connections, one request at a time on each.

It runs on one core. Requests are bytes that were built in advance, and it checks only the status of
a response, so it takes a small share of that core. The report shows the share: near 100 % the
benchmark would measure the generator.
"""

from __future__ import annotations

import asyncio
import gc
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import httptools

MIN_RESPONSES = 20
"""Responses, besides one per connection, that a measurement needs, however long they take."""

PATIENCE = 60.0
"""Seconds without a response after which the run fails."""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request as bytes, and the expected status."""

    wire: bytes
    status: int


@dataclass(frozen=True, slots=True)
class Load:
    """A measurement: latencies and duration in seconds, and the generator's share of its core."""

    latencies: array[float]
    seconds: float
    own_cpu: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The percentile of the latencies, in seconds; `share` is from 0 to 1."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class UnexpectedStatusError(Exception):
    """A response had another status than expected; the message has the request's first line."""


class _Connection(asyncio.Protocol):
    """Sends the next request when the response to the last has arrived."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._parser = httptools.HttpResponseParser(self)
        self._sent = WireRequest(b"", 0)
        self._at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        if self._parser.get_status_code() != self._sent.status:
            self._run.fail(self._sent, self._parser.get_status_code())
            return
        if self._run.recording:
            self._run.latencies.append(now - self._at)
            if len(self._run.latencies) == self._run.max_requests:
                self._run.stop()
        self.send()

    def connection_lost(self, _error: Exception | None) -> None:
        self._run.lost()

    def send(self) -> None:
        if not self._run.stopping and (sent := next(self._run.requests, None)) is not None:
            self._sent = sent
            self._at = time.perf_counter()
            self._transport.write(sent.wire)
            return
        self._run.stop()
        self._transport.close()


class _Run:
    """One measurement in progress."""

    def __init__(
        self,
        requests: Iterator[WireRequest],
        connections: int,
        max_requests: int | None,
        on_edge: Callable[[], None],
    ) -> None:
        self.requests = requests
        self.max_requests = max_requests
        self.latencies = array("d")
        self.recording = False
        self.stopping = False
        self.seconds = self.own_cpu = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open = connections
        self._on_edge = on_edge

    def record(self) -> None:
        if self.stopping:
            return
        self.recording = True
        self._on_edge()
        self.seconds, self.own_cpu = time.perf_counter(), time.process_time()

    def expire(self, least: int, grace: float) -> None:
        """Stop, unless there are too few responses for a percentile: then wait for `least`."""
        if len(self.latencies) >= least or self.stopping:
            self.stop()
            return
        self.max_requests = least
        asyncio.get_running_loop().call_later(grace, self.expire, 1, PATIENCE)

    def stop(self) -> None:
        if self.stopping:
            return
        self.stopping = True
        if self.recording:
            self.recording = False
            self.seconds = time.perf_counter() - self.seconds
            self.own_cpu = (time.process_time() - self.own_cpu) / self.seconds
            self._on_edge()

    def fail(self, sent: WireRequest, status: int) -> None:
        self.stop()
        if not self.done.done():
            line = sent.wire.partition(b"\r\n")[0].decode()
            message = f"{line} returned {status}, not {sent.status}"
            self.done.set_exception(UnexpectedStatusError(message))

    def lost(self) -> None:
        self._open -= 1
        if self._open == 0 and not self.done.done():
            self.done.set_result(None)


async def measure(
    port: int,
    requests: Iterable[WireRequest],
    *,
    connections: int,
    warm_up: float,
    seconds: float,
    max_requests: int | None = None,
    on_edge: Callable[[], None] = lambda: None,
) -> Load:
    """Send requests for `seconds`, or until there are no more, or `max_requests` have a response.

    With too few responses for a percentile, it takes up to five times as long. `on_edge` is called
    when recording starts and when it ends. Requests in progress at the end are awaited and not
    counted, so that they do not burden the next measurement.
    """
    loop = asyncio.get_running_loop()
    run = _Run(iter(requests), connections, max_requests, on_edge)
    gc.collect()
    gc.disable()
    try:
        opening = (
            loop.create_connection(lambda: _Connection(run), "127.0.0.1", port)
            for _ in range(connections)
        )
        opened = await asyncio.gather(*opening)
        if warm_up:
            loop.call_later(warm_up, run.record)
        else:
            run.record()
        loop.call_later(warm_up + seconds, run.expire, MIN_RESPONSES + connections, 4 * seconds)
        for _transport, connection in opened:
            connection.send()
        async with asyncio.timeout(warm_up + 5 * seconds + PATIENCE):
            await run.done
    finally:
        gc.enable()
    return Load(run.latencies, run.seconds, run.own_cpu)
