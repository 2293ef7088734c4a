"""Garbage collection settings of a worker process."""

from __future__ import annotations

import gc

GENERATION_0_THRESHOLD = 20_000
"""Generation-0 garbage collection threshold, above Python's default; it costs a few megabytes.

Nearly all objects of a request are freed by reference counting when it ends, so reference cycles
can be collected less often than in a general program.
"""


def tune_garbage_collector() -> None:
    """Exclude the objects that exist from garbage collection, and raise the threshold.

    To be called after the application is built: its objects live as long as the process.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GENERATION_0_THRESHOLD)
