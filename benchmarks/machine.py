"""The machine: its description, core affinity, and the CPU and memory of processes."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psutil

Value = TypeVar("Value")


def description() -> list[str]:
    """Return the hardware and the software, in words."""
    memory = psutil.virtual_memory().total / 2**30
    return [
        f"{os.cpu_count()} cores of {_processor()}, {memory:.0f} GiB of memory",
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


@contextmanager
def on_cores(cores: Sequence[int]) -> Iterator[None]:
    """Pin this process to these cores for the block. Processes started in it stay there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Tree:
    """A process and its descendants."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def processes(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]

    def move(self, cores: Sequence[int]) -> None:
        """Pin them to these cores."""
        self._of_each(lambda process: process.cpu_affinity(list(cores)))

    def cpu(self) -> float:
        """CPU seconds since they started."""
        return sum(self._of_each(_cpu))

    def resident(self) -> list[int]:
        """Resident set size of each process, in bytes: shared pages count in full."""
        return self._of_each(lambda process: process.memory_info().rss)

    def proportional(self) -> int:
        """Proportional set size, in bytes: a page that several share, as buffers, counts once."""
        return sum(self._of_each(lambda process: process.memory_full_info().pss))

    def _of_each(self, read: Callable[[psutil.Process], Value]) -> list[Value]:
        """Read a value of each process that still exists: PostgreSQL's workers come and go."""
        found = []
        for process in self.processes():
            with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                found.append(read(process))
        return found


def _cpu(process: psutil.Process) -> float:
    # The kernel counts nanoseconds per thread. What psutil reads has steps of ten milliseconds.
    threads = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9


def busy() -> float:
    """CPU seconds of all cores, of all programs, since the machine started."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)
