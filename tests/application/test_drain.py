"""The worker pool over the outbox: bounded, woken when a sender is free, robust, and stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from tickets.application import drain as module
from tickets.application.drain import Drain
from tickets.background import background_task
from tickets.domain.errors import StoreUnavailable


class Source:
    """Gives out work until it is empty; work is sent when a test allows it."""

    def __init__(self, *work: str) -> None:
        self.work = list(work)
        self.sent: list[str] = []
        self.most = self.now = 0
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.done = asyncio.Event()
        self.busy: list[dict[str, int]] = []
        self.errors: list[Exception] = []

    async def claim(self, busy: Mapping[str, int], free: int) -> Sequence[str]:
        if self.errors:
            raise self.errors.pop()
        self.busy.append(dict(busy))
        claimed, self.work = self.work[:free], self.work[free:]
        return claimed

    async def send(self, work: str) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.may_send.wait()
            if work.startswith("bad"):
                raise ValueError(work)
            self.sent.append(work)
        finally:
            self.now -= 1
            if not self.work and not self.now:
                self.done.set()

    def drain(self, senders: int = 2) -> Drain[str]:
        return Drain(
            "a test",
            self.claim,
            self.send,
            target_of=lambda work: work[0],
            senders=senders,
            idle_seconds=0.001,
        )


async def test_everything_is_sent_by_a_bounded_number_of_senders() -> None:
    source = Source(*(f"{number}" for number in range(10, 30)))

    async with background_task(source.drain(3).run()):
        await source.done.wait()

    assert sorted(source.sent) == [str(number) for number in range(10, 30)]
    assert source.most <= 3


async def test_a_claim_is_told_how_busy_each_target_is() -> None:
    source = Source("a1", "a2", "b1")
    source.may_send.clear()

    async with background_task(source.drain(4).run()):
        while {"a": 2, "b": 1} not in source.busy:  # noqa: ASYNC110 - what the next claim is told
            await asyncio.sleep(0)
        source.may_send.set()
        await source.done.wait()

    assert source.busy[0] == {}


async def test_errors_end_neither_the_drain_nor_the_other_work(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.001)
    source = Source("good", "bad", "fine")
    source.errors = [ValueError("a bug"), StoreUnavailable(), StoreUnavailable()]

    async with background_task(source.drain().run()):
        await source.done.wait()

    assert sorted(source.sent) == ["fine", "good"]
    assert caplog.text.count("cannot be read") == 1
    assert "unhandled exception while sending" in caplog.text


async def test_the_end_waits_for_what_is_being_sent() -> None:
    source = Source("last")
    source.may_send.clear()

    async with background_task(source.drain().run()):
        while not source.now:  # noqa: ASYNC110 - until it is being sent
            await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.01, source.may_send.set)

    assert source.sent == ["last"]


async def test_the_end_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.01)
    source = Source("never")
    source.may_send.clear()

    async with background_task(source.drain().run()):
        while not source.now:  # noqa: ASYNC110 - until it is being sent
            await asyncio.sleep(0)

    assert (source.sent, source.now) == ([], 0)
