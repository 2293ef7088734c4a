"""The generic cache: loads that overlap with an invalidation, and eviction."""

from __future__ import annotations

import asyncio

import pytest

from tickets.adapters.postgres.caching.cache import Cache


class PendingLoad:
    """A load that returns when the test sets its result."""

    def __init__(self) -> None:
        self.result: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> int:
        return await self.result


async def test_a_value_that_is_invalidated_during_its_load_is_returned_but_not_cached() -> None:
    for invalidate in (Cache.invalidate, lambda cache, _key: cache.clear()):
        cache = Cache[str, int]()
        load = PendingLoad()
        loading = asyncio.create_task(cache.load("a", load))
        await asyncio.sleep(0)
        invalidate(cache, "a")
        load.result.set_result(1)

        assert await loading == 1
        assert cache.get("a") is None


async def test_a_load_from_before_an_invalidation_does_not_replace_a_later_one() -> None:
    cache = Cache[str, int]()
    early, late = PendingLoad(), PendingLoad()
    first = asyncio.create_task(cache.load("a", early))
    await asyncio.sleep(0)
    cache.invalidate("a")
    second = asyncio.create_task(cache.load("a", late))
    await asyncio.sleep(0)

    late.result.set_result(2)
    await second
    early.result.set_result(1)
    await first

    assert cache.get("a") == 2


async def test_of_two_concurrent_loads_the_later_one_is_cached() -> None:
    cache = Cache[str, int]()
    early, late = PendingLoad(), PendingLoad()
    first = asyncio.create_task(cache.load("a", early))
    await asyncio.sleep(0)
    second = asyncio.create_task(cache.load("a", late))
    await asyncio.sleep(0)

    early.result.set_result(1)
    await first
    assert cache.get("a") is None
    late.result.set_result(2)
    await second

    assert cache.get("a") == 2


async def test_a_failed_load_caches_nothing() -> None:
    cache = Cache[str, int]()
    load = PendingLoad()
    load.result.set_exception(ValueError)

    with pytest.raises(ValueError):  # noqa: PT011 - raised above
        await cache.load("a", load)

    assert cache.get("a") is None
    assert cache._loads == {}  # noqa: SLF001 - a load that failed must not stay registered


async def test_beyond_max_entries_the_oldest_entry_is_evicted() -> None:
    cache = Cache[int, int](max_entries=3)
    for number in range(5):
        load = PendingLoad()
        load.result.set_result(number)
        await cache.load(number, load)

    assert [cache.get(number) for number in range(5)] == [None, None, 2, 3, 4]
