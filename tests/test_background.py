"""Background tasks end with their block: cancelled, awaited, and with their exception raised."""

from __future__ import annotations

import asyncio

import pytest

from tickets.background import background_task


async def test_the_task_runs_during_the_block_and_has_ended_after_it() -> None:
    events: list[str] = []

    async def work() -> None:
        events.append("started")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # cleaning up takes time, and is waited for
            events.append("ended")

    async with background_task(work()):
        await asyncio.sleep(0)
        assert events == ["started"]

    assert events == ["started", "ended"]


async def test_a_task_that_ends_by_itself_is_not_an_error() -> None:
    async def work() -> None:
        pass

    async with background_task(work()):
        await asyncio.sleep(0)


async def test_an_exception_of_the_task_is_raised_where_the_block_ends() -> None:
    reached = False

    async def work() -> None:
        raise ZeroDivisionError

    async def caller() -> None:
        nonlocal reached
        async with background_task(work()):
            await asyncio.sleep(0)
            reached = True

    with pytest.raises(ZeroDivisionError):
        await caller()

    assert reached


async def test_an_exception_during_the_cancellation_is_raised_as_well() -> None:
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with background_task(work()):
            await asyncio.sleep(0)


async def test_the_task_ends_when_the_block_raises() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def caller() -> None:
        async with background_task(work()):
            await asyncio.sleep(0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await caller()

    assert ended.is_set()


async def test_a_cancellation_of_the_caller_is_not_swallowed() -> None:
    cancelled, release = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            await release.wait()

    async def caller() -> None:
        async with background_task(work()):
            await asyncio.sleep(0)

    calling = asyncio.create_task(caller())
    await cancelled.wait()
    calling.cancel()

    with pytest.raises(asyncio.CancelledError):
        await calling
    release.set()
