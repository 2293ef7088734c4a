"""The machine: what it is, which core does what, and what processes take of it."""

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
    """Say what this was measured on."""
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
    """Run here on these cores for the block; what is started in it stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Tree:
    """A process and all that it has started."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def processes(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]

    def move(self, cores: Sequence[int]) -> None:
        """Let them run on these cores, and nowhere else."""
        self._of_each(lambda process: process.cpu_affinity(list(cores)))

    def cpu(self) -> float:
        """Seconds of a core that they have taken since they started."""
        return sum(self._of_each(_cpu))

    def resident(self) -> list[int]:
        """Bytes of each process that are in memory, pages shared with others in full."""
        return self._of_each(lambda process: process.memory_info().rss)

    def proportional(self) -> int:
        """Bytes in memory, where a page that several share counts as one: PostgreSQL's buffers."""
        return sum(self._of_each(lambda process: process.memory_full_info().pss))

    def _of_each(self, look: Callable[[psutil.Process], Value]) -> list[Value]:
        """Look at each of them that is still there: PostgreSQL's own workers come and go."""
        found = []
        for process in self.processes():
            with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                found.append(look(process))
        return found


def _cpu(process: psutil.Process) -> float:
    # the kernel's own count in nanoseconds, thread by thread; what psutil reads goes in steps of ten milliseconds
    threads = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9


def busy() -> float:
    """Seconds that all cores together have worked since the machine started, for whomever."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)
