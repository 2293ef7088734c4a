"""Background tasks: they run for as long as a block, and are cancelled and awaited at its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def background_task(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run `work` as a task while the block runs, then cancel it and wait until it has ended.

    An exception that ended the work early, or that the cancellation caused, is raised where the
    block ends.
    """
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        # not `await task`: a cancellation of the caller would look like that of the task
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
