"""The load generator: raw HTTP/1.1 over kept-alive connections, one request at a time on each, on one core.

Requests are bytes that were made before; a response is read by httptools, and only its status is looked at. So the
generator's share of its core stays far below what it measures; it is reported, as nothing would be measured otherwise.
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

LEAST = 20
"""Answers, beside one per connection, without which the time is up but not the measurement."""

PATIENCE = 60.0
"""Seconds after which a response that does not come is a failure of the run."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it goes over the wire, and the status that has to come back."""

    wire: bytes
    status: int


@dataclass(frozen=True, slots=True)
class Load:
    """What was measured: latencies in seconds, the time it took, and the generator's own share of its core."""

    latencies: array[float]
    seconds: float
    own_cpu: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency, in seconds, that this share of the requests did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class WrongAnswerError(Exception):
    """A response had another status than it has to have, with the request's first line."""


class _Connection(asyncio.Protocol):
    """Sends the next request when the last one is answered."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._parser = httptools.HttpResponseParser(self)
        self._sent = Sent(b"", 0)
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
            if len(self._run.latencies) == self._run.most:
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
    """One measurement, while it is under way."""

    def __init__(
        self,
        requests: Iterator[Sent],
        connections: int,
        most: int | None,
        on_edge: Callable[[], None],
    ) -> None:
        self.requests = requests
        self.most = most
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
        """Stop, unless so little has been answered that no percentile could be told from it."""
        if len(self.latencies) >= least or self.stopping:
            self.stop()
            return
        self.most = least
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

    def fail(self, sent: Sent, status: int) -> None:
        self.stop()
        if not self.done.done():
            line = sent.wire.partition(b"\r\n")[0].decode()
            message = f"{line} was answered with {status}, not {sent.status}"
            self.done.set_exception(WrongAnswerError(message))

    def lost(self) -> None:
        self._open -= 1
        if self._open == 0 and not self.done.done():
            self.done.set_result(None)


async def measure(
    port: int,
    requests: Iterable[Sent],
    *,
    connections: int,
    warm_up: float,
    seconds: float,
    most: int | None = None,
    on_edge: Callable[[], None] = lambda: None,
) -> Load:
    """Send requests for so many seconds, or until there are no more or `most` are answered.

    Where that is too little to speak of, it takes up to five times as long.

    `on_edge` is called when recording starts and when it ends. What is under way then is waited for
    and not counted, so that it does not burden the next measurement.
    """
    loop = asyncio.get_running_loop()
    run = _Run(iter(requests), connections, most, on_edge)
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
        loop.call_later(warm_up + seconds, run.expire, LEAST + connections, 4 * seconds)
        for _transport, connection in opened:
            connection.send()
        async with asyncio.timeout(warm_up + 5 * seconds + PATIENCE):
            await run.done
    finally:
        gc.enable()
    return Load(run.latencies, run.seconds, run.own_cpu)
